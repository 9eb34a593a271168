"""The tables, in SQLite and PostgreSQL: every block once, parents, finality, pruning (daemon contract G)."""

from pathlib import Path

import msgspec
import pytest
from tests.coda_daemon.archive.chains import (
    BESIDE,
    CREATION_FEE,
    FAILED,
    FIRST,
    GENESIS,
    NEW,
    PAID,
    SECOND,
    THIRD,
    TRUNK,
    all_rows,
    archived,
    diffs,
    longer,
)
from tests.coda_daemon.chain_testbed import key, next_block
from tests.coda_daemon.commands_testbed import FEE, payment
from tests.coda_daemon.test_hard_fork import FORKED

from coda_daemon.archive.archive import Archive, delete_below
from coda_daemon.archive.block_diff import BlockDiff, diff_of, genesis_diff
from coda_daemon.archive.replay import ReplayError, replayed
from coda_daemon.archive.schema import schema
from coda_daemon.archive.stores import SystemArchiveStores
from coda_daemon.blocks import MalformedBlockError
from coda_daemon.ports import ArchiveStore


async def statuses(store: ArchiveStore) -> dict[str, str]:
    rows = await store.fetch("SELECT state_hash, chain_status FROM blocks")
    return {str(state_hash): str(status) for state_hash, status in rows}


async def parents(store: ArchiveStore) -> dict[str, str | None]:
    rows = await store.fetch(
        "SELECT block.state_hash, parent.state_hash FROM blocks block LEFT JOIN blocks parent "
        "ON parent.id = block.parent_id"
    )
    return {str(state_hash): parent for state_hash, parent in rows}


async def test_a_block_is_stored_once_however_often_it_comes(store: ArchiveStore) -> None:
    archive = await archived(store, *TRUNK)
    before = await all_rows(store)

    assert [await archive.add(diff) for diff in diffs(TRUNK)] == [False] * 3
    assert not await Archive(store, k=30).add(genesis_diff(GENESIS))

    assert await all_rows(store) == before


async def test_a_parent_that_comes_later_is_linked_then(store: ArchiveStore) -> None:
    archive = await archived(store, THIRD, FIRST)
    first, second, third = (built.block.state_hash for built in TRUNK)
    assert await parents(store) == {
        GENESIS.block.state_hash: None,
        first: GENESIS.block.state_hash,
        third: None,
    }

    (diff,) = diffs([SECOND])
    await archive.add(diff)

    assert (await parents(store))[third] == second
    assert (await parents(store))[second] == first


async def test_commands_are_there_with_their_fate(store: ArchiveStore) -> None:
    await archived(store, *TRUNK)

    rows = await store.fetch(
        "SELECT command.hash, command.command_type, payer.value, receiver.value, command.amount, command.fee, "
        "command.valid_until, included.status, included.failure_reason, blocks.height "
        "FROM blocks_user_commands included JOIN user_commands command ON command.id = included.user_command_id "
        "JOIN public_keys payer ON payer.id = command.fee_payer_id "
        "JOIN public_keys receiver ON receiver.id = command.receiver_id "
        "JOIN blocks ON blocks.id = included.block_id ORDER BY blocks.height, included.sequence_no"
    )

    fee = str(FEE)
    assert [tuple(row) for row in rows[:3]] == [
        (PAID.hash, "payment", key(2), key(1), "3", fee, None, "applied", None, 2),
        (
            *(FAILED.hash, "payment", key(2), key(7), str(10**9 - 1), fee, None),
            *("failed", "Amount_insufficient_to_create_account", 2),
        ),
        (NEW.hash, "payment", key(1), key(8), str(5 * 10**9), fee, None, "applied", None, 3),
    ]
    assert rows[3][1:5] == ("delegation", key(2), key(1), None)


async def test_coinbases_and_fee_transfers_are_internal_commands(store: ArchiveStore) -> None:
    await archived(store, *TRUNK)

    rows = await store.fetch(
        "SELECT command.command_type, receiver.value, command.fee, included.sequence_no, included.status "
        "FROM blocks_internal_commands included "
        "JOIN internal_commands command ON command.id = included.internal_command_id "
        "JOIN public_keys receiver ON receiver.id = command.receiver_id "
        "JOIN blocks ON blocks.id = included.block_id WHERE blocks.height = 2 ORDER BY included.sequence_no"
    )

    assert [tuple(row) for row in rows] == [
        ("coinbase", key(9), str(GENESIS.rules.coinbase), 2, "applied"),
        ("fee_transfer", key(9), str(2 * FEE), 3, "applied"),
    ]


async def test_accounts_are_as_the_block_left_them(store: ArchiveStore) -> None:
    await archived(store, *TRUNK)

    rows = await store.fetch(
        "SELECT keys.value, after.ledger_index, after.balance, after.nonce, created.creation_fee "
        "FROM accounts_accessed after JOIN account_identifiers account ON account.id = after.account_identifier_id "
        "JOIN public_keys keys ON keys.id = account.public_key_id JOIN blocks ON blocks.id = after.block_id "
        "LEFT JOIN accounts_created created ON created.block_id = blocks.id "
        "AND created.account_identifier_id = account.id WHERE blocks.height = 2 ORDER BY after.ledger_index"
    )

    expected = []
    for index, address in enumerate((key(1), key(2), key(9))):
        account = FIRST.ledger.account(address)
        assert account is not None
        fee = str(CREATION_FEE) if address == key(9) else None
        expected.append((address, index, str(account.balance), account.nonce, fee))
    assert [tuple(row) for row in rows] == expected


