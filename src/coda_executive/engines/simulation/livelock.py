"""A run in which things happen for ever while no time passes: which things."""

from collections.abc import Iterable
from typing import Final

from coda_executive.engines.simulation.schedulables import ReadyHandle, Timer
from coda_executive.engines.simulation.trace import Trace
from coda_executive.errors import InternalError

# Times that everything that is ready is run before the clock moves. Networks of 200 nodes need a few hundred.
MOST_ROUNDS: Final = 100_000
_SHOWN: Final = 8


class SimulationLivelock(InternalError):
    """Virtual time stands still, and yet there is always something to do. The text names what is ready."""


def livelock(now_ns: int, ready: Iterable[ReadyHandle | Timer]) -> SimulationLivelock:
    told: list[str] = []
    trace = Trace(told.append)
    for handle in list(ready)[:_SHOWN]:
        trace.step(now_ns, handle.call[0])
    trace.write_out()
    steps = sorted({line.partition(" ")[2] for line in "".join(told).splitlines()})
    return SimulationLivelock(
        f"time stands still at {now_ns / 1e9:.9g} s of virtual time: {MOST_ROUNDS:,} rounds of callbacks ran in this "
        f"instant, and each made another ready. Something waits for a moment that has come, without a time to sleep. "
        f"Ready again: {', '.join(steps)}"
    )
