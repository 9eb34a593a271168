"""`-stop-time`: a daemon that ran for so long stops when it is not needed (daemon contract A.2)."""

import asyncio

from coda_daemon.node import Node
from coda_daemon.ports import Clock
from coda_daemon.profile import Profile
from coda_protocol.slots import GlobalSlot


async def wait_for_stop_time(node: Node, clock: Clock, hours: int, profile: Profile) -> None:
    """Return once the node has been up for so long and is to make no block soon."""
    await _sleep_until(clock, node.started_ns + hours * 3600 * 1_000_000_000)
    margin_ns = int(profile.stop_margin * 1_000_000_000)
    times = node.genesis.rules.constants.times
    while (win := node.next_production) is not None:
        start_ns = times.start_of(win.slot) * 1_000_000
        if start_ns - clock.time_ns() > margin_ns:
            return
        # When that slot is over, the producer will have looked for its next one.
        await _sleep_until(clock, times.start_of(GlobalSlot(win.slot + 1)) * 1_000_000)


async def _sleep_until(clock: Clock, instant_ns: int) -> None:
    # In several sleeps if need be: the node's clock may run apart from the loop's.
    while (rest := instant_ns - clock.time_ns()) > 0:  # noqa: ASYNC110  no event tells of time
        await asyncio.sleep(rest / 1_000_000_000)
