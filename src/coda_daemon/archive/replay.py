"""Replays the commands of an archived chain from the genesis ledger, and compares (daemon contract G.3, mina-replayer).

Signatures are not in the tables, so they are not checked; every ledger hash is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from coda_daemon.genesis import Genesis
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.coinbase import apply_coinbase, apply_fee_transfer
from coda_daemon.ledger.command import Command, command_of
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger.transactions import CommandRules, RefusedError, apply_command
from coda_daemon.ports import ArchiveStore
from coda_protocol.commands import NEVER_EXPIRES, Delegation, Payment, SignedCommand, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.keys import PublicKey
from coda_protocol.memo import Memo
from coda_protocol.signatures import DUMMY_SIGNATURE
from coda_protocol.slots import GlobalSlot

_CHAIN: Final = """
WITH RECURSIVE chain (id, parent_id) AS (
  SELECT id, parent_id FROM blocks WHERE state_hash = $1
  UNION ALL
  SELECT blocks.id, blocks.parent_id FROM blocks JOIN chain ON blocks.id = chain.parent_id
)
SELECT blocks.id, blocks.state_hash, blocks.height, blocks.global_slot_since_genesis, blocks.ledger_hash
FROM blocks JOIN chain ON blocks.id = chain.id ORDER BY blocks.height
"""
_USER_COMMANDS: Final = """
SELECT command.command_type, payer.value, receiver.value, command.nonce, command.amount, command.fee,
  command.valid_until, command.memo, command.hash, included.status, included.failure_reason
FROM blocks_user_commands included
JOIN user_commands command ON command.id = included.user_command_id
JOIN public_keys payer ON payer.id = command.fee_payer_id
JOIN public_keys receiver ON receiver.id = command.receiver_id
WHERE included.block_id = $1 ORDER BY included.sequence_no
"""
_INTERNAL_COMMANDS: Final = """
SELECT command.command_type, receiver.value, command.fee
FROM blocks_internal_commands included
JOIN internal_commands command ON command.id = included.internal_command_id
JOIN public_keys receiver ON receiver.id = command.receiver_id
WHERE included.block_id = $1 ORDER BY included.sequence_no, included.secondary_sequence_no
"""
_HIGHEST_CANONICAL: Final = (
    "SELECT state_hash FROM blocks WHERE chain_status = 'canonical' ORDER BY height DESC LIMIT 1"
)


class ReplayError(Exception):
    """The rows do not give the ledgers that the blocks name: where, what was expected, what was found."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How far a replay came: blocks after genesis, commands of users and of the protocol in them."""

    state_hash: str
    height: int
    blocks: int
    user_commands: int
    internal_commands: int


async def replayed(store: ArchiveStore, genesis: Genesis, target: str | None) -> Replayed:
    """Replay the chain that ends with a state hash; None: the highest canonical block.

    Raises ReplayError and OSError.
    """
    if target is None:
        found = await store.fetch(_HIGHEST_CANONICAL)
        if not found:
            raise ReplayError(
                "expected a canonical block, found none; start the archive with -config-file, or give "
                "-target-state-hash"
            )
        ((target,),) = found
    chain = await store.fetch(_CHAIN, target)
    if not chain:
        raise ReplayError(f"expected block {target}, which is not in the archive")
    if chain[0][1] != genesis.block.state_hash:
        raise ReplayError(
            f"expected a chain from the genesis block {genesis.block.state_hash} to {target}, found that block "
            f"{chain[0][1]} at height {chain[0][2]} has no parent; fill the archive's hole first"
        )
    ledger, commands, internals = genesis.ledger, 0, 0
    for id, state_hash, height, slot, expected in chain[1:]:
        users = await store.fetch(_USER_COMMANDS, id)
        internal = await store.fetch(_INTERNAL_COMMANDS, id)
        where = f"block {state_hash} at height {height}"
        ledger = _after(ledger, users, internal, GlobalSlot(slot), genesis, where)
        if ledger.hash != expected:
            raise ReplayError(f"{where}: expected ledger hash {expected}, found {ledger.hash}")
        commands += len(users)
        internals += len(internal)
    return Replayed(target, chain[-1][2], len(chain) - 1, commands, internals)


def _after(
    ledger: Ledger,
    users: Sequence[Sequence[Any]],
    internal: Sequence[Sequence[Any]],
    slot: GlobalSlot,
    genesis: Genesis,
    where: str,
) -> Ledger:
    rules = replace(genesis.rules.body.commands, has_signatures=False)
    draft, fees = Draft(ledger), 0
    for row in users:
        fees += _apply(draft, row, slot, rules, where)
    transfers = [(receiver, int(fee)) for kind, receiver, fee in internal if kind != "coinbase"]
    # What commands do not pay of the transfers, the coinbase does (contract I.7).
    shortage = max(0, sum(fee for _receiver, fee in transfers) - fees)
    creation_fee = rules.account_creation_fee
    for receiver, amount in _coinbases(internal):
        apply_coinbase(draft, receiver, amount - shortage, slot, creation_fee=creation_fee)
    for receiver, fee in transfers:
        apply_fee_transfer(draft, Address(receiver), fee, slot, creation_fee=creation_fee)
    return draft.ledger()


def _apply(draft: Draft, row: Sequence[Any], slot: GlobalSlot, rules: CommandRules, where: str) -> int:
    """Apply a user command as its row says, and return its fee."""
    hash, status, failure = row[8], row[9], row[10]
    try:
        command = _command(row)
        applied = apply_command(draft, command, slot, rules)
    except (RefusedError, FormatError) as error:
        raise ReplayError(f"{where}: expected command {hash} to be {status}, found {error}") from error
    if command.hash != hash:
        raise ReplayError(f"{where}: expected command {hash}, found columns of {command.hash}")
    if applied.failure != failure or (failure is None) != (status == "applied"):
        raise ReplayError(
            f"{where}: expected command {hash} to be {status} ({failure}), found failure {applied.failure}"
        )
    return command.fee


def _command(row: Sequence[Any]) -> Command:
    """Raises FormatError."""
    kind, payer, receiver, nonce, amount, fee, valid_until, memo = row[:8]
    to, sender = PublicKey.parse(receiver), PublicKey.parse(payer)
    unsigned = UserCommand(
        fee_payer=sender,
        fee=Fee(int(fee)),
        nonce=nonce,
        body=Delegation(to) if kind == "delegation" else Payment(to, Amount(int(amount))),
        valid_until=NEVER_EXPIRES if valid_until is None else GlobalSlot(valid_until),
        memo=Memo.parse(memo),
    )
    return command_of(SignedCommand(unsigned, sender, DUMMY_SIGNATURE))


def _coinbases(internal: Sequence[Sequence[Any]]) -> Iterator[tuple[Address, int]]:
    for kind, receiver, fee in internal:
        if kind == "coinbase":
            yield Address(receiver), int(fee)
