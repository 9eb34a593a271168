"""What tests ask of an archive (daemon contract G.3), written once for all databases and engines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from coda_executive.errors import ConfigError
from coda_executive.interfaces.archive import Archived, NodeArchive, Replay
from coda_executive.interfaces.node import Node

ChainStatus = Literal["canonical", "orphaned", "pending"]

_BLOCKS = (
    "SELECT state_hash, parent_hash, parent_id IS NOT NULL, height, global_slot_since_genesis, chain_status, "
    "ledger_hash FROM blocks"
)
_CHAIN = " ".join(
    (
        "WITH RECURSIVE chain (id, parent_id) AS (SELECT id, parent_id FROM blocks WHERE state_hash = $1 UNION ALL",
        "SELECT blocks.id, blocks.parent_id FROM blocks JOIN chain ON blocks.id = chain.parent_id)",
        _BLOCKS,
        "WHERE id IN (SELECT id FROM chain) ORDER BY height",
    )
)
_COMMANDS = (
    "SELECT command.hash, command.command_type, payer.value, receiver.value, command.nonce, command.amount, "
    "command.fee, blocks.state_hash, blocks.height, included.status, included.failure_reason "
    "FROM user_commands command "
    "JOIN blocks_user_commands included ON included.user_command_id = command.id "
    "JOIN blocks ON blocks.id = included.block_id "
    "JOIN public_keys payer ON payer.id = command.fee_payer_id "
    "JOIN public_keys receiver ON receiver.id = command.receiver_id"
)
_COINBASES = (
    "SELECT receiver.value, command.fee, blocks.state_hash FROM blocks_internal_commands included "
    "JOIN internal_commands command ON command.id = included.internal_command_id "
    "JOIN public_keys receiver ON receiver.id = command.receiver_id "
    "JOIN blocks ON blocks.id = included.block_id "
    "WHERE command.command_type = 'coinbase' AND included.status = 'applied'"
)


@dataclass(frozen=True, slots=True)
class ArchivedBlock:
    """A row of `blocks`."""

    state_hash: str
    parent_hash: str
    has_parent: bool  # in the archive
    height: int
    global_slot: int
    chain_status: ChainStatus
    ledger_hash: str


@dataclass(frozen=True, slots=True)
class ArchivedCommand:
    """A user command as one block has it; money in nanomina, `amount` None for a delegation."""

    hash: str
    kind: Literal["payment", "delegation"]
    fee_payer: str
    receiver: str
    nonce: int
    amount: int | None
    fee: int
    block: str
    height: int
    is_applied: bool
    failure: str | None


class ArchiveClient:
    """Asks one archive. Every method raises RequestFailed when the database does not answer.

    archive = archive_of(dsl.testnet.archive_nodes[0])
    assert await archive.missing_blocks() == []
    """

    def __init__(self, archive: NodeArchive) -> None:
        self._archive = archive

    @property
    def address(self) -> str:
        """HOST:PORT: what a daemon is given as `-archive-address` to feed it."""
        return self._archive.address

    async def start(self) -> None:
        """Start the archive process. It starts with its node by itself."""
        await self._archive.start()

    async def stop(self) -> None:
        """Stop the archive process; blocks that its daemons add meanwhile are missed."""
        await self._archive.stop()

    async def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """The rows of any query; `values` stand for `$1`, `$2`, … in it."""
        return await self._archive.rows(sql, *values)

    async def min_height(self) -> int:
        """1 when the genesis block is there, 0 when the archive is empty."""
        ((height,),) = await self.rows("SELECT coalesce(min(height), 0) FROM blocks")
        return int(height)

    async def max_height(self) -> int:
        """0 when the archive is empty."""
        ((height,),) = await self.rows("SELECT coalesce(max(height), 0) FROM blocks")
        return int(height)

    async def blocks(self) -> list[ArchivedBlock]:
        """By height, then in the order of their coming."""
        return [_block(row) for row in await self.rows(f"{_BLOCKS} ORDER BY height, id")]

    async def chain(self, state_hash: str) -> list[ArchivedBlock]:
        """A block and its ancestors as far as they are there, oldest first; empty without the block."""
        return [_block(row) for row in await self.rows(_CHAIN, state_hash)]

    async def blocks_by_height(self) -> Mapping[int, int]:
        """How many blocks there are of each height."""
        rows = await self.rows("SELECT height, count(*) FROM blocks GROUP BY height ORDER BY height")
        return {int(height): int(count) for height, count in rows}

    async def missing_blocks(self) -> list[str]:
        """State hashes of the parents that are named but not there; the genesis block's is not missing."""
        rows = await self.rows(
            "SELECT DISTINCT parent_hash, height FROM blocks WHERE parent_id IS NULL "
            "AND height > (SELECT min(height) FROM blocks) ORDER BY height, parent_hash"
        )
        return list(dict.fromkeys(str(parent) for parent, _height in rows))

    async def chain_status(self) -> Mapping[ChainStatus, list[ArchivedBlock]]:
        """The blocks of each status that occurs, by height."""
        found: dict[ChainStatus, list[ArchivedBlock]] = {}
        for block in await self.blocks():
            found.setdefault(block.chain_status, []).append(block)
        return found

    async def command(self, transaction_hash: str) -> list[ArchivedCommand]:
        """A command, once for each block that it is in."""
        sql = f"{_COMMANDS} WHERE command.hash = $1 ORDER BY blocks.height, blocks.id"
        return [_command(row) for row in await self.rows(sql, transaction_hash)]

    async def coinbases(self, *, within: Sequence[str]) -> Mapping[str, int]:
        """What each receiver got in coinbases, in nanomina, in the blocks with these state hashes."""
        wanted, sums = frozenset(within), Counter[str]()
        for receiver, amount, state_hash in await self.rows(_COINBASES):
            if state_hash in wanted:
                sums[receiver] += int(amount)
        return dict(sorted(sums.items()))

    async def replay(self, state_hash: str) -> Replay:
        """Replay the commands of the chain that ends with this block, and compare every ledger hash."""
        return await self._archive.replay(state_hash)


def archive_of(node: Node) -> ArchiveClient:
    """The archive beside a node. Raises ConfigError where there is none."""
    archive = node.archive if isinstance(node, Archived) else None
    if archive is None:
        raise ConfigError(
            f"{node.id} has no archive: expected an archive node, found a {node.role.value}. Ask the network for "
            f"archive_nodes, and take one of dsl.testnet.archive_nodes."
        )
    return ArchiveClient(archive)


def _block(row: Sequence[Any]) -> ArchivedBlock:
    state_hash, parent_hash, has_parent, height, slot, status, ledger_hash = row
    return ArchivedBlock(state_hash, parent_hash, bool(has_parent), height, slot, status, ledger_hash)


def _command(row: Sequence[Any]) -> ArchivedCommand:
    hash, kind, payer, receiver, nonce, amount, fee, block, height, status, failure = row
    return ArchivedCommand(
        hash,
        kind,
        payer,
        receiver,
        nonce,
        None if amount is None else int(amount),
        int(fee),
        block,
        height,
        status == "applied",
        failure,
    )
