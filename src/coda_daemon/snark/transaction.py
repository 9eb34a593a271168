"""A transaction of a block as SNARK work is done on it: what it is, what it does to a ledger, and the part of that
ledger that it touches (daemon contract H, I.6, I.7). Pure.

At proof level `check` the proof of a transaction follows from its trace: the transaction, and every account that it
changed as it was before and after. Nobody knows a trace without applying the transaction to the ledger.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from coda_daemon.digests import digest_of
from coda_daemon.ledger.account import MINA_TOKEN, Account, Address, TokenId
from coda_daemon.ledger.coinbase import apply_coinbase, apply_fee_transfer
from coda_daemon.ledger.command import parse_command
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger, sparse_ledger
from coda_daemon.ledger.transactions import CommandRules, Failure, apply_command
from coda_protocol.slots import GlobalSlot

_Natural = Annotated[int, msgspec.Meta(ge=0)]
_Key = Annotated[str, msgspec.Meta(max_length=64)]
_Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class UserTransaction(_Wire, frozen=True, tag=0):
    """A signed command, by its transaction id."""

    id: Annotated[str, msgspec.Meta(max_length=1024)]
    slot: _Natural


class CoinbaseTransaction(_Wire, frozen=True, tag=1):
    """`amount` nanomina are made, of which `shortage` pay for SNARK work and the rest is the receiver's."""

    receiver: _Key
    amount: _Natural
    shortage: _Natural
    slot: _Natural


class FeeTransferTransaction(_Wire, frozen=True, tag=2):
    """Receivers and their nanomina, one or two."""

    transfers: Annotated[tuple[tuple[_Key, _Natural], ...], msgspec.Meta(min_length=1, max_length=2)]
    slot: _Natural


Transaction = UserTransaction | CoinbaseTransaction | FeeTransferTransaction


@dataclass(frozen=True, slots=True)
class Effect:
    """What a transaction did besides to accounts; nanomina. `failure` is a command's that did nothing but pay."""

    fee_excess: int
    supply_increase: int
    burnt: int
    failure: Failure | None = None


class Witness(_Wire, frozen=True):
    """A transaction and what of the ledger it touches: those leaves, and the hashes of all the rest.

    A leaf that is None is free. `hashes` are of the subtrees without such a leaf, from left to right.
    """

    transaction: Transaction
    depth: Annotated[int, msgspec.Meta(ge=0, le=64)]
    size: _Natural
    leaves: tuple[tuple[_Natural, Account | None], ...]
    hashes: tuple[_Hash, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A transaction that is in a chain: the ledger that it was applied to, and its trace."""

    transaction: Transaction
    before: Ledger
    trace: bytes


_encoder: Final = msgspec.msgpack.Encoder()


def encode_transaction(transaction: Transaction) -> bytes:
    return _encoder.encode(transaction)


def execute(draft: Draft, transaction: Transaction, rules: CommandRules) -> Effect | None:
    """Apply it; None, and nothing is changed, for a coinbase that nobody can be given. Raises RefusedError and
    FormatError for commands that cannot be included.
    """
    slot, creation_fee = GlobalSlot(transaction.slot), rules.account_creation_fee
    match transaction:
        case UserTransaction(id=text):
            command = parse_command(text)
            applied = apply_command(draft, command, slot, rules)
            return Effect(command.fee, -applied.burnt, applied.burnt, applied.failure)
        case CoinbaseTransaction(receiver=receiver, amount=amount, shortage=shortage):
            if shortage >= amount:
                return None
            given, burnt = apply_coinbase(
                draft, Address(receiver), amount - shortage, slot, creation_fee=creation_fee
            )
            return Effect(shortage, amount - burnt, burnt) if given else None
        case FeeTransferTransaction(transfers=transfers):
            burnt = sum(
                apply_fee_transfer(draft, Address(receiver), fee, slot, creation_fee=creation_fee)
                for receiver, fee in transfers
            )
            return Effect(-sum(fee for _, fee in transfers), -burnt, burnt)


def trace_of(transaction: Transaction, draft: Draft) -> bytes:
    """`draft` holds the ledger with this transaction on top of it, and nothing else."""
    return digest_of(_encoder.encode((transaction, tuple(draft.changes()))), purpose=b"coda-trace")


def merged_trace(left: bytes, right: bytes) -> bytes:
    return digest_of(left, right, purpose=b"coda-merge-trace")


class _Recording(Draft):
    """Notes the accounts that were asked for."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.asked: dict[tuple[Address, TokenId], None] = {}

    def account(self, public_key: Address, token: TokenId = MINA_TOKEN) -> Account | None:
        self.asked[public_key, token] = None
        return super().account(public_key, token)


def witness_of(step: Step, rules: CommandRules) -> Witness:
    """What a worker needs to apply the transaction by itself."""
    ledger = step.before
    draft = _Recording(ledger)
    execute(draft, step.transaction, rules)
    positions = [position for name in draft.asked if (position := ledger.position(*name)) is not None]
    leaves, hashes = ledger.pruned([*positions, *range(len(ledger), len(ledger) + draft.added)])
    return Witness(step.transaction, ledger.depth, len(ledger), leaves, hashes)


def ledger_of(witness: Witness) -> Ledger:
    """The ledger as far as the witness has it. Asking it for more raises PrunedError, as what is no tree does."""
    return sparse_ledger(witness.depth, witness.size, witness.leaves, witness.hashes)
