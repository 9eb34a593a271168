"""Chains with everything that an archive stores, and what the tests ask of one."""

from collections.abc import Sequence
from typing import Any

from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config, next_block
from tests.coda_daemon.commands_testbed import COIN, delegation, payment

from coda_daemon.archive.archive import Archive
from coda_daemon.archive.block_diff import BlockDiff, diff_of, genesis_diff
from coda_daemon.consensus.building import Built
from coda_daemon.ports import ArchiveStore

GENESIS = genesis_of(make_config(100, 100))
CREATION_FEE = GENESIS.rules.body.commands.account_creation_fee
PAID, FAILED, NEW = payment(2, 1, 3), payment(2, 7, COIN - 1, nonce=1), payment(1, 8, 5 * COIN)

FIRST = next_block(GENESIS, GENESIS.built, receiver=9, commands=[PAID, FAILED])
SECOND = next_block(GENESIS, FIRST, commands=[NEW, delegation(2, 1, nonce=2)])
THIRD = next_block(GENESIS, SECOND)
BESIDE = next_block(GENESIS, FIRST, producer=2, after=SECOND.block.global_slot)
TRUNK = (FIRST, SECOND, THIRD)


def longer(length: int) -> list[Built]:
    """The trunk with blocks on top, until so many follow genesis."""
    return [*TRUNK, *chain(GENESIS, length - len(TRUNK), on=THIRD)]


def diffs(blocks: Sequence[Built]) -> list[BlockDiff]:
    """In the order of the blocks; the parent of each is genesis or among them, or is FIRST."""
    ledgers = {built.block.state_hash: built.ledger for built in (GENESIS.built, FIRST, SECOND, *blocks)}
    return [
        diff_of(built, ledgers[built.block.previous_state_hash], creation_fee=CREATION_FEE)
        for built in blocks
    ]


async def archived(store: ArchiveStore, *blocks: Built, k: int = 30) -> Archive:
    """An archive with genesis and these blocks."""
    archive = Archive(store, k=k)
    for diff in (genesis_diff(GENESIS), *diffs(blocks)):
        assert await archive.add(diff)
    return archive


TABLES = (
    *("public_keys", "tokens", "token_symbols", "account_identifiers", "timing_info", "voting_for"),
    *("zkapp_permissions", "snarked_ledger_hashes", "user_commands", "internal_commands", "epoch_data"),
    *("protocol_versions", "blocks", "accounts_accessed", "accounts_created", "blocks_user_commands"),
    "blocks_internal_commands",
)


async def all_rows(store: ArchiveStore) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    found = {}
    for table in TABLES:
        rows: list[list[Any]] = [list(row) for row in await store.fetch(f"SELECT * FROM {table}")]
        found[table] = sorted(str(row).replace("'[", "[").replace("]'", "]") for row in rows)
    return found
