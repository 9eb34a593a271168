"""What the loop runs: tasks and futures with a number for a hash, callbacks and timers that cost little."""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, Protocol

import msgspec

from coda_executive.engines.simulation.process import Process

NANOSECONDS = 1_000_000_000


class TimerLoop(Protocol):
    """What a timer must know: the loop's time, and where those are counted that will not fire."""

    now_ns: int
    cancelled_timers: int


class SimulatedFuture(asyncio.Future[Any]):
    """It gets its number when somebody asks for its hash: hardly anybody does, and in the same order each time."""

    __slots__ = ("_number",)
    _number: int

    def __hash__(self) -> int:
        try:
            return self._number
        except AttributeError:
            loop: Any = self.get_loop()
            self._number = next(loop.numbers)
            return self._number


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


class ReadyHandle(msgspec.Struct, eq=False):
    """What code asks of an `asyncio.Handle`. There are one or two for each event, and a struct is made in a third
    of the time.
    """

    call: tuple[Any, ...]  # the callback and its arguments
    context: contextvars.Context
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.call[0]!r}>"


class Timer(msgspec.Struct, eq=False):
    """The same of an `asyncio.TimerHandle`."""

    call: tuple[Any, ...]
    context: contextvars.Context
    when_ns: int
    loop: TimerLoop
    is_cancelled: bool = False

    def cancel(self) -> None:
        if not self.is_cancelled:
            self.is_cancelled = True
            if self.when_ns > self.loop.now_ns:
                self.loop.cancelled_timers += 1

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.when_ns / NANOSECONDS

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.when()} of {self.call[0]!r}>"
