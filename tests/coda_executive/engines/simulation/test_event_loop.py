"""Virtual time: what the loop promises to code that runs on it, and what it refuses."""

import asyncio
import gc
import os
import random
import secrets
import signal
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from coda_executive.engines.simulation.deadlock import SimulationDeadlock
from coda_executive.engines.simulation.escapes import EscapedSimulation
from coda_executive.engines.simulation.event_loop import (
    SimulatedEventLoop,
    run,
    running_loop,
)
from coda_executive.engines.simulation.livelock import SimulationLivelock
from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.trace import LINES_PER_CHECKPOINT, Trace, text_writer
from coda_executive.errors import EngineError
from coda_executive.support.clock import wall_time_ns


def test_a_day_of_sleep_takes_no_time_and_the_clock_is_exact() -> None:
    async def main() -> tuple[float, int]:
        for _ in range(3):
            await asyncio.sleep(86_400.1)
        return asyncio.get_running_loop().time(), running_loop().now_ns

    assert run(main) == (259_200.3, 259_200_300_000_000)


def test_timers_of_one_instant_fire_in_the_order_in_which_they_were_set() -> None:
    fired: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(100):
            loop.call_at(5.0, fired.append, number)
        loop.call_at(5.0 - 1e-9, fired.append, -1)
        await asyncio.sleep(6)

    run(main)
    assert fired == [-1, *range(100)]


def test_what_a_step_leaves_for_its_end_is_done_before_anything_can_befall_its_process() -> None:
    """So a daemon's lines are on its disk when it is killed right after the step that wrote them, or stands still."""
    told: list[str] = []

    async def main() -> None:
        loop = running_loop()
        process = Process("node", told.append)

        def step() -> None:
            loop.at_end_of_step(lambda: told.append("one"))
            loop.at_end_of_step(fail)
            loop.at_end_of_step(lambda: told.append("two"))
            loop.freeze(process)
            told.append("step")

        def fail() -> None:
            raise OSError("no disk")

        loop.call_soon(step, context=process.context)
        loop.call_soon(loop.end, process)
        await asyncio.sleep(1)

    run(main)
    assert [line for line in told if line[0] not in " ET"] == ["step", "one", "OSError: no disk", "two"]


def test_a_cancelled_timer_does_not_fire_and_many_of_them_are_not_kept() -> None:
    async def main() -> int:
        loop = running_loop()
        for _ in range(1000):
            loop.call_later(1000, pytest.fail, "a cancelled timer fired").cancel()
        await asyncio.sleep(1)
        return len(loop._timers)

    assert run(main) < 10


def test_an_endless_sleep_is_nothing_left_to_do() -> None:
    async def main() -> None:
        await asyncio.sleep(float("inf"))

    with pytest.raises(SimulationDeadlock):
        run(main)


def test_a_deadlock_names_each_pending_task_and_where_it_waits() -> None:
    async def consumer(queue: asyncio.Queue[int]) -> None:
        await queue.get()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer(asyncio.Queue()), name="the consumer")

    with pytest.raises(SimulationDeadlock) as caught:
        run(main)
    text = str(caught.value)
    assert "0 s of virtual time" in text
    assert "task-1 waits at" in text
    assert "(TaskGroup.__aexit__)" in text
    consumer_line = next(line for line in text.splitlines() if "the consumer" in line)
    assert "test_event_loop.py" in consumer_line
    assert consumer_line.endswith("consumer (Queue.get)")


@pytest.mark.timeout(60)
def test_a_livelock_names_the_callback_that_comes_again_and_again() -> None:
    def impatient() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time(), impatient)

    async def main() -> None:
        await asyncio.sleep(7)
        impatient()
        await asyncio.sleep(1)

    with pytest.raises(SimulationLivelock, match=r"at 7 s of virtual time: .*\.impatient"):
        run(main)


@pytest.mark.timeout(60)
def test_a_livelock_names_the_task_that_polls_without_sleeping() -> None:
    cleaned: list[str] = []

    async def polling() -> None:
        while True:
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(polling(), name="the poller")
        try:
            await asyncio.sleep(1)
        finally:
            cleaned.append("main")
            task.cancel()

    with pytest.raises(SimulationLivelock, match="the poller"):
        run(main)
    assert cleaned == ["main"]


