"""Faults on the real daemon in virtual time, by whole runs: each shows its effect, and the network its recovery."""

import html
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli
from coda_executive.nemesis.journal import JOURNAL_FILE, outstanding
from coda_executive.observation.history import FaultBegan, FaultEnded, HistoryReader

Write = Callable[..., str]
Simulate = Callable[..., tuple[int, str, Path]]

START = """
nodes = dsl.testnet.nodes
await dsl.wait_for(nodes_to_initialize(nodes))
await dsl.wait_for(block_height_to_grow(2))
first, second = dsl.testnet.block_producers
seed = dsl.testnet.seeds[0]
def tip(node): return dsl.state.node(node.id).best_tip
def produced(node): return dsl.state.node(node.id).blocks_produced
"""
RECOVERY = """
await dsl.wait_for(nodes_to_initialize(nodes))
await dsl.wait_for(block_height_to_grow(2), since=dsl.cursor())
await dsl.wait_for(nodes_to_synchronize(nodes))
"""

EFFECTS = {
    "kill": """
async with dsl.nemesis.applied(Kill("block-producer-1")):
    before = produced(first)
    await asyncio.sleep(10)
    assert produced(first) == before and not first.is_running
""",
    "wipe": """
async with dsl.nemesis.applied(Kill("block-producer-1", fresh_state=True)):
    await dsl.wait_for(block_height_to_grow(3))
""",
    "stop": """
async with dsl.nemesis.applied(Stop("every:block-producer")):
    before = dsl.state.blocks_produced
    await asyncio.sleep(20)
    assert dsl.state.blocks_produced == before
""",
    "pause": """
async with dsl.nemesis.applied(Pause("block-producer-2")):
    before = tip(second)
    await dsl.wait_for(block_height_to_grow(3), since=dsl.cursor())
    assert tip(second) == before
""",
    "partition": """
async with dsl.nemesis.applied(Partition(groups=(("block-producer-1",), ("seed-1", "block-producer-2")))):
    await asyncio.sleep(10)
    assert tip(first) != tip(second) == tip(seed)
    assert produced(first) and produced(second)
""",
    "gated": """
async with dsl.nemesis.applied(GatedPartition("isolated", "block-producer-1")):
    await asyncio.sleep(10)
    assert tip(first) != tip(second) == tip(seed)
    assert await first.client.peers() == ()
    assert len(await second.client.peers()) == 1
""",
    "gated and killed": """
async with dsl.nemesis.applied(GatedPartition(groups=(("block-producer-1",), ("seed-1", "block-producer-2")))):
    async with dsl.nemesis.applied(Kill("block-producer-2")):
        await asyncio.sleep(5)
""",
    "deaf": """
async with dsl.nemesis.applied(Partition("deaf", "block-producer-1")):
    await asyncio.sleep(1)
    await asyncio.sleep(10)
    assert dsl.state.blocks.find(tip(first)).producer == first.id  # it hears of no other's
""",
    "mute": """
async with dsl.nemesis.applied(Partition("mute", "block-producer-1")):
    await asyncio.sleep(10)
    assert dsl.state.blocks.find(tip(second)).producer == second.id
""",
    "slow links": """
async with dsl.nemesis.applied(SlowLinks("block-producer-1", LinkShape(delay=2.5))):
    await dsl.wait_for(blocks_to_be_produced(3), since=dsl.cursor())
    # Slots are one second: what the others made now is not there yet.
    await asyncio.sleep(1)
    assert len({tip(node) for node in nodes}) > 1
""",
    "loss": """
async with dsl.nemesis.applied(SlowLinks("all", LinkShape(loss=0.3, jitter=0.1, spread="exponential"))):
    await dsl.wait_for(block_height_to_grow(4), since=dsl.cursor())
""",
    "reset": """
async with dsl.nemesis.applied(ResetConnections("seed-1")):
    assert await seed.client.peers() == ()
""",
    "clock": """
async with dsl.nemesis.applied(SkewClock(-4.0, drift=0.001, target="block-producer-1")):
    assert -4.01 < await first.read_clock() < -3.9
    await dsl.wait_for(block_height_to_grow(3), since=dsl.cursor())
""",
    "torn disk": """
async with dsl.nemesis.applied(TroubleDisk(DiskFault(is_torn=True), "every:block-producer")):
    await dsl.wait_for(block_height_to_grow(2), since=dsl.cursor())
    async with dsl.nemesis.applied(Kill("every:block-producer")):
        await asyncio.sleep(3)
""",
    "full disk": """
async with dsl.nemesis.applied(TroubleDisk(DiskFault(is_full=True), "block-producer-1")):
    await asyncio.sleep(10)
    assert not first.is_running  # it ends, as it must
assert first.is_running
""",
    "slow disk": """
async with dsl.nemesis.applied(TroubleDisk(DiskFault(write_seconds=4.0), "block-producer-1")):
    await dsl.wait_for(block_height_to_grow(6), since=dsl.cursor())
    assert tip(first) != tip(second)
""",
    "slow processor": """
async with dsl.nemesis.applied(SlowCpu(20_000, "block-producer-1")):
    # A block takes it more than five seconds, and somebody makes one every other.
    await dsl.wait_for(block_height_to_grow(8))
    assert dsl.state.node(first.id).height < dsl.state.node(second.id).height - 2
""",
    "upgrade": """
await first.stop()
await first.upgrade("coda")
await first.start()
""",
}


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Simulate:
    """Run tests in the simulation, in this process; answers exit code, what was printed, and the run directory."""
    runs = iter(range(100))

    def run(target: str, *arguments: str, seed: int = 1) -> tuple[int, str, Path]:
        directory = tmp_path / f"run-{next(runs)}"
        options = ["--engine", "simulation", "--seed", str(seed), "--run-dir", str(directory), *arguments]
        code = run_cli(["run", target, *options])
        shown = capsys.readouterr()
        return code, shown.out + shown.err, directory

    return run


