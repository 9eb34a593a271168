"""How fast virtual time runs: timers and messages through the simulation's event loop, in events per
CPU-second.

Workload T is 100 coroutines that sleep random times; an event is a timer and a resumed coroutine. Workload G
is 100 nodes with inboxes and 100 messages in flight; an event is a timer, an inbox put and a resumed
coroutine.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from random import Random
from statistics import median

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.event_loop import run as run_simulated
from coda_executive.engines.simulation.trace import Trace

EVENTS = 100_000


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


def rate(workload: Callable[[], Awaitable[None]], *, trace: bool = False, own: bool = True) -> float:
    """Events per CPU-second, median of five."""

    async def main() -> None:
        await workload()

    rates = []
    for _ in range(5):
        gc.collect()
        loop = SimulatedEventLoop()
        loop.trace = Trace() if trace else None
        start = time.process_time()
        run_simulated(main, loop=loop)
        rates.append(EVENTS / (time.process_time() - start))
    return median(rates)


def run() -> list[str]:
    lines = []
    for name, workload in (("timers", timers), ("messages", messages)):
        bare, traced = rate(workload), rate(workload, trace=True)
        lines.append(
            f"loop, {name}: {bare:,.0f} events/s bare, {traced:,.0f} with trace (bar: 150,000 and 100,000)"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(run()))