def test_a_deadlock_runs_the_clean_up_of_what_it_cancels() -> None:
    cleaned: list[str] = []

    async def main() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(1)
            cleaned.append("main")

    with pytest.raises(SimulationDeadlock):
        run(main)
    assert cleaned == ["main"]


@pytest.mark.parametrize(
    "api", ["wait", "as_completed coroutines", "as_completed tasks", "task group", "all_tasks", "gather"]
)
def test_asyncio_keeps_its_order_whatever_was_allocated_before(api: str) -> None:
    ballast = []
    orders = []
    for round_number in range(8):
        orders.append(run(lambda: order_of(api)))
        ballast.append([object() for _ in range(997 * round_number)])
        del ballast[::2]
    assert all(order == orders[0] for order in orders)


async def order_of(api: str) -> list[Any]:
    order: list[Any] = []

    async def work(number: int, seconds: float = 1.0) -> int:
        try:
            await asyncio.sleep(seconds)
        finally:
            order.append(number)
        return number

    def tasks() -> list[asyncio.Task[int]]:
        return [asyncio.ensure_future(work(number)) for number in range(40)]

    match api:
        case "wait":
            done, _ = await asyncio.wait(tasks())
            order += [task.result() for task in done]
        case "as_completed coroutines":
            order += [await each for each in asyncio.as_completed([work(number) for number in range(40)])]
        case "as_completed tasks":
            order += [await each for each in asyncio.as_completed(tasks())]
        case "task group":
            with pytest.raises(ExceptionGroup):
                await failing_group(work)
        case "all_tasks":
            made = tasks()
            order += [task.get_name() for task in asyncio.all_tasks()]
            await asyncio.wait(made)
        case "gather":
            order += await asyncio.gather(*(work(number) for number in range(40)))
    return order


async def failing_group(work: Callable[..., Awaitable[int]]) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.5)
        raise ValueError

    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(work(number))  # type: ignore[arg-type]
        group.create_task(fail())


def test_the_unordered_as_completed_is_back_after_the_run() -> None:
    before = asyncio.as_completed
    run(lambda: asyncio.sleep(1))
    assert asyncio.as_completed is before


def test_a_seed_decides_the_order_of_ready_callbacks() -> None:
    def order(seed: int | None) -> list[int]:
        loop = SimulatedEventLoop()
        if seed is not None:
            loop.pick_ready_by(Random(seed))
        ran: list[int] = []

        async def main() -> None:
            for number in range(20):
                asyncio.get_running_loop().call_soon(ran.append, number)
            await asyncio.sleep(1)

        run(main, loop=loop)
        return ran

    assert order(None) == list(range(20))
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(2)) == list(range(20))


def test_garbage_collection_is_left_to_the_loop_and_restored() -> None:
    assert gc.isenabled()
    assert run(is_gc_enabled) is False
    assert gc.isenabled()


async def is_gc_enabled() -> bool:
    await asyncio.sleep(1)
    return gc.isenabled()


def test_finalisers_of_cycles_run_at_the_same_step_each_time() -> None:
    class Cycle:
        def __init__(self, steps: list[int]) -> None:
            self.itself = self
            self.steps = steps

        def __del__(self) -> None:
            self.steps.append(running_loop().steps)

    def steps() -> list[int]:
        found: list[int] = []

        async def main() -> None:
            for number in range(30_000):
                if number % 1000 == 0:
                    Cycle(found)
                await asyncio.sleep(1)

        run(main)
        return found

    first = steps()
    assert len(first) > 10
    assert first == steps()


# ---- what is refused ----


async def use_a_thread() -> None:
    await asyncio.to_thread(len, "")


async def open_a_connection() -> None:
    await asyncio.open_connection("127.0.0.1", 1)


async def start_a_process() -> None:
    await asyncio.create_subprocess_exec("true")


async def handle_a_signal() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, list)


