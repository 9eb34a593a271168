"""An archive: blocks go in, in any order and from anybody, each once (daemon contract G.1, G.2).

    archive = Archive(store, k=30)
    await archive.add(diff)

One transaction a block. The numbers of what rows refer to are looked up for all of a block at once, and
remembered for tables whose rows never go.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from coda_daemon.archive.block_diff import BlockDiff
from coda_daemon.archive.rows import PROTOCOL_VERSION, AccountName, AccountRow, BlockRows, rows_of
from coda_daemon.blocks import EpochData
from coda_daemon.ports import ArchiveStore

_Key = tuple[Any, ...]
_AT_ONCE: Final = 500  # values in one statement; SQLite once took no more than 999
_REMEMBERED: Final = 100_000  # numbers

_VALUE: Final = ("value",)
_PERMISSIONS: Final = (
    *("edit_state", "send", "receive", "access", "set_delegate", "set_permissions"),
    *("set_verification_key_auth", "set_verification_key_txn_version", "set_zkapp_uri", "edit_action_state"),
    *("set_token_symbol", "increment_nonce", "set_voting_for", "set_timing"),
)
_TIMING: Final = (
    *("account_identifier_id", "initial_minimum_balance", "cliff_time", "cliff_amount", "vesting_period"),
    "vesting_increment",
)
_EPOCH_DATA: Final = (
    "seed", "ledger_hash_id", "total_currency", "start_checkpoint", "lock_checkpoint", "epoch_length"
)  # fmt: skip
_USER_COMMANDS: Final = (
    *("hash", "command_type", "fee_payer_id", "source_id", "receiver_id", "nonce", "amount", "fee"),
    *("valid_until", "memo"),
)
_BLOCKS: Final = (
    *("state_hash", "parent_id", "parent_hash", "creator_id", "block_winner_id", "last_vrf_output"),
    *("snarked_ledger_hash_id", "staking_epoch_data_id", "next_epoch_data_id", "min_window_density"),
    *("sub_window_densities", "total_currency", "ledger_hash", "height", "global_slot_since_hard_fork"),
    *("global_slot_since_genesis", "protocol_version_id", "timestamp", "chain_status"),
)
_ACCOUNTS_ACCESSED: Final = (
    *("ledger_index", "block_id", "account_identifier_id", "token_symbol_id", "balance", "nonce"),
    *("receipt_chain_hash", "delegate_id", "voting_for_id", "timing_id", "permissions_id"),
)
_CHAIN_DOWN_TO: Final = """
WITH RECURSIVE chain (id, parent_id, height) AS (
  SELECT id, parent_id, height FROM blocks WHERE id = $1
  UNION ALL
  SELECT blocks.id, blocks.parent_id, blocks.height FROM blocks
  JOIN chain ON blocks.id = chain.parent_id WHERE blocks.height > $2
)
SELECT id, parent_id, height FROM chain ORDER BY height
"""


class Archive:
    """One database of blocks. `k` is the compiled depth of finality, not the network's (G.2)."""

    def __init__(self, store: ArchiveStore, *, k: int) -> None:
        self._store = store
        self._k = k
        self._known: dict[tuple[str, _Key], int] = {}
        self._turn = asyncio.Lock()  # a connection does one transaction at a time

    async def add(self, diff: BlockDiff) -> bool:
        """Store a block; False if it was there. Raises MalformedBlockError and OSError."""
        rows = rows_of(diff)
        async with self._turn:
            try:
                async with self._store.transaction():
                    return await self._add(rows)
            except BaseException:
                self._known.clear()  # numbers that were given out may be gone with the transaction
                raise

    async def lacks_parent(self, state_hash: str) -> bool:
        """Whether a block is here and its parent is not. Raises OSError."""
        async with self._turn:
            sql = "SELECT 1 FROM blocks WHERE state_hash = $1 AND parent_id IS NULL"
            return bool(await self._store.fetch(sql, state_hash))

    async def delete_older_than(self, blocks: int) -> int:
        """Delete blocks that are more than this below the highest one, and return how many went."""
        async with self._turn, self._store.transaction():
            ((highest,),) = await self._store.fetch("SELECT max(height) FROM blocks")
            return 0 if highest is None else await delete_below(self._store, highest - blocks)

    async def _add(self, rows: BlockRows) -> bool:
        block = rows.block
        if await self._store.fetch("SELECT id FROM blocks WHERE state_hash = $1", block.state_hash):
            return False
        keys = await self._values("public_keys", rows.public_keys)
        block_id = await self._insert_block(rows, keys)
        await self._insert_user_commands(rows, block_id, keys)
        await self._insert_internal_commands(rows, block_id, keys)
        await self._insert_accounts(rows, block_id, keys)
        await self._store.fetch(
            "UPDATE blocks SET parent_id = $1 WHERE parent_hash = $2", block_id, block.state_hash
        )
        if not rows.is_genesis:
            await self._settle(block_id, block.blockchain_length)
        return True

    async def _insert_block(self, rows: BlockRows, keys: Mapping[str, int]) -> int:
        block, state = rows.block, rows.block.consensus_state
        snarked = block.state.blockchain_state.snarked_ledger_hash
        hashes = await self._values(
            "snarked_ledger_hashes", (snarked, *(data.ledger_hash for data in rows.epochs))
        )
        staking, coming = await self._epochs(rows.epochs, hashes)
        versions = await self._ids(
            "protocol_versions", ('"transaction"', "network", "patch"), [PROTOCOL_VERSION]
        )
        parent = await self._store.fetch(
            "SELECT id FROM blocks WHERE state_hash = $1", block.previous_state_hash
        )
        values = (
            block.state_hash,
            parent[0][0] if parent else None,
            block.previous_state_hash,
            keys[block.creator],
            keys[block.winner],
            rows.last_vrf_output,
            hashes[snarked],
            staking,
            coming,
            state.min_window_density,
            state.sub_window_densities,
            str(state.total_currency),
            block.ledger_hash,
            block.blockchain_length,
            block.global_slot,
            state.global_slot_since_genesis,
            versions[PROTOCOL_VERSION],
            str(block.state.blockchain_state.timestamp),
            "canonical" if rows.is_genesis else "pending",
        )
        await self._store.insert("blocks", _BLOCKS, [values])
        ((block_id,),) = await self._store.fetch(
            "SELECT id FROM blocks WHERE state_hash = $1", block.state_hash
        )
        return int(block_id)

    async def _insert_user_commands(self, rows: BlockRows, block_id: int, keys: Mapping[str, int]) -> None:
        if not rows.user_commands:
            return
        ids = await self._ids(
            "user_commands",
            _USER_COMMANDS,
            [
                (
                    command.hash,
                    command.command_type,
                    keys[command.fee_payer],
                    keys[command.fee_payer],
                    keys[command.receiver],
                    command.nonce,
                    command.amount,
                    command.fee,
                    command.valid_until,
                    command.memo,
                )
                for command in rows.user_commands
            ],
            is_remembered=False,
        )
        by_hash = {key[0]: id for key, id in ids.items()}
        await self._store.insert(
            "blocks_user_commands",
            ("block_id", "user_command_id", "sequence_no", "status", "failure_reason"),
            [
                (
                    block_id,
                    by_hash[command.hash],
                    command.sequence_no,
                    _status(command.failure_reason),
                    command.failure_reason,
                )
                for command in rows.user_commands
            ],
        )

    async def _insert_internal_commands(
        self, rows: BlockRows, block_id: int, keys: Mapping[str, int]
    ) -> None:
        if not rows.internal_commands:
            return
        commands = [
            (command.hash, command.command_type, keys[command.receiver], command.fee)
            for command in rows.internal_commands
        ]
        columns = ("hash", "command_type", "receiver_id", "fee")
        ids = await self._ids("internal_commands", columns, commands, is_remembered=False)
        await self._store.insert(
            "blocks_internal_commands",
            (
                *("block_id", "internal_command_id", "sequence_no", "secondary_sequence_no", "status"),
                "failure_reason",
            ),
            [
                (
                    block_id,
                    ids[key],
                    command.sequence_no,
                    command.secondary_sequence_no,
                    _status(command.failure_reason),
                    command.failure_reason,
                )
                for key, command in zip(commands, rows.internal_commands, strict=True)
            ],
        )

    async def _insert_accounts(self, rows: BlockRows, block_id: int, keys: Mapping[str, int]) -> None:
        names = await self._account_identifiers([account.name for account in rows.accounts], keys)
        symbols = await self._values("token_symbols", (account.token_symbol for account in rows.accounts))
        voting = await self._values("voting_for", (account.voting_for for account in rows.accounts))
        timings = await self._ids("timing_info", _TIMING, _timings(rows.accounts, names))
        permissions = await self._ids(
            "zkapp_permissions", _PERMISSIONS, [account.permissions for account in rows.accounts]
        )
        await self._store.insert(
            "accounts_accessed",
            _ACCOUNTS_ACCESSED,
            [
                (
                    account.ledger_index,
                    block_id,
                    names[account.name],
                    symbols[account.token_symbol],
                    account.balance,
                    account.nonce,
                    account.receipt_chain_hash,
                    None if account.delegate is None else keys[account.delegate],
                    voting[account.voting_for],
                    None if account.timing is None else timings[(names[account.name], *account.timing)],
                    permissions[account.permissions],
                )
                for account in rows.accounts
            ],
        )
        await self._store.insert(
            "accounts_created",
            ("block_id", "account_identifier_id", "creation_fee"),
            [(block_id, names[name], fee) for name, fee in rows.created],
        )

    async def _settle(self, block_id: int, height: int) -> None:
        """Make ancestors canonical that this block buries deep enough, and orphan what stands beside them (G.2)."""
        canonical = await self._store.fetch(
            "SELECT id, height FROM blocks WHERE chain_status = 'canonical' ORDER BY height DESC LIMIT 1"
        )
        if not canonical or height <= canonical[0][1] + self._k:
            return
        ((highest_id, highest),) = canonical
        chain = await self._store.fetch(_CHAIN_DOWN_TO, block_id, highest)
        if not chain or chain[0][1] != highest_id:
            return  # a hole, which somebody may still fill
        for id, _parent_id, at in chain:
            if at <= height - self._k:
                await self._store.fetch("UPDATE blocks SET chain_status = 'canonical' WHERE id = $1", id)
                await self._store.fetch(
                    "UPDATE blocks SET chain_status = 'orphaned' WHERE height = $1 AND id <> $2", at, id
                )

    async def _account_identifiers(
        self, names: Sequence[AccountName], keys: Mapping[str, int]
    ) -> Mapping[AccountName, int]:
        tokens = await self._values("tokens", (token for _key, token in names))
        columns = ("public_key_id", "token_id")
        ids = await self._ids(
            "account_identifiers", columns, [(keys[key], tokens[token]) for key, token in names]
        )
        return {(key, token): ids[keys[key], tokens[token]] for key, token in names}

    async def _epochs(self, epochs: Sequence[EpochData], hashes: Mapping[str, int]) -> Sequence[int]:
        rows = [
            (
                data.seed,
                hashes[data.ledger_hash],
                str(data.total_currency),
                data.start_checkpoint,
                data.lock_checkpoint,
                data.epoch_length,
            )
            for data in epochs
        ]
        ids = await self._ids("epoch_data", _EPOCH_DATA, rows)
        return [ids[row] for row in rows]

    async def _values(self, table: str, values: Iterable[str]) -> Mapping[str, int]:
        ids = await self._ids(table, _VALUE, [(value,) for value in values])
        return {value: id for (value,), id in ids.items()}

    async def _ids(
        self, table: str, columns: Sequence[str], rows: Sequence[_Key], *, is_remembered: bool = True
    ) -> Mapping[_Key, int]:
        """The numbers of rows by what they hold; those that are missing are inserted, in their order.

        The first column must tell rows well apart. `is_remembered` is for tables whose rows never go.
        """
        wanted = list(dict.fromkeys(rows))
        found = {row: self._known[table, row] for row in wanted if (table, row) in self._known}
        missing = [row for row in wanted if row not in found]
        if missing:
            found |= await self._look_up(table, columns, missing)
            new = [row for row in missing if row not in found]
            if new:
                await self._store.insert(table, columns, new)
                found |= await self._look_up(table, columns, new)
            if is_remembered:
                if len(self._known) > _REMEMBERED:
                    self._known.clear()
                self._known.update({(table, row): found[row] for row in missing})
        return found

    async def _look_up(self, table: str, columns: Sequence[str], rows: Sequence[_Key]) -> dict[_Key, int]:
        firsts = list(dict.fromkeys(row[0] for row in rows))
        wanted, found = set(rows), {}
        for at in range(0, len(firsts), _AT_ONCE):
            part = firsts[at : at + _AT_ONCE]
            places = ", ".join(f"${number}" for number in range(1, len(part) + 1))
            sql = f"SELECT id, {', '.join(columns)} FROM {table} WHERE {columns[0]} IN ({places})"  # noqa: S608  our names
            for id, *values in await self._store.fetch(sql, *part):
                if tuple(values) in wanted:
                    found[tuple(values)] = int(id)
        return found


