"""What can be done to a simulated machine, seen from a small daemon that runs on it."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from coda_executive.engines.simulation import ENGINE, daemons
from coda_executive.engines.simulation.store import Disk, SimulatedStore
from coda_executive.errors import DeployError
from coda_executive.events.event import NodeCrashed
from coda_executive.interfaces.capabilities import ABILITIES, DiskFault


class Scripted:
    """A daemon that runs one function, and then until it is interrupted."""

    def __init__(self, script: Callable[[Any], Awaitable[None]]) -> None:
        self._script = script

    def build(self) -> tuple[str, Mapping[str, str]]:
        return "scripted", {}

    async def run(self, _arguments: Sequence[str], host: Any) -> int:
        await self._script(host)
        await host.interrupted()
        return 0


def now() -> float:
    return asyncio.get_running_loop().time()


async def idle(_host: Any) -> None: ...


def test_the_engine_lists_what_its_nodes_can(scenario: ModuleType, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        assert all(isinstance(run.testnet.node("a"), ability) for ability in ABILITIES)

    assert set(ENGINE.capabilities) == set(ABILITIES)
    scenario.simulate(body, tmp_path, daemon=Scripted(idle), names=["a"])


def test_a_skewed_clock_drifts_until_it_is_set_right_and_only_on_its_node(
    scenario: ModuleType, tmp_path: Path
) -> None:
    hosts: list[Any] = []

    async def script(host: Any) -> None:
        hosts.append(host)

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(1)
        await node.set_clock(ahead=-5.0, drift=0.01)
        assert await node.read_clock() == pytest.approx(-5)
        await asyncio.sleep(100)
        assert await node.read_clock() == pytest.approx(-4)
        assert (hosts[0].clock.time_ns() - hosts[1].clock.time_ns()) / 1e9 == pytest.approx(-4)
        await node.set_clock(ahead=0.0)
        assert hosts[0].clock.time_ns() == hosts[1].clock.time_ns()

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a", "b"])


def test_a_full_disk_fails_what_writes_and_still_reads(scenario: ModuleType, tmp_path: Path) -> None:
    seen: list[Any] = []

    async def script(host: Any) -> None:
        host.store.write("/tmp/f", b"before")
        await asyncio.sleep(2)
        for write in (host.store.write, host.store.append):
            with pytest.raises(OSError, match="no space") as caught:
                write("/tmp/f", b"after")
            seen.append(caught.value.errno)
        seen.append(host.store.read("/tmp/f"))
        await asyncio.sleep(2)
        host.store.append("/tmp/f", b" and after")
        seen.append(host.store.read("/tmp/f"))

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(1)
        await node.set_disk_fault(DiskFault(is_full=True))
        assert await node.disk_fault() == DiskFault(is_full=True)
        await asyncio.sleep(2)
        await node.set_disk_fault(None)
        assert await node.disk_fault() is None
        await asyncio.sleep(2)

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a"])
    assert seen == [errno.ENOSPC, errno.ENOSPC, b"before", b"before and after"]


def test_a_slow_disk_makes_the_process_stand_still(scenario: ModuleType, tmp_path: Path) -> None:
    """Three writes of two seconds each: the next step of any of its tasks comes six seconds later."""
    times: list[float] = []

    async def script(host: Any) -> None:
        await asyncio.sleep(2)
        times.append(now())
        for _ in range(3):
            host.store.append("/tmp/f", b"x")
        await asyncio.sleep(1)
        times.append(now())

    async def body(run: Any) -> None:
        await asyncio.sleep(1)
        await run.testnet.node("a").set_disk_fault(DiskFault(write_seconds=2.0))
        await asyncio.sleep(20)

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a"])
    assert times[1] - times[0] == pytest.approx(6)


def test_a_node_that_waits_for_its_disk_stays_paused_when_the_disk_is_done(
    scenario: ModuleType, tmp_path: Path
) -> None:
    times: list[float] = []

    async def script(host: Any) -> None:
        await asyncio.sleep(2)
        host.store.append("/tmp/f", b"x")
        await asyncio.sleep(0)
        times.append(now())

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await node.set_disk_fault(DiskFault(write_seconds=2.0))
        await asyncio.sleep(3)
        await node.pause()
        await asyncio.sleep(5)
        await node.resume()
        await asyncio.sleep(1)

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a"])
    assert times == [pytest.approx(8)]


def test_a_crash_on_a_torn_disk_leaves_some_of_what_was_not_synced() -> None:
    kept = set()
    for seed in range(50):
        disk = Disk(fault=DiskFault(is_torn=True))
        store = SimulatedStore(disk)
        store.append("/tmp/f", b"durable ")
        store.sync("/tmp/f")
        store.append("/tmp/f", b"not yet")
        disk.lose_unsynced(Random(seed))
        content = store.read("/tmp/f")
        assert b"durable not yet".startswith(content)
        assert content.startswith(b"durable ")
        kept.add(len(content))
    assert len(kept) > 4


def test_declared_work_is_done_one_after_the_other_and_slower_when_throttled(
    scenario: ModuleType, tmp_path: Path
) -> None:
    times: list[tuple[str, float]] = []

    async def script(host: Any) -> None:
        async def work(name: str, seconds: float) -> None:
            await host.spend(name, seconds)
            times.append((name, now()))

        async with asyncio.TaskGroup() as group:
            group.create_task(work("proof", 3))
            group.create_task(work("apply", 1))
        await asyncio.sleep(10 - now())
        await work("proof", 3)

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(5)
        await node.set_slowdown(4.0)
        assert await node.slowdown() == 4.0
        await asyncio.sleep(30)

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a"])
    assert times == [("proof", 3.0), ("apply", 4.0), ("proof", 22.0)]


def test_a_process_stands_still_for_what_its_steps_cost(scenario: ModuleType, tmp_path: Path) -> None:
    times: list[tuple[str, float]] = []

    async def script(host: Any) -> None:
        async def ticks() -> None:
            await asyncio.sleep(1)
            host.work("block", 2)
            host.work("block", 1)
            times.append(("the step goes on", now()))
            await asyncio.sleep(0)
            times.append(("the next one", now()))

        await ticks()
        await asyncio.sleep(10 - now())
        host.work("block", 1)
        await asyncio.sleep(0)
        times.append(("slowed", now()))

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(5)
        await node.set_slowdown(4.0)
        await asyncio.sleep(30)

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a"])
    assert times == [("the step goes on", 1.0), ("the next one", 4.0), ("slowed", 14.0)]


async def two_proofs(host: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("first", "second"):
            group.create_task(host.spend(name, 5))


async def two_blocks(host: Any) -> None:
    for name in ("first", "second"):
        host.work(name, 5)
    await asyncio.sleep(0)


@pytest.mark.parametrize("work", [two_proofs, two_blocks])
def test_work_under_way_goes_on_at_the_new_speed(
    work: Callable[[Any], Awaitable[None]], scenario: ModuleType, tmp_path: Path
) -> None:
    """Of ten seconds' work that takes four times as long, two are done after eight, and eight are left."""
    times: list[float] = []

    async def script(host: Any) -> None:
        await asyncio.sleep(10 - now())
        await work(host)
        times.append(now())

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await node.set_slowdown(4.0)
        await asyncio.sleep(18 - now())
        await node.set_slowdown(1.0)
        await asyncio.sleep(30)

    scenario.simulate(body, tmp_path, daemon=Scripted(script), names=["a"])
    assert times == [pytest.approx(26)]


