"""The event loop of virtual time: it never waits, its clock jumps to the next deadline.

Whatever decides an order is a number of its own: time in integer nanoseconds, timers by (time, sequence),
tasks and futures hashed by number instead of address. Real I/O, threads and signal handlers are
refused; the one thing let in from outside is `call_soon_threadsafe` from a signal handler, which runs in the
loop's own thread.
"""

import asyncio
import contextvars
import threading
import traceback
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from heapq import heapify, heappop, heappush
from itertools import count, repeat
from random import Random
from typing import Any, TypeVar
from weakref import ref

from coda_executive.engines.simulation.deadlock import deadlock
from coda_executive.engines.simulation.escapes import (
    LOOP_METHODS,
    Audit,
    EscapedSimulation,
    call_site,
    refusal,
)
from coda_executive.engines.simulation.livelock import MOST_ROUNDS, livelock
from coda_executive.engines.simulation.process import PROCESS, Guarded, Process
from coda_executive.engines.simulation.schedulables import (
    NANOSECONDS,
    ReadyHandle,
    SimulatedFuture,
    SimulatedTask,
    Timer,
)
from coda_executive.engines.simulation.surroundings import (
    COLLECTION_STEPS,
    collect_at,
    ordered_as_completed,
    scheduled_collection,
)
from coda_executive.engines.simulation.trace import Trace
from coda_executive.errors import InternalError

T = TypeVar("T")

_INFINITY = float("inf")

# A heap with more cancelled timers than live ones is rebuilt: each `asyncio.timeout` that was not needed
# leaves one behind.
_FEW_CANCELLED = 100