@pytest.mark.parametrize("escape", [use_a_thread, open_a_connection, start_a_process, handle_a_signal])
def test_the_outside_world_is_refused_with_the_call_site(escape: Callable[[], Any]) -> None:
    with pytest.raises(EscapedSimulation) as caught:
        run(escape)
    assert "test_event_loop.py" in caught.value.site
    assert caught.value.site.endswith(f" in {escape.__name__}")


def test_other_threads_may_not_call_in() -> None:
    errors: list[Exception] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def call() -> None:
            try:
                loop.call_soon_threadsafe(len, "")
            except EscapedSimulation as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()

    run(main)
    assert len(errors) == 1


@pytest.mark.real
def test_a_signal_handler_cancels_a_run_that_spins_in_virtual_time() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        before = signal.signal(signal.SIGUSR1, lambda *_: loop.call_soon_threadsafe(task.cancel))
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            while True:
                await asyncio.sleep(1)
        except asyncio.CancelledError:
            return "cancelled"
        finally:
            signal.signal(signal.SIGUSR1, before)

    assert run(main) == "cancelled"


@pytest.mark.parametrize(
    "use",
    [
        lambda: time.time(),
        lambda: time.monotonic(),
        lambda: time.perf_counter_ns(),
        lambda: time.sleep(0),
        lambda: os.urandom(4),
        lambda: secrets.token_hex(2),
        lambda: uuid.uuid4(),
        lambda: random.random(),
        lambda: random.shuffle([1]),
        lambda: Random(),
        lambda: threading.Thread(target=list).start(),
        lambda: socket.socket().close(),
    ],
)
def test_the_audit_names_who_reads_a_clock_or_draws_entropy(use: Callable[[], Any]) -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        use()

    with pytest.raises(EscapedSimulation) as caught:
        run(main, loop=audited())
    assert caught.value.site.endswith("<lambda>")
    use()  # and outside of the run it is as before


def test_the_audit_lets_evidence_be_stamped_and_streams_be_seeded(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        import logging

        logging.getLogger("test").warning("a line")
        assert wall_time_ns() > 0
        assert Random("7:link").random() == Random("7:link").random()

    run(main, loop=audited())
    assert caplog.messages == ["a line"]


def test_without_audit_clocks_may_be_read() -> None:
    async def main() -> float:
        return time.monotonic()

    assert run(main) > 0


def audited() -> SimulatedEventLoop:
    loop = SimulatedEventLoop()
    loop.audit()
    return loop


# ---- the trace ----


def traced(stray: Callable[[], float]) -> Trace:
    loop = SimulatedEventLoop()
    loop.trace = Trace()

    async def main() -> None:
        for _ in range(2 * LINES_PER_CHECKPOINT):
            await asyncio.sleep(1 + stray())

    run(main, loop=loop)
    return loop.trace


def test_equal_runs_have_equal_traces() -> None:
    first, second = traced(lambda: 0), traced(lambda: 0)
    assert len(first.checkpoints) >= 4
    assert (first.digest, first.checkpoints) == (second.digest, second.checkpoints)


def test_the_text_of_a_trace_has_every_step_and_who_took_it(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    loop = SimulatedEventLoop()
    loop.trace = Trace(text_writer(path))

    async def main() -> None:
        process = Process("node-1", lambda _line: None)
        await process.spawn(loop, asyncio.sleep(2), "daemon")

    run(main, loop=loop)
    loop.trace.write_out()

    lines = path.read_text().splitlines()
    assert "0 node-1: daemon" in lines
    assert "2000000000 node-1: daemon" in lines
    with pytest.raises(EngineError, match="the trace cannot be written"):
        text_writer(tmp_path)("text")


def test_the_first_checkpoint_that_differs_tells_where_a_run_went_astray() -> None:
    calls = iter(range(10_000))
    first, second = traced(lambda: 0), traced(lambda: 1e-9 if next(calls) == LINES_PER_CHECKPOINT else 0)
    assert first.digest != second.digest
    differing = [a != b for a, b in zip(first.checkpoints, second.checkpoints, strict=True)]
    assert differing == [False, False, True, True]
