"""The promises of `interfaces.capabilities`: what is claimed is done, can be done twice, and can be undone.

Each clause is skipped where the engine does not claim the ability. What a fault does to a daemon is looked at
where every daemon of the contract shows it; else the engine's own answer is.
"""

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from coda_executive.errors import DeployError, RequestFailed
from coda_executive.events.event import NodeKilled, NodePaused, NodeResumed, NodeStarted
from coda_executive.interfaces.capabilities import (
    ClockSkewable,
    CpuThrottleable,
    DiskFault,
    DiskFaultable,
    Killable,
    LinkShape,
    LinkShapeable,
    Partitionable,
    Pausable,
    Resettable,
    Upgradable,
)
from coda_executive.interfaces.node import Node
from coda_executive.testing.bench import Bench
from coda_executive.testing.promises import clause, promise

if TYPE_CHECKING:
    from coda_executive.interfaces.testnet import Testnet

_PROBE_SECONDS = 0.3
_SKEW = 1000.0


class AbilityConformance:
    """The part of the kit on abilities."""

    wrong_daemon: str

    async def leave_trace(self, node: Node) -> object:
        raise NotImplementedError

    @clause(Killable)
    async def test_kill_ends_a_node_at_once_and_is_told_as_no_crash(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        await cast(Killable, seed).kill()
        promise(not seed.is_running, "kill returned before the process was gone")
        await cast(Killable, seed).kill()
        told = bench.told_of(seed)
        promise(told == [NodeStarted(False), NodeKilled()], f"told was {told} for one start and one kill")
        with suppress(RequestFailed):
            promise(not await seed.client.sync_status(), "a killed node answered")
        await seed.start()
        await bench.until_it_answers(seed)

    @clause(Pausable)
    async def test_pause_freezes_a_node_until_it_is_resumed(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        frozen = cast(Pausable, seed)
        await frozen.resume()
        await frozen.pause()
        await frozen.pause()
        promise(seed.is_running, "a paused node still has a process")
        promise(not await bench.answers(seed), "a paused node answered")
        await frozen.resume()
        await frozen.resume()
        await bench.until_it_answers(seed)
        told = bench.told_of(seed)[1:]
        promise(told == [NodePaused(), NodeResumed()], f"told was {told} for one pause and one resumption")

    @clause(Partitionable)
    async def test_cut_link_lets_nothing_through_in_its_direction_until_mended(self, bench: Bench) -> None:
        seed, node = (await bench.running()).nodes
        there, back = cast(Partitionable, seed), cast(Partitionable, node)

        async def goes_through() -> tuple[bool, bool]:
            return (
                await there.probe_link(node.id, seconds=_PROBE_SECONDS),
                await back.probe_link(seed.id, seconds=_PROBE_SECONDS),
            )

        promise(await goes_through() == (True, True), "a link that nobody cut lets nothing through")
        await there.cut_links([node.id])
        await there.cut_links([node.id])
        found = await goes_through()
        promise(found == (False, True), f"one direction was cut; what gets through there and back: {found}")
        await there.mend_links([node.id])
        await there.mend_links([node.id])
        promise(await goes_through() == (True, True), "a mended link lets nothing through")

    @clause(LinkShapeable)
    async def test_shape_of_a_link_is_its_own_and_is_taken_away(self, bench: Bench) -> None:
        seed, node = (await bench.running()).nodes
        shaped = cast(LinkShapeable, seed)
        slow = LinkShape(delay=0.25)
        await shaped.shape_link(node.id, LinkShape(delay=9.0))
        await shaped.shape_link(node.id, slow)
        promise(await shaped.link_shape(node.id) == slow, "a new shape does not replace the one before")
        back = await cast(LinkShapeable, node).link_shape(seed.id)
        promise(back is None, f"the other direction was shaped too: {back}")
        if isinstance(seed, Partitionable):
            quick = await seed.probe_link(node.id, seconds=0.1)
            promise(not quick, "a delay of 0.25 s let a message through within 0.1 s")
        await shaped.shape_link(node.id, None)
        promise(await shaped.link_shape(node.id) is None, "the shape was not taken away")

    @clause(Resettable)
    async def test_connections_that_were_reset_are_made_again(self, bench: Bench) -> None:
        testnet = await bench.running()
        seed, node = testnet.nodes
        await bench.until(lambda: _are_linked(testnet), f"{node.id} and {seed.id} never were peers")
        await cast(Resettable, seed).reset_connections([node.id])
        await bench.until(lambda: _are_linked(testnet), f"{node.id} and {seed.id} never were peers again")
        promise(seed.is_running and node.is_running, "a reset of connections ended a node")

    @clause(ClockSkewable)
    async def test_skewed_clock_is_what_the_daemon_sees_until_it_is_set_right(self, bench: Bench) -> None:
        testnet = await bench.running()
        (seed,) = testnet.seeds
        clock = cast(ClockSkewable, seed)
        await seed.stop()
        await clock.set_clock(ahead=-1.0)
        await clock.set_clock(ahead=_SKEW)
        ahead = await clock.read_clock()
        promise(abs(ahead - _SKEW) < 1, f"set {_SKEW:g} s ahead, the clock is {ahead:g} s ahead")
        await seed.start()
        await bench.until_it_answers(seed)
        await clock.set_clock(ahead=0.0)
        promise(abs(await clock.read_clock()) < 1, "the clock was set right, and is wrong")
        await bench.manager.destroy()
        minutes = [stamp[:16] for stamp in _timestamps(bench, seed)]
        promise(
            minutes[0] < max(minutes), f"the daemon's own time did not jump: {minutes[0]} to {max(minutes)}"
        )
        promise(
            minutes[-1] < max(minutes), f"the daemon's own time was not set right: it ended {minutes[-1]}"
        )

    @clause(DiskFaultable)
    async def test_full_disk_fails_what_writes_until_there_is_room(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        disk = cast(DiskFaultable, seed)
        promise(await disk.disk_fault() is None, "the disk has a fault that nobody asked for")
        await disk.set_disk_fault(DiskFault(is_full=True))
        promise(await disk.disk_fault() == DiskFault(is_full=True), "the fault cannot be asked after")
        try:
            await self.leave_trace(seed)
        except RequestFailed:
            pass
        else:
            promise(False, "a daemon with a full disk stored something")
        await disk.set_disk_fault(None)
        promise(await disk.disk_fault() is None, "the fault was not taken away")
        await self.leave_trace(seed)

    @clause(CpuThrottleable)
    async def test_slowdown_is_undone(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        cpu = cast(CpuThrottleable, seed)
        promise(await cpu.slowdown() == 1, "the processor is slowed down, and nobody asked")
        await cpu.set_slowdown(3.0)
        promise(await cpu.slowdown() == 3, "the slowdown cannot be asked after")
        await cpu.set_slowdown(1.0)
        promise(await cpu.slowdown() == 1, "the slowdown was not undone")

    @clause(Upgradable)
    async def test_upgrade_to_a_daemon_that_there_is_not_is_refused(self, bench: Bench) -> None:
        (seed,) = (await bench.running()).seeds
        upgradable = cast(Upgradable, seed)
        await seed.stop()
        try:
            await upgradable.upgrade(self.wrong_daemon)
        except DeployError:
            pass
        else:
            promise(False, f"there is no daemon {self.wrong_daemon!r}, and the upgrade took it")
        await upgradable.upgrade(None)
        await seed.start()
        await bench.until_it_answers(seed)


async def _are_linked(testnet: "Testnet") -> bool:
    seed, node = testnet.nodes
    with suppress(RequestFailed):
        return bool(await seed.client.peers()) and bool(await node.client.peers())
    return False


def _timestamps(bench: Bench, node: Node) -> list[str]:
    """Of a node's lines, in order."""
    found = []
    for line in bench.lines(node):
        with suppress(ValueError):
            record: Any = json.loads(line)
            if isinstance(record, dict) and isinstance(record.get("timestamp"), str):
                found.append(record["timestamp"])
    return found