@pytest.mark.parametrize("effect", EFFECTS)
def test_the_daemon_shows_each_fault_and_recovers_from_it(
    simulate: Simulate, write_test: Write, effect: str
) -> None:
    code, shown, directory = simulate(write_test(START + EFFECTS[effect] + RECOVERY))

    assert code == 0, shown
    records = [entry.record for entry in HistoryReader(directory / "history")]
    began = [record.number for record in records if isinstance(record, FaultBegan)]
    assert began == sorted(record.number for record in records if isinstance(record, FaultEnded))
    assert not outstanding(directory / JOURNAL_FILE)


def test_a_drawn_schedule_is_endured_and_repeats_to_the_byte(simulate: Simulate, write_test: Write) -> None:
    target = write_test(
        """
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await endure(dsl, dsl.nemesis.draw(seconds=600, most=30))
        """
    )

    (code, shown, first), (_, _, again) = simulate(target, seed=7), simulate(target, seed=7)

    assert code == 0, shown
    assert (first / JOURNAL_FILE).read_bytes() == (again / JOURNAL_FILE).read_bytes()
    segments = [directory / "history" / "000001.jsonl" for directory in (first, again)]
    assert segments[0].read_bytes() == segments[1].read_bytes()
    sections = json.loads((first / "outcome.json").read_text())["sections"]
    assert [section["path"] for section in sections] == [["faults and healing"], ["liveness"]]


def test_slow_processors_are_drawn_endured_healed_and_reported(simulate: Simulate, write_test: Write) -> None:
    target = write_test(
        """
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await endure(dsl, dsl.nemesis.draw(seconds=60, most=30, kinds=["SlowCpu"]))
        assert [await node.slowdown() for node in dsl.testnet.nodes] == [1.0] * 3
        """
    )

    code, shown, directory = simulate(target)

    assert code == 0, shown
    records = [entry.record for entry in HistoryReader(directory / "history")]
    began = [record for record in records if isinstance(record, FaultBegan)]
    assert {record.fault for record in began} == {"SlowCpu"}
    assert sorted(record.number for record in records if isinstance(record, FaultEnded)) == [
        record.number for record in began
    ]
    assert not outstanding(directory / JOURNAL_FILE)
    reported = json.loads((directory / "report.json").read_text())["faults"]
    assert [(fault["kind"], fault["description"]) for fault in reported] == [
        ("SlowCpu", record.description) for record in began
    ]
    assert began[0].description in html.unescape((directory / "report.html").read_text())


def test_a_fault_that_never_lets_the_network_recover_fails_the_wait_and_is_still_undone(
    simulate: Simulate, write_test: Write
) -> None:
    target = write_test(
        START
        + """
async with dsl.nemesis.applied(Kill("every:block-producer")):
    await dsl.wait_for(blocks_to_be_produced(1))
"""
    )

    code, shown, directory = simulate(target)

    assert code == 1
    assert "no stake is online" in shown
    assert not outstanding(directory / JOURNAL_FILE)


def test_links_of_an_engine_s_options_shape_the_whole_run(simulate: Simulate) -> None:
    links = ["--latency", "0.2", "--jitter", "0.1", "--spread", "lognormal", "--loss", "0.05"]

    code, shown, _directory = simulate("block-production", *links, "--bandwidth", "100000")

    assert code == 0, shown


def test_a_producer_cut_off_for_more_than_k_blocks_comes_back(simulate: Simulate) -> None:
    code, shown, _directory = simulate("long-partition")

    assert code == 0, shown