class SimulatedEventLoop(BaseEventLoop):
    """See the module. `time()` is seconds since the loop was made; `now_ns` is the same, exactly."""

    # The base class's own, which the type stubs leave out.
    _stopping: bool
    _check_closed: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.trace: Trace | None = None
        self.steps = 0
        self._now = 0.0
        self._thread = threading.get_ident()
        self.numbers = count(1)
        self._queue: deque[ReadyHandle | Timer] = deque()
        self._afterwards: list[Callable[[], None]] = []  # of the step that runs
        # In virtual time much falls due at one instant: a heap of instants, and their timers in the order of making.
        self._instants: list[int] = []
        self._timers: dict[int, list[Timer]] = {}
        self._timer_count = 0
        self.cancelled_timers = 0
        self._take: Callable[[], ReadyHandle | Timer] = self._queue.popleft
        self.draws_order = False  # of ready callbacks, see `pick_ready_by`
        self._frozen: set[Process] = set()
        self._next_collection = COLLECTION_STEPS
        self._audit: Audit | None = None
        self.set_exception_handler(self._tell)

    # ---- clock and callbacks ----

    def time(self) -> float:
        return self._now

    # A handle holds the tuple that the call came in, to be called with it again: nothing is taken apart.

    def call_soon(self, *call: Any, context: contextvars.Context | None = None) -> Any:  # type: ignore[override]
        handle = ReadyHandle(call, copy_context() if context is None else context)
        self._queue.append(handle)
        return handle

    def call_soon_threadsafe(self, *call: Any, context: contextvars.Context | None = None) -> Any:  # type: ignore[override]
        if threading.get_ident() != self._thread:
            raise EscapedSimulation(
                "call_soon_threadsafe from another thread",
                call_site(),
                "Only a signal handler may use it here.",
            )
        return self.call_soon(*call, context=context)

    def call_later(self, delay: float, *call: Any, context: contextvars.Context | None = None) -> Any:  # type: ignore[override]
        """A delay of infinity never fires, and does not count as something left to do."""
        if delay == _INFINITY:
            return asyncio.TimerHandle(_INFINITY, call[0], call[1:], self, context)
        delay_ns = int(delay * NANOSECONDS + 0.5)
        return self.call_at_ns(self.now_ns + delay_ns if delay_ns > 0 else self.now_ns, call, context)

    def call_at(self, when: float, *call: Any, context: contextvars.Context | None = None) -> Any:  # type: ignore[override]
        if when == _INFINITY:
            return asyncio.TimerHandle(_INFINITY, call[0], call[1:], self, context)
        when_ns = int(when * NANOSECONDS + 0.5)
        return self.call_at_ns(max(self.now_ns, when_ns), call, context)

    def call_at_ns(self, when_ns: int, call: tuple[Any, ...], context: contextvars.Context | None) -> Timer:
        """`call_at` in the loop's own unit; `when_ns` is not in the past, `call` the callback and its arguments."""
        timer = Timer(call, copy_context() if context is None else context, when_ns, self)
        self._timer_count += 1
        timers = self._timers.get(when_ns)
        if timers is None:
            self._timers[when_ns] = [timer]
            heappush(self._instants, when_ns)
        else:
            timers.append(timer)
        return timer

    def at_end_of_step(self, call: Callable[[], None]) -> None:
        """Call it when the callback that runs has returned, as part of the same step: whatever befalls its process
        then finds it done.
        """
        self._afterwards.append(call)

    # ---- tasks and futures ----

    def create_future(self) -> SimulatedFuture:
        return SimulatedFuture(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        self._check_closed()
        number = next(self.numbers)
        process = PROCESS.get() if context is None else context.get(PROCESS)
        code: Any = coro if process is None else Guarded(coro, process, number)
        task = SimulatedTask(
            code,
            number=number,
            process=process,
            loop=self,
            name=f"task-{number}" if name is None else str(name),
            context=context,
            **options,
        )
        if process is not None:
            process.tasks[number] = ref(task)
        return task

    def set_task_factory(self, factory: object) -> None:
        raise EscapedSimulation(
            "a task factory", call_site(), "Tasks are made by the loop: they carry numbers."
        )

    # ---- policies, set by the engine for a run ----

    def pick_ready_by(self, stream: Random) -> None:
        """Run ready callbacks in an order drawn from a stream, instead of first in, first out."""

        def take() -> ReadyHandle | Timer:
            self._queue.rotate(-int(stream.random() * len(self._queue)))
            return self._queue.popleft()

        self._take = take
        self.draws_order = True

    def audit(self) -> None:
        """Lay the trip-wires of `escapes.Audit` until the loop stops running."""
        if self._audit is None:
            self._audit = Audit()
            if self.is_running():
                self._audit.lay()

    # ---- processes ----

    def freeze(self, process: Process) -> None:
        """From now on nothing of the process runs; what falls due is kept for `thaw`."""
        process.is_frozen = True
        self._frozen.add(process)

    def thaw(self, process: Process) -> None:
        process.is_frozen = False
        self._frozen.discard(process)
        self._queue.extend(process.set_aside)
        process.set_aside.clear()

    def end(self, process: Process) -> None:
        """End all of a process: none of its code goes on, and its tasks are done within this instant."""
        process.is_gone = True
        self.thaw(process)
        for timers in self._timers.values():
            for due in timers:
                if not due.is_cancelled and due.context.get(PROCESS) is process:
                    due.cancel()
        for weak in list(process.tasks.values()):
            task = weak()
            if task is not None and not task.done():
                task.cancel()

    def _pending_tasks(self) -> list[SimulatedTask]:
        """In the order of their creation."""
        tasks = (task for task in asyncio.all_tasks(self) if isinstance(task, SimulatedTask))
        return sorted(tasks, key=lambda task: task.number)

    # ---- running ----

    def run_forever(self) -> None:
        with scheduled_collection(), ordered_as_completed():
            if self._audit is not None:
                self._audit.lay()
            try:
                super().run_forever()
            finally:
                if self._audit is not None:
                    self._audit.remove()

    def _run_once(self) -> None:
        """Run all that is ready, then jump to the next deadline, and again until the loop is stopped."""
        queue, frozen, afterwards = self._queue, self._frozen, self._afterwards
        rounds = 0  # of callbacks in this instant
        while queue or not self._stopping:
            if not queue and self._jump():
                rounds = 0
            rounds += 1
            if rounds > MOST_ROUNDS:
                raise livelock(self.now_ns, queue)
            todo = len(queue)
            take, trace = self._take, self.trace
            for _ in repeat(None, todo):
                handle = take()
                if handle.is_cancelled:
                    continue
                if frozen and (process := handle.context.get(PROCESS)) is not None and process.is_frozen:
                    process.set_aside.append(handle)
                    continue
                if trace is not None:
                    trace.step(self.now_ns, handle.call[0])
                try:
                    handle.context.run(*handle.call)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001  as in Handle._run: a callback's failure is not the loop's
                    self._report(handle, error)
                if afterwards:
                    self._end_step(handle)
            self.steps = steps = self.steps + todo
            if steps >= self._next_collection:
                collect_at(self._next_collection)
                self._next_collection = (steps // COLLECTION_STEPS + 1) * COLLECTION_STEPS
            if self._stopping:
                return

    def _end_step(self, handle: ReadyHandle | Timer) -> None:
        for call in self._afterwards:
            try:
                handle.context.run(call)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001  as in `_run_once`
                self._report(handle, error)
        self._afterwards.clear()

    def _report(self, handle: ReadyHandle | Timer, error: BaseException) -> None:
        message = f"Exception in callback {handle!r}"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})

    def _tell(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler: what went wrong in a process is told where its standard error
        goes.
        """
        owner = context.get("task") or context.get("future") or context.get("handle")
        if isinstance(owner, SimulatedTask):
            process = owner.process
        else:
            process = owner.context.get(PROCESS) if isinstance(owner, ReadyHandle | Timer) else None
        if process is None:
            self.default_exception_handler(context)
            return
        if process.is_gone:
            return  # nobody hears it, and a traceback takes its time
        error = context.get("exception")
        text = "".join(traceback.format_exception(error)) if error is not None else ""
        process.complain(f"{context['message']}\n{text}")

    def _jump(self) -> bool:
        """To the next instant at which something is due; whether time has passed."""
        if self.cancelled_timers > _FEW_CANCELLED and self.cancelled_timers * 2 > self._timer_count:
            self._forget_cancelled()
        queue, instants = self._queue, self._instants
        while not queue:
            if not instants:
                raise deadlock(self._now, self._pending_tasks(), self._frozen)
            instant = heappop(instants)
            timers = self._timers.pop(instant)
            self._timer_count -= len(timers)
            for due in timers:
                if not due.is_cancelled:
                    queue.append(due)
                elif instant > self.now_ns:  # or it was cancelled when it was due already, and is not counted
                    self.cancelled_timers -= 1
        has_passed = instant > self.now_ns
        self.now_ns = instant
        self._now = instant / NANOSECONDS
        return has_passed

    def _forget_cancelled(self) -> None:
        live = {
            instant: [due for due in timers if not due.is_cancelled]
            for instant, timers in self._timers.items()
        }
        self._timers = {instant: timers for instant, timers in live.items() if timers}
        self._instants = list(self._timers)
        heapify(self._instants)
        self._timer_count = sum(map(len, self._timers.values()))
        self.cancelled_timers = 0

    def close(self) -> None:
        super().close()
        self._queue.clear()
        self._timers.clear()
        self._instants.clear()


for _name in LOOP_METHODS:
    setattr(SimulatedEventLoop, _name, refusal(_name))


def run(main: Callable[[], Coroutine[Any, Any, T]], *, loop: SimulatedEventLoop | None = None) -> T:
    """Run a coroutine in virtual time, like `asyncio.run`; `loop` is one that was prepared, and is closed.

    Raises SimulationDeadlock when nothing can happen any more before `main` has returned; all tasks are
    cancelled then.
    """
    made = loop or SimulatedEventLoop()
    with asyncio.Runner(loop_factory=lambda: made) as runner:
        return runner.run(main())


def running_loop() -> SimulatedEventLoop:
    """The loop that runs the caller. Raises InternalError if it is not the simulation's."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedEventLoop):
        raise InternalError(
            f"the simulation runs on its own event loop, found {type(loop).__name__}; start it with Engine.run"
        )
    return loop
