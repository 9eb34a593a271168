"""Every assertion of the shipped tests is seen to fail: a pure function of the daemon is replaced by name.

The simulation runs the daemon in this process, so patching it is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from tests.coda_executive.catalogue.conftest import Run
from tests.coda_executive.planting import Original, replacement

from coda_daemon.ledger.transactions import Failure


@dataclass(frozen=True)
class Defect:
    """What replaces a function: `planted` takes the original and its arguments. `told` must be in the report."""

    test: str
    where: tuple[str, ...]  # module:function, or module:class.method
    planted: Callable[..., Any]
    told: str


def twice_the_coinbase(
    original: Original, draft: Any, receiver: Any, amount: int, *rest: Any, **named: Any
) -> Any:
    _, burnt = original(draft, receiver, 2 * amount, *rest, **named)
    return amount, burnt


def one_nanomina_more(original: Original, draft: Any, payer: Any, *rest: Any) -> Any:
    return original(draft, msgspec.structs.replace(payer, balance=payer.balance - 1), *rest)


def everything_is_liquid(_original: Original, view: Any, sender: Any) -> int:
    account = view.ledger.account(sender)
    return 0 if account is None else account.balance


def without_chain_end(original: Original, *given: Any) -> Any:
    genesis = original(*given)
    return replace(genesis, rules=replace(genesis.rules, slot_chain_end=None))


def without_transactions_end(original: Original, *fields: Any) -> Any:
    return original(*fields[:3], None)


def answering(value: Any) -> Callable[..., Any]:
    return lambda original, *_arguments, **_named: value


def rows_with(**changed: Any) -> Callable[..., Any]:
    """All rows of a kind with the same fields changed."""

    def plant(original: Original, *given: Any) -> Any:
        rows = original(*given)
        if isinstance(rows, tuple | list) or not hasattr(rows, "__dataclass_fields__"):
            return [replace(row, **changed) for row in rows]
        return replace(rows, **changed)

    return plant


def with_slot_1(original: Original, self: Any, table: str, columns: Any, rows: Any) -> Any:
    if table == "blocks":
        at = columns.index("global_slot_since_genesis")
        rows = [(*row[:at], 1, *row[at + 1 :]) for row in rows]
    return original(self, table, columns, rows)


async def never_stopped(_original: Original, _self: Any) -> None:
    return


def without_third_block(original: Original, self: Any, announcement: Any) -> None:
    block = getattr(announcement, "block", None)
    if block is None or block.blockchain_length != 3:
        original(self, announcement)


PRODUCER, LEDGER, ROWS = (
    "coda_daemon.block_producer",
    "coda_daemon.ledger.transactions",
    "coda_daemon.archive.rows",
)
SIMULATED = "coda_executive.engines.simulation"
DEFECTS = {
    "no slot is won": Defect(
        "block-production", (f"{PRODUCER}:first_win",), answering(None), "suspicion: no block was made in"
    ),
    "no block is ever better": Defect(
        "block-production",
        ("coda_daemon.frontier.frontier:is_better",),
        answering(False),
        "blocks were made, and no node took any of them for its best tip",
    ),
    "the coinbase is paid twice": Defect(
        "block-reward",
        ("coda_daemon.snark.transaction:apply_coinbase", "coda_daemon.consensus.purchase:apply_coinbase"),
        twice_the_coinbase,
        "AssertionError [reward]",
    ),
    "a node that comes back adopts nothing": Defect(
        "chain-reliability",
        ("coda_daemon.frontier.frontier:is_better",),
        answering(False),
        "blocks were made, and no node took any of them for its best tip",
    ),
    "a node that was cut off does not bootstrap": Defect(
        "long-partition",
        ("coda_daemon.node:is_too_far",),
        answering(False),
        "suspicion: block-producer-1 received",
    ),
    "nobody bootstraps": Defect(
        "medium-bootstrap",
        ("coda_daemon.node:is_too_far",),
        answering(False),
        "block-producer-3 takes part without it; instead it had Persisted_frontier",
    ),
    "a late node does not bootstrap": Defect(
        "basic-bootstrap",
        ("coda_daemon.node:is_too_far",),
        answering(False),
        "node-1 takes part without it; instead it had Persisted_frontier",
    ),
    "a payment costs one nanomina more": Defect(
        "payments", (f"{LEDGER}:_pay",), one_nanomina_more, "the payer has 88999999999"
    ),
    "no command is chosen for a block": Defect(
        "payments",
        ("coda_daemon.consensus.purchase:choose_commands",),
        answering(()),
        "blocks were added since the wait began, and none holds any command",
    ),
    "signatures are not looked at": Defect(
        "payments",
        ("coda_daemon.graphql.sending:is_authorized", "coda_daemon.mempool:is_authorized"),
        answering(True),
        "expected a refusal that tells 'signature', but the node did what it was asked",
    ),
    "locked money may be spent": Defect(
        "payments",
        ("coda_daemon.mempool:View.liquid",),
        everything_is_liquid,
        "expected a refusal that tells 'insufficient', but the node did what it was asked",
    ),
    "all delegations come true": Defect(
        "delegation", (f"{LEDGER}:_delegation_failure",), answering(None), "includes it as Applied"
    ),
    "no delegation comes true": Defect(
        "delegation",
        (f"{LEDGER}:_delegation_failure",),
        answering(Failure.RECEIVER_NOT_PRESENT),
        "includes it as Failed",
    ),
    "nobody tells of peers": Defect(
        "peers-reliability",
        ("coda_daemon.graphql.roots:Query.get_peers",),
        answering([]),
        "So far: seed-1: []; block-producer-1: []",
    ),
    "chains are not told": Defect(
        "chain-reliability",
        ("coda_daemon.graphql.roots:Query.best_chain",),
        answering([]),
        "the nodes answer chains that have no block in common",
    ),
    "transactions do not end": Defect(
        "slot-end",
        ("coda_daemon.transaction_pool:PoolRules",),
        without_transactions_end,
        "expected a refusal that tells 'After_slot_tx_end', but the node did what it was asked",
    ),
    "blocks do not end": Defect(
        "slot-end",
        ("coda_daemon.daemon:make_genesis",),
        without_chain_end,
        "stopped waiting for never in 18 slots: global slot 24 to be reached: it came true ",
    ),
    "a block is not sent to the archive": Defect(
        "archive-node",
        ("coda_daemon.archive.feed:ArchiveFeed._heard",),
        without_third_block,
        "the archive misses 3N",
    ),
    "the archive has a slot wrong": Defect(
        "archive-node",
        (f"{SIMULATED}.archives:SimulatedArchiveStore.insert",),
        with_slot_1,
        "archived is [",
    ),
    "genesis is not final": Defect(
        "archive-node",
        ("coda_daemon.archive.archive:rows_of",),
        rows_with(is_genesis=False),
        "genesis is pending",
    ),
    "the archive has an amount wrong": Defect(
        "archive-node", (f"{ROWS}:_user_commands",), rows_with(amount="4"), "amount=4"
    ),
    "the archive takes failed commands for applied": Defect(
        "archive-node", (f"{ROWS}:_user_commands",), rows_with(failure_reason=None), "failure=None"
    ),
    "the archive has coinbases wrong": Defect(
        "archive-node", (f"{ROWS}:_internal",), rows_with(fee="1"), "': 1} in 1 blocks"
    ),
    "an archive that is stopped goes on": Defect(
        "archive-node",
        (f"{SIMULATED}.node_archive:SimulatedNodeArchive.stop",),
        never_stopped,
        "the archive was down, and misses nothing",
    ),
    "the archive has a nonce wrong": Defect(
        "archive-node", (f"{ROWS}:_user_commands",), rows_with(nonce=7), "to be applied, found"
    ),
    "payments are lost": Defect(
        "gossip-consistency",
        ("coda_daemon.consensus.purchase:choose_commands",),
        answering(()),
        "blocks were added since the wait began, and none holds any command",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_for_its_own_reason(
    simulated: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    defect = DEFECTS[name]
    for place in defect.where:
        monkeypatch.setattr(*replacement(place, defect.planted))

    run = simulated(defect.test)

    assert run.code == 1, run.shown
    assert defect.told in run.shown, run.shown