def test_an_upgraded_node_runs_the_other_daemon_from_its_next_start_on(
    scenario: ModuleType, tmp_path: Path
) -> None:
    ran: list[str] = []

    def daemon(name: str) -> Scripted:
        async def script(_host: Any) -> None:
            ran.append(name)

        return Scripted(script)

    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(1)
        entries = [scenario.FakeEntry("newer", daemon("newer"))]
        with patch.object(daemons, "entry_points", lambda group: entries if group == daemons.GROUP else []):
            with pytest.raises(DeployError, match="'newest'; there are: newer"):
                await node.upgrade("newest")
            await node.upgrade("newer")
        for _ in range(2):
            await node.stop()
            await node.start()
            await asyncio.sleep(1)
            await node.upgrade(None)

    scenario.simulate(body, tmp_path, daemon=daemon("usual"), names=["a"])
    assert ran == ["usual", "newer", "usual"]


def test_what_was_done_to_a_machine_outlives_the_daemon_s_process(
    scenario: ModuleType, tmp_path: Path
) -> None:
    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await node.set_disk_fault(DiskFault(is_full=True))
        await node.set_clock(ahead=7.0)
        await node.kill()
        await node.start()
        assert await node.disk_fault() is not None
        assert await node.read_clock() == 7.0

    run = scenario.simulate(body, tmp_path, daemon=Scripted(idle), names=["a"])
    assert not run.events("a", NodeCrashed)


def test_a_probe_finds_cut_links_one_way(scenario: ModuleType, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        a, b = run.testnet.node("a"), run.testnet.node("b")
        await a.cut_links(["b"])
        assert not await a.probe_link("b", seconds=1)
        assert await b.probe_link("a", seconds=1)
        await a.mend_links(["b"])
        assert await a.probe_link("b", seconds=1)

    scenario.simulate(body, tmp_path, daemon=Scripted(idle), names=["a", "b"])
