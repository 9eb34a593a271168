"""Payments beside a test, in whole runs in virtual time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli

Write = Callable[..., str]
Simulate = Callable[[str], tuple[int, str]]

# Nobody sells SNARK work here: with room in the scan state none is needed.
SETTINGS = """
    network=SMALL["network"],
    runtime=RuntimeConfig(
        genesis=SMALL["runtime"].genesis,
        proof=ProofSection(level="none", block_window_duration_ms=1000, transaction_capacity=TwoToThe(8)),
        ledger=SMALL["runtime"].ledger,
    )
"""
UP = """
await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
payers, payee = [sample_keypair(1), sample_keypair(2)], str(sample_keypair(2).public)
"""


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


def test_payments_are_made_and_included_and_their_account_is_told(simulate: Simulate, tmp_path: Path) -> None:
    code, shown = simulate(
        """
async with dsl.payments(payers, payee, per_slot=4) as load:
    await dsl.wait_for(blocks_to_be_produced(3))
    load.stop()
    account = await dsl.wait_for(load.to_be_settled())
assert account.sent == account.accepted == account.included >= 8, account
made = load.account.sent
await dsl.wait_for(blocks_to_be_produced(2))
assert load.account.sent == made
"""
    )

    assert code == 0, shown
    outcome = json.loads((tmp_path / "run" / "outcome.json").read_text())
    told = {each["name"]: each["value"] for each in outcome["measurements"]}
    assert told["payments sent"] == told["payments included"] >= 8
    assert told["payments lost"] == 0
    line = next(line for line in shown.splitlines() if "payments included" in line)
    assert line.split()[-2:] == [str(told["payments included"]), "payments"]


def test_a_node_that_does_not_answer_loses_payments_and_no_nonce(simulate: Simulate) -> None:
    """A paused node takes what was sent to it when it goes on: whoever paid again would have paid twice."""
    code, shown = simulate(
        """
producer = dsl.testnet.block_producers[0]
async with dsl.payments(payers[:1], payee, per_slot=2, nodes=[producer]) as load:
    await dsl.wait_for(blocks_to_be_produced(2))
    async with dsl.nemesis.applied(Pause(producer.id)):
        await asyncio.sleep(40)
    assert load.account.lost == 1, load
    await dsl.wait_for(blocks_to_be_produced(4), since=dsl.cursor())
    load.stop()
    account = await dsl.wait_for(load.to_be_settled())
state = await producer.client.account(str(payers[0].public))
assert account.lost == 0 and account.refused == 0, account
assert state.nonce == account.included == account.sent, (state, account)
"""
    )

    assert code == 0, shown


def test_a_load_without_a_payment_says_why(simulate: Simulate) -> None:
    code, shown = simulate(
        """
async with dsl.payments([sample_keypair(77)], payee, name="spam"):
    await dsl.wait_for(blocks_to_be_produced(2))
"""
    )

    assert code == 0, shown
    assert "no payment of spam was accepted: the ledger has no account B62" in shown, shown
