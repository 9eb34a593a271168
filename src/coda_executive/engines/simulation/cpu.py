"""A simulated node's processor: what a daemon declares to cost time takes it, and more when it is slowed down."""

import contextvars
from collections.abc import Callable

import msgspec

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.schedulables import Timer

_AIR = contextvars.Context()  # what is due belongs to no process: it comes also while one stands still


class Work(msgspec.Struct, eq=False):
    """Work under way: done at `due_ns`, unless the processor's speed changes before."""

    due_ns: int
    done: Callable[[], None]
    timer: Timer | None = None


class SimulatedCpu:
    """What is spent is done one after the other, in the order of asking."""

    def __init__(self, loop: SimulatedEventLoop) -> None:
        self._loop = loop
        self._slowdown = 1.0
        self._under_way: dict[Work, None] = {}
        self._last_spent: Work | None = None

    @property
    def slowdown(self) -> float:
        """How many times as long everything takes."""
        return self._slowdown

    @slowdown.setter
    def slowdown(self, factor: float) -> None:
        """What is left of the work under way goes on at the new speed: nothing of a slow processor outlives it."""
        now_ns = self._loop.now_ns
        for work in self._under_way:
            assert work.timer is not None
            work.timer.cancel()
            work.due_ns = now_ns + int((work.due_ns - now_ns) * factor / self._slowdown)
            self._arm(work)
        self._slowdown = factor

    def begin(self, seconds: float, done: Callable[[], None], *, after: Work | None = None) -> Work:
        """Work that is begun when `after` is done; then `done` is called, from outside of any process."""
        now_ns = self._loop.now_ns
        begins_ns = now_ns if after is None else max(now_ns, after.due_ns)
        work = Work(begins_ns + int(seconds * self._slowdown * 1e9), done)
        self._under_way[work] = None
        self._arm(work)
        return work

    async def spend(self, seconds: float) -> None:
        """Return once so much work is done."""
        is_done = self._loop.create_future()

        def done() -> None:
            if not is_done.done():
                is_done.set_result(None)

        self._last_spent = self.begin(seconds, done, after=self._last_spent)
        await is_done

    def reset(self) -> None:
        """Its process is gone: what that had queued is not waited for."""
        self._last_spent = None

    def _arm(self, work: Work) -> None:
        work.timer = self._loop.call_at_ns(work.due_ns, (self._finish, work), _AIR)

    def _finish(self, work: Work) -> None:
        del self._under_way[work]
        work.done()
