"""Waits, tasks and explanations by whole runs in virtual time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli

Write = Callable[..., str]
Simulate = Callable[[str], tuple[int, str]]

UP = "await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))\n"


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str], write_test: Write) -> Simulate:
    """Run a body in the simulation; answers exit code and what was printed."""

    def run(body: str) -> tuple[int, str]:
        target = write_test(UP + body)
        where = ["--engine", "simulation", "--seed", "1", "--run-dir", str(tmp_path / "run")]
        code = run_cli(["run", target, *where])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


PASSING = {
    "a wait answers what its condition found": """
number = await dsl.wait_for(first_of(blocks_to_be_produced(99), blocks_to_be_produced(1)))
assert number == 1
""",
    "stability takes its time even if nothing is noticed": """
began = dsl.seconds
for node in dsl.testnet.block_producers:
    await node.stop()
seed = dsl.testnet.seeds
await dsl.wait_for(stable_for(Span(seconds=5), nodes_to_initialize(seed)))
assert 5 <= dsl.seconds - began < 5.6, dsl.seconds - began
""",
    "what never happens passes at the end of its time": """
began = dsl.seconds
await dsl.wait_for(never_during(Span(seconds=4), nodes_to_have_status(dsl.testnet.nodes, "BOOTSTRAP")))
assert round(dsl.seconds - began, 2) == 4
""",
    "nodes are asked until all have all peers": """
await dsl.wait_for(peers_to_be_connected(dsl.testnet.nodes))
""",
    "slots are reached": """
await dsl.wait_for(slot_to_be_reached(5))
await dsl.wait_for(chains_to_agree(dsl.testnet.nodes, within=2))
await dsl.wait_for(block_to_spread(dsl.testnet.nodes))
""",
    "a task goes on beside the test and ends with its block": """
seen = []
async def count():
    while True:
        await dsl.wait_for(blocks_to_be_produced(1))
        seen.append(dsl.state.best_height)
async with dsl.task("count", count):
    await dsl.wait_for(blocks_to_be_produced(4))
counted = len(seen)
assert 3 <= counted <= 4, seen
await dsl.wait_for(blocks_to_be_produced(1))
assert len(seen) == counted
""",
    "several things at once all come to their end": """
await dsl.together(blocks=lambda: dsl.wait_for(blocks_to_be_produced(3)),
                   peers=lambda: dsl.wait_for(peers_to_be_connected(dsl.testnet.nodes)))
""",
    "gossip of a command reaches all, and blocks are counted": """
sender = sample_keypair(1)
sent = await send_signed_payment(dsl.testnet.seeds[0].client, sender, str(sender.public),
                                 amount=Amount(1), fee=Fee.of_coda("1"))
await dsl.wait_for(command_to_spread(sent, dsl.testnet.nodes))
made = await dsl.wait_for(count_between(1, 30, Span(slots=10), "blocks made",
                                        lambda event: type(event).__name__ == "BlockProduced"))
assert 4 <= made <= 20, made
""",
    "a node tells its metrics, its wallet and the lines that it kept": """
client = dsl.testnet.block_producers[0].client
assert await client.start_filtered_log(["db06cb5030f39e86e84b30d033f3bc5c"])
key = await client.create_account("secret")
assert key.startswith("B62")
await dsl.wait_for(blocks_to_be_produced(2), since=dsl.cursor())
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
metrics = await client.metrics()
assert metrics.transaction_pool_size == 0 and sum(metrics.block_production_delay) >= 0
lines = await client.filtered_log_entries()
assert len(lines) >= 2 and "Added" in lines[0], lines
assert await client.filtered_log_entries(len(lines)) == ()
holder = await client.account(str(sample_keypair(1).public))
assert holder.timing is None and holder.token and holder.voting_for
""",
    "a refusal is told by its reason": """
sender = sample_keypair(1)
with dsl.refusal("nonce"):
    await send_signed_payment(dsl.testnet.seeds[0].client, sender, str(sender.public),
                              amount=Amount(1), fee=Fee.of_coda("1"), nonce=7)
""",
}

FAILING = {
    "what should never happen fails at once": (
        "await dsl.wait_for(never_during(Span(seconds=60), blocks_to_be_produced(1)))",
        ["stopped waiting for never in 60 s: 1 block to be produced: it came true "],
    ),
    "a timeout tells how nodes moved and what was nearly it": (
        """
await dsl.wait_for(blocks_to_be_produced(1))
synced = event_to_be_seen("initialisation", lambda event: type(event).__name__ == "NodeInitialized")
await dsl.wait_for(synced.within(Span(seconds=5)))
""",
        [
            "timed out waiting for initialisation",
            "near miss: seen ",
            " s before this wait began at seed-1",
            "seed-1: running, initialised, SYNCED, height ",
            ", was: +",
        ],
    ),
    "a timeout names silent nodes and the faults at work": (
        """
async with dsl.nemesis.applied(Pause("block-producer-2")):
    await dsl.wait_for(nodes_to_have_status(dsl.testnet.nodes, "CATCHUP").within(Span(seconds=8)))
""",
        ["block-producer-2: paused", "at work: Paused(node='block-producer-2')", "how it went: +"],
    ),
    "an error of a task ends the block and names its section": (
        """
async def fail():
    with dsl.section("spam", hard=True):
        await dsl.wait_for(blocks_to_be_produced(1))
        assert False, "spam is bad"
async with dsl.task("background", fail):
    await dsl.wait_for(blocks_to_be_produced(400))
""",
        ["spam is bad", "background / spam"],
    ),
    "all errors of things at once are told": (
        """
async def fail(text):
    assert False, text
await dsl.together(one=lambda: fail("first"), other=lambda: fail("second"))
""",
        ["first", "second", "(in one)", "(in other)"],
    ),
    "a request that is not refused": (
        """
with dsl.refusal("nonce"):
    await dsl.testnet.seeds[0].client.sync_status()
""",
        ["expected a refusal that tells 'nonce', but the node did what it was asked"],
    ),
    "a request that is refused for another reason": (
        """
with dsl.refusal("nonce"):
    await dsl.testnet.seeds[0].client.execute("{ nothing }")
""",
        ["expected a refusal that tells 'nonce', found: "],
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

    assert code == 1, shown
    for text in told:
        assert text in shown, shown