async def test_blocks_get_canonical_and_orphaned_once_they_are_k_deep(store: ArchiveStore) -> None:
    chain = longer(6)
    archive = await archived(store, *chain[:3], BESIDE, *chain[3:4], k=4)
    assert set((await statuses(store)).values()) == {
        "canonical",
        "pending",
    }  # genesis is; nothing is above k yet

    for diff in diffs(chain)[4:]:
        await archive.add(diff)

    found = await statuses(store)
    assert [found[built.block.state_hash] for built in (GENESIS.built, *chain)] == (
        ["canonical"] * 3 + ["pending"] * 4
    )
    assert found[BESIDE.block.state_hash] == "orphaned"


async def test_finality_waits_for_a_hole_to_be_filled(store: ArchiveStore) -> None:
    chain = longer(7)
    archive = await archived(store, chain[0], *chain[2:6], k=2)
    assert list((await statuses(store)).values()).count("canonical") == 1

    for diff in (diffs(chain)[1], diffs(chain)[6]):
        await archive.add(diff)

    assert list((await statuses(store)).values()).count("canonical") == 6


async def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_is_whole(
    store: ArchiveStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = await archived(store)
    before = await all_rows(store)
    first, *_ = diffs([FIRST])

    async def fail(*_values: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_insert_accounts", fail)
        with pytest.raises(OSError, match="disk is full"):
            await archive.add(first)
    assert await all_rows(store) == before

    assert await archive.add(first)
    assert (await replayed(store, GENESIS, FIRST.block.state_hash)).blocks == 1


async def test_a_replay_finds_the_ledger_of_every_block(store: ArchiveStore) -> None:
    await archived(store, *TRUNK, BESIDE)

    for built, commands in ((THIRD, 4), (BESIDE, 2)):
        found = await replayed(store, GENESIS, built.block.state_hash)
        assert (found.height, found.user_commands) == (built.block.blockchain_length, commands)
    assert (await replayed(store, GENESIS, None)).blocks == 0  # genesis alone is canonical


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE user_commands SET amount = '4' WHERE amount = '3'", "found columns of"),
        ("UPDATE internal_commands SET fee = '1' WHERE command_type = 'coinbase'", "expected ledger hash"),
        ("UPDATE blocks_user_commands SET status = 'applied', failure_reason = NULL", "to be applied"),
        ("DELETE FROM blocks_user_commands", "expected ledger hash"),
        ("UPDATE blocks SET parent_id = NULL WHERE height = 3", "has no parent"),
    ],
)
async def test_a_replay_tells_where_rows_are_wrong(store: ArchiveStore, damage: str, found: str) -> None:
    await archived(store, *TRUNK)
    await store.fetch(damage)

    with pytest.raises(ReplayError, match=found):
        await replayed(store, GENESIS, THIRD.block.state_hash)


async def test_pruning_takes_old_blocks_and_commands_that_no_other_has(store: ArchiveStore) -> None:
    archive = await archived(store, *TRUNK)

    async with store.transaction():
        assert await delete_below(store, 3) == 2
    ((left,),) = await store.fetch("SELECT count(*) FROM user_commands")
    assert left == 2
    assert await archive.delete_older_than(0) == 1

    ((height,),) = await store.fetch("SELECT height FROM blocks")
    assert height == 4


async def test_what_is_no_block_is_refused(store: ArchiveStore) -> None:
    archive = Archive(store, k=30)
    (diff,) = diffs([FIRST])

    with pytest.raises(MalformedBlockError, match="expected a block"):
        await archive.add(BlockDiff(b"no block", (), (), 0))
    with pytest.raises(MalformedBlockError, match="what became of 2 credits"):
        await archive.add(msgspec.structs.replace(diff, credits=()))


async def test_after_a_hard_fork_heights_and_slots_go_on_and_a_replay_counts_with_them(
    store: ArchiveStore,
) -> None:
    fork = [next_block(FORKED, FORKED.built, commands=[payment(1, 2)])]
    fork.append(next_block(FORKED, fork[0]))
    archive = Archive(store, k=30)
    await archive.add(genesis_diff(FORKED))
    for built, parent in zip(fork, (FORKED.built, fork[0]), strict=True):
        await archive.add(diff_of(built, parent.ledger, creation_fee=CREATION_FEE))

    rows = await store.fetch(
        "SELECT height, global_slot_since_genesis - global_slot_since_hard_fork, parent_id IS NULL FROM blocks "
        "ORDER BY height"
    )
    assert [(height, before, bool(first)) for height, before, first in rows] == [
        *((1001, 5000, True), (1002, 5000, False), (1003, 5000, False))
    ]
    assert (await replayed(store, FORKED, fork[1].block.state_hash)).user_commands == 1


@pytest.mark.postgresql
async def test_postgresql_and_sqlite_hold_the_same_rows(postgres_uri: str, tmp_path: Path) -> None:
    found = []
    for address in (postgres_uri, f"sqlite://{tmp_path}/archive.sqlite"):
        store = await SystemArchiveStores().open(address)
        await store.script(schema(store.dialect))
        await archived(store, *longer(6), BESIDE, k=2)
        found.append(await all_rows(store))
        await store.close()

    assert found[0] == found[1]
    assert len(found[0]["blocks"]) == 8