async def delete_below(store: ArchiveStore, height: int) -> int:
    """Delete the blocks below a height, and commands that are in no other block. Call it within a transaction."""
    doomed = "SELECT id FROM blocks WHERE height < $1"
    ((count,),) = await store.fetch("SELECT count(*) FROM blocks WHERE height < $1", height)
    if not count:
        return 0
    for table in (
        "accounts_accessed",
        "accounts_created",
        "blocks_user_commands",
        "blocks_internal_commands",
    ):
        await store.fetch(f"DELETE FROM {table} WHERE block_id IN ({doomed})", height)  # noqa: S608  our names
    await store.fetch(f"UPDATE blocks SET parent_id = NULL WHERE parent_id IN ({doomed})", height)  # noqa: S608
    await store.fetch("DELETE FROM blocks WHERE height < $1", height)
    for kind in ("user_command", "internal_command"):
        await store.fetch(
            f"DELETE FROM {kind}s WHERE id NOT IN (SELECT {kind}_id FROM blocks_{kind}s)"  # noqa: S608
        )
    return int(count)


def _status(failure_reason: str | None) -> str:
    return "applied" if failure_reason is None else "failed"


def _timings(accounts: Iterable[AccountRow], names: Mapping[AccountName, int]) -> list[_Key]:
    return [(names[account.name], *account.timing) for account in accounts if account.timing is not None]
