"""Faults are applied, seen to be, undone, and proven to be."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.coda_executive.nemesis.conftest import Play, Stage, now

from coda_executive.errors import ConfigError, FaultError
from coda_executive.events.event import NodeCrashed
from coda_executive.interfaces.capabilities import DiskFault, LinkShape
from coda_executive.nemesis.faults import (
    Fault,
    Kill,
    Partition,
    Pause,
    ResetConnections,
    SkewClock,
    SlowCpu,
    SlowLinks,
    Stop,
    TroubleDisk,
)
from coda_executive.nemesis.journal import (
    Applying,
    Healed,
    Scheduled,
    outstanding,
    read_journal,
)
from coda_executive.nemesis.schedule import PlannedFault, Schedule
from coda_executive.observation.history import FaultBegan, HistoryReader

KINDS: dict[str, Fault] = {
    "kill": Kill("b"),
    "wipe": Kill("b", fresh_state=True),
    "stop": Stop("b"),
    "pause": Pause("b"),
    "partition": Partition("isolated", "b"),
    "slow links": SlowLinks("b", LinkShape(delay=2.0, loss=0.3)),
    "reset": ResetConnections("b"),
    "clock": SkewClock(3.0, target="b"),
    "disk": TroubleDisk(DiskFault(is_torn=True), "b"),
    "cpu": SlowCpu(5.0, "b"),
}


def is_well(effects: dict[str, Any]) -> bool:
    return effects == {
        "running": True,
        "cut": False,
        "shape": None,
        "ahead": 0.0,
        "disk": None,
        "slowdown": 1.0,
    }


async def state_of_b(stage: Stage) -> dict[str, Any]:
    b = stage.node("b")
    return {
        "running": b.is_running and "paused" not in repr(b),
        "cut": not await b.probe_link("a", seconds=20),
        "shape": await b.link_shape("a"),
        "ahead": await b.read_clock(),
        "disk": await b.disk_fault(),
        "slowdown": await b.slowdown(),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_there_in_its_block_and_gone_after_it(play: Play, kind: str) -> None:
    async def body(stage: Stage) -> None:
        await asyncio.sleep(2)
        async with stage.nemesis.applied(KINDS[kind]) as applied:
            assert "b" in applied.nodes
            assert is_well(await state_of_b(stage)) == (kind == "reset")
            await asyncio.sleep(5)
        assert is_well(await state_of_b(stage))
        await stage.nemesis.prove_healed()

    stage = play(body)
    assert stage.faults == [("FaultBegan", 1), ("FaultEnded", 1)]


def test_a_fault_is_in_the_journal_and_the_history_before_it_is_applied(play: Play) -> None:
    async def body(stage: Stage) -> None:
        node = stage.node("b")
        kill = node.kill
        seen: list[Any] = []

        async def watched() -> None:
            seen.extend(read_journal(stage.directory / "nemesis.jsonl"))
            seen.extend(stage.faults)
            await kill()

        node.kill = watched
        async with stage.nemesis.applied(Kill("b")):
            assert isinstance(seen[0], Applying)
            assert seen[1] == ("FaultBegan", 1)

    stage = play(body)
    *_, last = read_journal(stage.directory / "nemesis.jsonl")
    assert last == Healed(1)
    kinds = [type(entry.record) for entry in HistoryReader(stage.directory / "history")]
    assert FaultBegan in kinds


@pytest.mark.parametrize("error", [RuntimeError("the test's"), asyncio.CancelledError()])
def test_whatever_ends_the_block_the_fault_is_undone(play: Play, error: BaseException) -> None:
    async def body(stage: Stage) -> None:
        with pytest.raises(type(error)):
            async with stage.nemesis.applied(Partition("halves")):
                raise error
        assert not stage.nemesis.active
        await stage.nemesis.prove_healed()

    stage = play(body)
    assert not outstanding(stage.directory / "nemesis.jsonl")


def test_of_two_faults_on_one_node_the_node_returns_with_the_last(play: Play) -> None:
    async def body(stage: Stage) -> None:
        async with stage.nemesis.applied(Kill("b")):
            async with stage.nemesis.applied(Stop("b")):
                pass
            assert not stage.node("b").is_running
        assert stage.node("b").is_running

    play(body)


def test_of_two_shapes_of_one_link_the_later_counts_and_leaves_the_earlier(play: Play) -> None:
    slow, slower = LinkShape(delay=1.0), LinkShape(delay=2.0)

    async def body(stage: Stage) -> None:
        b = stage.node("b")
        async with stage.nemesis.applied(SlowLinks("b", slow)):
            async with stage.nemesis.applied(SlowLinks("b", slower)):
                assert await b.link_shape("a") == slower
            assert await b.link_shape("a") == slow
        assert await b.link_shape("a") is None

    play(body)


def test_a_partition_that_lets_messages_through_is_an_error(play: Play) -> None:
    async def body(stage: Stage) -> None:
        async def useless(_to: Any) -> None: ...

        stage.node("a").cut_links = useless
        with pytest.raises(FaultError, match="has no effect: the cut link from a to b lets messages through"):
            async with stage.nemesis.applied(Partition(groups=(("a",), ("b",)))):
                pytest.fail("the block must not be entered")

    play(body)


def test_a_fault_that_stays_is_an_error(play: Play) -> None:
    async def body(stage: Stage) -> None:
        clock = stage.node("b")
        set_clock = clock.set_clock

        async def stuck(*, ahead: float, drift: float = 0.0) -> None:
            if ahead:
                await set_clock(ahead=ahead, drift=drift)

        clock.set_clock = stuck
        with pytest.raises(FaultError, match="not healed: the clock of b is 3 s ahead"):
            async with stage.nemesis.applied(SkewClock(3.0, target="b")):
                pass
        with pytest.raises(FaultError, match="the clock of b is 3 s ahead"):
            await stage.nemesis.prove_healed()

    stage = play(body)
    assert [entry.number for entry in outstanding(stage.directory / "nemesis.jsonl")] == [1]


def test_a_node_without_the_ability_is_told_before_anything_is_done(play: Play) -> None:
    async def body(stage: Stage) -> None:
        class Plain:
            id = "b"

        stage.nemesis._testnet = type(
            "T", (), {"nodes": stage.run.testnet.nodes, "node": lambda _self, _name: Plain()}
        )()
        with pytest.raises(ConfigError, match="it is not Pausable on this engine"):
            async with stage.nemesis.applied(Pause("b")):
                pass

    stage = play(body)
    assert stage.faults == []


def test_a_ring_of_too_few_nodes_is_told(play: Play) -> None:
    async def body(stage: Stage) -> None:
        with pytest.raises(ConfigError, match="cuts no link"):
            async with stage.nemesis.applied(Partition("isolated", "all")):
                pass

    play(body)


def test_what_was_at_work_when_an_executive_died_is_in_its_journal(play: Play) -> None:
    """Its last entry may be torn: that fault was not applied."""

    async def body(stage: Stage) -> None:
        path = stage.directory / "nemesis.jsonl"
        async with stage.nemesis.applied(Pause("d")):
            pass
        stage.nemesis._begin(Kill("c"), None)  # and then it dies, somewhere in the next line
        with path.open("ab") as file:
            file.write(b'{"type":"Appl')

        assert [(entry.number, entry.fault) for entry in outstanding(path)] == [(2, str(Kill("c")))]

    play(body)


SCHEDULE = Schedule(
    30.0,
    (
        PlannedFault(1.0, 10.0, Kill("one"), key=1),
        PlannedFault(2.0, 4.0, Partition("halves"), key=2),
        PlannedFault(5.0, 20.0, Pause("minority"), key=3),
        PlannedFault(12.0, 1.0, Kill("all"), key=4),
    ),
)


def test_a_schedule_runs_in_its_time_and_repeats_by_seed(play: Play) -> None:
    times: list[float] = []

    async def body(stage: Stage) -> None:
        began = now()
        await stage.nemesis.run(SCHEDULE)
        times.append(now() - began)

    first, again, other = play(body), play(body), play(body, seed=2)

    # A stop of a paused node takes its stop limit; there is none here.
    assert min(times) >= 30
    assert first.recorded == again.recorded
    assert first.recorded != other.recorded
    assert sorted(first.faults) == [(kind, n) for kind in ("FaultBegan", "FaultEnded") for n in (1, 2, 3, 4)]
    assert Scheduled(SCHEDULE) in read_journal(first.directory / "nemesis.jsonl")


def test_a_fault_hits_the_same_nodes_when_others_are_left_out(play: Play) -> None:
    """What shrinking rests on."""

    def victims(stage: Stage, fault: str) -> list[tuple[str, ...]]:
        return [r.nodes for r in stage.recorded if isinstance(r, FaultBegan) and r.fault == fault]

    async def all_of_it(stage: Stage) -> None:
        await stage.nemesis.run(SCHEDULE)

    async def one(stage: Stage) -> None:
        await stage.nemesis.run(Schedule(30.0, SCHEDULE.faults[1:2]))

    for seed in range(3):
        assert victims(play(all_of_it, seed=seed), "Partition") == victims(play(one, seed=seed), "Partition")


class Fragile:
    """A daemon that ends when it cannot write."""

    def build(self) -> tuple[str, Mapping[str, str]]:
        return "fragile", {}

    async def run(self, _arguments: Sequence[str], host: Any) -> int:
        async def write() -> None:
            while True:
                await asyncio.sleep(1)
                host.store.append("/tmp/f", b"x")

        task = asyncio.ensure_future(write())
        interrupted = asyncio.ensure_future(host.interrupted())
        await asyncio.wait([task, interrupted], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        task.cancel()
        return 0


def test_a_node_that_a_full_disk_ended_is_expected_to_crash_and_started_again(play: Play) -> None:
    async def body(stage: Stage) -> None:
        schedule = Schedule(20.0, (PlannedFault(1.0, 10.0, TroubleDisk(DiskFault(is_full=True), "b")),))
        running = asyncio.ensure_future(stage.nemesis.run(schedule))
        await asyncio.sleep(8)
        assert not stage.node("b").is_running
        assert stage.crashes.allowed == ["b"]
        await running
        assert stage.node("b").is_running
        assert stage.crashes.allowed == []

    stage = play(body, daemon=Fragile())
    assert len(stage.run.events("b", NodeCrashed)) == 1


def test_a_failure_in_a_schedule_is_raised_as_it_is_and_all_is_undone(play: Play) -> None:
    async def body(stage: Stage) -> None:
        schedule = Schedule(
            20.0, (PlannedFault(1.0, 15.0, Kill("c")), PlannedFault(2.0, 5.0, Kill("no-such-node")))
        )
        with pytest.raises(ConfigError, match="'no-such-node'"):
            await stage.nemesis.run(schedule)
        assert stage.node("c").is_running

    play(body)


class Doomed(Fragile):
    """A daemon that ends by itself after seven seconds, on one machine."""

    async def run(self, arguments: Sequence[str], host: Any) -> int:
        if host.pid != 1002:
            return await super().run(arguments, host)
        await asyncio.sleep(7)
        return 3


def test_a_crash_that_no_fault_explains_ends_the_schedule_and_all_is_undone(play: Play) -> None:
    async def body(stage: Stage) -> None:
        began = now()
        await stage.nemesis.run(Schedule(1000.0, (PlannedFault(1.0, 900.0, Pause("c")),)))
        assert now() - began == pytest.approx(7, abs=1)
        assert "paused" not in repr(stage.node("c"))
        assert stage.crashes.allowed == []

    stage = play(body, daemon=Doomed())
    assert stage.run.events("b", NodeCrashed)
    assert stage.faults == [("FaultBegan", 1), ("FaultEnded", 1)]
