"""How fast virtual time runs: timers and messages through the simulation's event loop, in events per
CPU-second.

Workload T is 100 coroutines that sleep random times; an event is a timer and a resumed coroutine. Workload G
is 100 nodes with inboxes and 100 messages in flight; an event is a timer, an inbox put and a resumed
coroutine.

The same workloads run on asyncio's stock loop with a selector that only moves the clock: rates depend on the
machine and on what else it does, their ratio hardly. On the machine that the bars were set on, the stock loop of
Python 3.11 made the rates of `REFERENCE`; the ratio times that is what this loop would make there.
"""

import asyncio
import gc
import selectors
import time
from collections.abc import Awaitable, Callable
from random import Random
from statistics import median

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.event_loop import run as run_simulated
from coda_executive.engines.simulation.trace import Trace

EVENTS = 100_000
REFERENCE = {"timers": 146_000, "messages": 136_000}  # events per CPU-second


async def timers() -> None:
    async def sleeper(number: int) -> None:
        stream = Random(f"1:sleeper:{number}")
        for _ in range(EVENTS // 100):
            await asyncio.sleep(stream.random())

    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(sleeper(number))


async def messages() -> None:
    loop = asyncio.get_running_loop()
    inboxes: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(100)]
    left = EVENTS

    async def node(number: int) -> None:
        nonlocal left
        stream = Random(f"1:node:{number}")
        while left > 0:
            await inboxes[number].get()
            left -= 1
            target = inboxes[int(stream.random() * 100)]
            loop.call_later(stream.random(), target.put_nowait, number)

    tasks = [asyncio.ensure_future(node(number)) for number in range(100)]
    for number in range(100):
        loop.call_later(0.001 * number, inboxes[number].put_nowait, number)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: moves the clock on by the time-out instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0
        return []


class _StockLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def stock_seconds(workload: Callable[[], Awaitable[None]]) -> float:
    async def main() -> None:
        await workload()

    gc.collect()
    with asyncio.Runner(loop_factory=_StockLoop) as runner:
        start = time.process_time()
        runner.run(main())
        return time.process_time() - start


def simulated_seconds(workload: Callable[[], Awaitable[None]], *, trace: bool) -> float:
    async def main() -> None:
        await workload()

    gc.collect()
    loop = SimulatedEventLoop()
    loop.trace = Trace() if trace else None
    start = time.process_time()
    run_simulated(main, loop=loop)
    return time.process_time() - start


def run() -> list[str]:
    lines = []
    for name, workload in (("timers", timers), ("messages", messages)):
        measured = [
            (
                stock_seconds(workload),
                simulated_seconds(workload, trace=False),
                simulated_seconds(workload, trace=True),
            )
            for _ in range(5)  # in turns, so that a busy machine slows all of them
        ]
        stock, bare, traced = (EVENTS / median(column) for column in zip(*measured, strict=True))
        ratios = bare / stock, traced / stock
        scaled = [ratio * REFERENCE[name] for ratio in ratios]
        lines.append(
            f"loop, {name}: {bare:,.0f} events/s bare, {traced:,.0f} with trace (bar: 150,000 and 100,000); "
            f"asyncio's loop {stock:,.0f}, ratio {ratios[0]:.2f} and {ratios[1]:.2f}: "
            f"scaled to the bars' machine {scaled[0]:,.0f} and {scaled[1]:,.0f}"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(run()))
