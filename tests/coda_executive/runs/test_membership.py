"""Nodes that a test spawns and destroys while it runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.runs.conftest import Finished

from coda_executive.cli.main import run_cli
from coda_executive.observation.history import HistoryReader, NodeJoined, NodeLeft

Write = Callable[..., str]
Simulate = Callable[[str], tuple[int, str]]

# Three accounts, of which the two producers hold two.
SETTINGS = """
    network=SMALL["network"],
    runtime=RuntimeConfig(
        genesis=SMALL["runtime"].genesis,
        proof=SMALL["runtime"].proof,
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    )
"""
UP = "await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))\n"


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str], write_test: Write) -> Simulate:
    """Run a body in the simulation; answers exit code and what was printed."""

    def run(body: str) -> tuple[int, str]:
        target = write_test(UP + body, settings=SETTINGS)
        where = ["--engine", "simulation", "--seed", "1", "--run-dir", str(tmp_path / "run")]
        code = run_cli(["run", target, *where])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


PASSING = {
    "a spawned node joins the network and is gone when it was destroyed": """
await dsl.wait_for(blocks_to_be_produced(2))
late = await dsl.spawn("node", NodeSettings(name="late"))
assert late in dsl.testnet.plain_nodes and dsl.testnet.node("late") is late
await dsl.wait_for(nodes_to_initialize([late]))
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
await dsl.destroy(late)
assert late not in dsl.testnet.nodes and not late.is_running
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
""",
    "its neighbours, arguments and configuration are its own": """
late = await dsl.spawn(
    settings=NodeSettings(peers=("block-producer-2",), arguments=("-max-connections", "1"),
                          runtime=RuntimeConfig(daemon=DaemonSection(txpool_max_size=7)))
)
await dsl.wait_for(nodes_to_initialize([late]))
planned = dsl.testnet.plan.nodes[-1]
assert planned.peers == ("block-producer-2",) and planned.arguments[-2:] == ("-max-connections", "1")
await dsl.destroy(late)
""",
    "a producer takes the next key of the ledger, with its stake": """
before = dsl.facts.online_stake(dsl.state)
late = await dsl.spawn("block producer")
await dsl.wait_for(nodes_to_initialize([late]))
assert round(before, 2) == 0.67 and round(dsl.facts.online_stake(dsl.state), 2) == 1
await dsl.wait_for(event_to_be_seen("a block of its own", lambda event: type(event).__name__ == "BlockProduced",
                                    nodes=[late]))
await dsl.destroy(late)
again = await dsl.spawn("block producer", NodeSettings(name="again"))
assert dsl.testnet.plan.nodes[-1].public_key == dsl.testnet.plan.nodes[-2].public_key
await dsl.destroy(again)
""",
    "a fault ends with the node that it was at work on": """
late = await dsl.spawn()
await dsl.wait_for(nodes_to_initialize([late]))
async with dsl.nemesis.applied(Partition("isolated", late.id)), dsl.nemesis.applied(Pause(late.id)):
    await dsl.destroy(late)
await dsl.nemesis.prove_healed()
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
""",
    "a crash that was expected may be destroyed": """
dsl.expect_crash("node-1")
late = await dsl.spawn(settings=NodeSettings(arguments=("-nonsense",)))
await dsl.wait_for(event_to_be_seen("its end", lambda event: type(event).__name__ == "NodeCrashed"))
await dsl.destroy(late)
""",
}

FAILING = {
    "a node that was spawned and not destroyed": (
        'await dsl.spawn(settings=NodeSettings(name="late"))',
        ["LeftoverNode", "the test spawned late and did not destroy it"],
    ),
    "a node that is destroyed twice": (
        "late = await dsl.spawn()\nawait dsl.destroy(late)\nawait dsl.destroy(late)",
        ["DestroyedTwice", "node-1 was destroyed before"],
    ),
    "a node that had crashed before it was destroyed": (
        """
late = await dsl.spawn(settings=NodeSettings(arguments=("-nonsense",)))
while late.is_running:
    await asyncio.sleep(0.1)
