"""What the loop runs: tasks and futures with a number for a hash, callbacks and timers that cost little."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from coda_executive.engines.simulation.process import Process


class SimulatedFuture(asyncio.Future[Any]):
    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number


class SimulatedTask(asyncio.Task[Any]):
    __slots__ = ("number", "process")

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], *, number: int, process: Process | None, **options: Any
    ) -> None:
        self.number, self.process = number, process  # first: the base class puts the task into a set
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number


class ReadyHandle(asyncio.Handle):
    """The base class's, without its questions for debug mode: there are one or two for each event."""

    __slots__ = ()
    _context: contextvars.Context
    _callback: Callable[..., object]

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class Timer(asyncio.TimerHandle):
    __slots__ = ()
    _context: contextvars.Context
    _callback: Callable[..., object]
    _scheduled: bool

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self._scheduled = False

    def cancel(self) -> None:
        if self._scheduled:
            super().cancel()
        else:  # it has fired: the usual end of `asyncio.sleep`
            self._cancelled = True
