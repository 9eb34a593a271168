"""What the loop runs: tasks and futures with a number for a hash, callbacks and timers that cost little."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from coda_executive.engines.simulation.process import Process


class SimulatedFuture(asyncio.Future[Any]):
    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number


class SimulatedTask(asyncio.Task[Any]):
    __slots__ = ("number", "process", "traced_as")

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], *, number: int, process: Process | None, **options: Any
    ) -> None:
        self.traced_as = ""
        self.number, self.process = number, process  # first: the base class puts the task into a set
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number


class ReadyHandle(asyncio.Handle):
    """The base class's, without its questions for debug mode: there are one or two for each event.

    The loop makes it without a call of the class, which would take twice as long.
    """

    __slots__ = ()
    _context: contextvars.Context
    _callback: Callable[..., object]
    _args: tuple[Any, ...]

    def cancel(self) -> None:
        self._cancelled = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._callback!r}>"


class Timer(asyncio.TimerHandle):
    """Made as ReadyHandle is."""

    __slots__ = ()
    _context: contextvars.Context
    _callback: Callable[..., object]
    _args: tuple[Any, ...]
    _loop: Any
    _scheduled: bool
    _when: float

    def cancel(self) -> None:
        if self._scheduled and not self._cancelled:
            self._loop._timer_handle_cancelled(self)
        self._cancelled = True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._when} of {self._callback!r}>"