await dsl.destroy(late)
""",
        ["DestroyedCrashedNode", "node-1 had crashed before it was destroyed"],
    ),
    "a crashed node that the test leaves behind": (
        """
dsl.expect_crash("node-1")
late = await dsl.spawn(settings=NodeSettings(arguments=("-nonsense",)))
while late.is_running:
    await asyncio.sleep(0.1)
dsl.forbid_crash("node-1")
""",
        ["CrashedNode", "node-1 was left behind crashed (exit code "],
    ),
    "a destroyed node that is started": (
        "late = await dsl.spawn()\nawait dsl.destroy(late)\nawait late.start()",
        ["node-1 was destroyed and cannot be started again; spawn another node"],
    ),
    "a name that another node has": (
        'await dsl.spawn(settings=NodeSettings(name="seed-1"))',
        ["a name of its own", "'seed-1'"],
    ),
    "a neighbour that there is not": (
        'await dsl.spawn(settings=NodeSettings(peers=("seed-9",)))',
        ["seed-9"],
    ),
    "a role that there is not": (
        'await dsl.spawn("miner")',
        ["expected a role ('seed', 'block producer', ", "found 'miner'"],
    ),
    "a key for a node that holds none": (
        "await dsl.spawn(key=sample_keypair(7))",
        ["node-1 is a node, which holds no key; leave `key` out"],
    ),
    "a key that nobody has": (
        'await dsl.spawn("block producer")\nawait dsl.spawn("block producer")',
        ["no key is left for block-producer-4"],
    ),
    "flags of another role": (
        'await dsl.spawn("block producer", flags=SnarkCoordinatorFlags())',
        ["a block producer has no SnarkCoordinatorFlags"],
    ),
    "a daemon that there is not": (
        'await dsl.spawn(settings=NodeSettings(daemon="no-such-daemon"))',
        ["no-such-daemon"],
    ),
}


@pytest.mark.parametrize("name", PASSING)
def test_it_holds(simulate: Simulate, name: str) -> None:
    code, shown = simulate(PASSING[name])

    assert code == 0, shown


@pytest.mark.parametrize("name", FAILING)
def test_it_fails_and_says_why(simulate: Simulate, name: str) -> None:
    body, told = FAILING[name]

    code, shown = simulate(body)

    assert code in (1, 3), shown
    for text in told:
        assert text in shown, shown


def test_who_came_and_went_is_in_the_evidence(simulate: Simulate, tmp_path: Path) -> None:
    """The plan has the node, and says that it joined: validators of a run know of the others' stake only."""
    code, shown = simulate(PASSING["a producer takes the next key of the ledger, with its stake"])

    assert code == 0, shown
    records = [entry.record for entry in HistoryReader(tmp_path / "run" / "history")]
    joined = [record for record in records if isinstance(record, NodeJoined | NodeLeft)]
    assert [type(record).__name__ for record in joined] == ["NodeJoined", "NodeLeft"] * 2
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert plan["joined"] == ["block-producer-3", "again"]
    assert plan["nodes"]["block-producer-3"]["stake_share"] > 0.3
    assert run_cli(["judge", str(tmp_path / "run")]) == 0


@pytest.mark.real
def test_a_process_joins_and_leaves(
    executive: Callable[..., Finished], write_test: Write, tmp_path: Path
) -> None:
    """The same on processes, behind proxies too; nothing is left over."""
    target = write_test(
        UP
        + """
late = await dsl.spawn("node", NodeSettings(name="late", peers=("block-producer-1",)))
await dsl.wait_for(nodes_to_initialize([late]))
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
async with dsl.nemesis.applied(Pause("late")):
    pass
await dsl.destroy(late)
assert not late.is_running
""",
        settings=SETTINGS + ", needs=(Partitionable,)",
    )

    done = executive("run", target, "--engine", "local", "--run-dir", str(tmp_path / "run"))

    assert done.code == 0, done.out
    assert (tmp_path / "run" / "nodes" / "late" / "daemon.log").stat().st_size > 0
