"""What a block does to the ledger: its commands, its coinbase, its fee transfers, in this order (daemon
contract I.6, I.7).

Its producer says which commands; coinbase and fee transfers follow. A block has room for a number of
transactions: a command, the coinbase and a fee transfer for up to two receivers are one each.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coda_daemon.blocks import Body, FeeTransfer, Included
from coda_daemon.digests import digest_of, field_of
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger.transactions import CommandRules, RefusedError, apply_command
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.statement import Stated, Statement, stated
from coda_daemon.snark.transaction import (
    CoinbaseTransaction,
    Effect,
    FeeTransferTransaction,
    Step,
    Transaction,
    UserTransaction,
    encode_transaction,
    execute,
)
from coda_daemon.snark.work import ProofLevel, Work
from coda_protocol.hash_text import ledger_hash
from coda_protocol.hashes import LedgerHash
from coda_protocol.slots import GlobalSlot

FEE_TRANSFERS_IN_A_TRANSACTION: Final = 2


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What all nodes of a network agree on about bodies.

    `capacity` in transactions; `slots_before` were those of the chain that a hard fork ended; from `slot_tx_end`,
    counted since that, on blocks hold none: no commands, no work, no coinbase.
    """

    commands: CommandRules
    capacity: int
    slot_tx_end: GlobalSlot | None
    proof_level: ProofLevel = "none"
    slots_before: int = 0

    def since_genesis(self, slot: GlobalSlot) -> GlobalSlot:
        """The slot that commands and vesting count in, over all hard forks."""
        return GlobalSlot(slot + self.slots_before)

    @property
    def traced_commands(self) -> CommandRules | None:
        """The rules by which transactions are proved; None at proof level `none`, where none is."""
        return self.commands if self.proof_level == "check" else None

    def allows_transactions(self, slot: GlobalSlot) -> bool:
        return self.slot_tx_end is None or slot < self.slot_tx_end


@dataclass(frozen=True, slots=True)
class Contents:
    """What the producer chose to put into a block."""

    commands: tuple[Command, ...] = ()
    works: tuple[Work, ...] = ()
    has_coinbase: bool = True


EMPTY: Final = Contents()


class UnpaidWorkError(Exception):
    """Neither the fees of the block's commands nor its coinbase pay for the SNARK work in it."""


@dataclass(frozen=True, slots=True)
class AppliedBody:
    """The body in full and the ledger after it; `burnt` nanomina left the currency.

    `statements` are those of its transactions, with their `steps` at proof level `check`, and `full` the ledger when
    the scan state's tree was full.
    """

    body: Body
    ledger: Ledger
    burnt: int
    statements: tuple[Statement, ...]
    full: Ledger
    steps: tuple[Step, ...] = ()


class _Applied:
    """The transactions of a body, each of which is applied when it is taken."""

    def __init__(self, ledger: Ledger, free: int, rules: CommandRules) -> None:
        self._draft = Draft(ledger)
        self._free = free
        self._rules = rules
        self._source = ledger.hash
        self._taken: list[tuple[Transaction, Effect]] = []
        self._full: Ledger | None = None

    def take(self, transaction: Transaction) -> Effect | None:
        """Raises RefusedError; None when it is left out."""
        effect = execute(self._draft, transaction, self._rules)
        if effect is not None:
            self._taken.append((transaction, effect))
            if len(self._taken) == self._free:
                self._full = self._draft.ledger()
        return effect

    def all(self, body: Body, burnt: int) -> AppliedBody:
        ledger = self._draft.ledger()
        return AppliedBody(body, ledger, burnt, self._statements(ledger), self._full or ledger)

    def _statements(self, ledger: Ledger) -> tuple[Statement, ...]:
        """Between the ledgers before and after the block nobody hashes one: those have names made up from what led
        to them.
        """
        statements, source = [], self._source
        for number, (transaction, effect) in enumerate(self._taken, start=1):
            is_last = number == len(self._taken)
            target = ledger.hash if is_last else _ledger_between(source, transaction)
            statements.append(Statement(source, target, effect.fee_excess, effect.supply_increase))
            source = target
        return tuple(statements)


class _AppliedInSteps:
    """The same at proof level `check`: each transaction makes a ledger, from which it is proved."""

    def __init__(self, ledger: Ledger, free: int, rules: CommandRules) -> None:
        self._ledger = ledger
        self._free = free
        self._rules = rules
        self._taken: list[Stated] = []

    def take(self, transaction: Transaction) -> Effect | None:
        found = stated(self._ledger, transaction, self._rules)
        if found is None:
            return None
        self._taken.append(found)
        self._ledger = found.after
        return found.effect

    def all(self, body: Body, burnt: int) -> AppliedBody:
        return AppliedBody(
            body,
            self._ledger,
            burnt,
            tuple(each.statement for each in self._taken),
            self._taken[self._free - 1].after if len(self._taken) >= self._free else self._ledger,
            tuple(each.step for each in self._taken),
        )


def _ledger_between(source: LedgerHash, transaction: Transaction) -> LedgerHash:
    name = encode_transaction(transaction)
    return ledger_hash(field_of(digest_of(source.encode(), name, purpose=b"coda-between")))


def apply_body(
    ledger: Ledger,
    contents: Contents,
    slot: GlobalSlot,
    receiver: Address,
    coinbase: int,
    rules: BodyRules,
    scan: ScanState,
) -> AppliedBody:
    """Apply a block's contents; coinbase and what is left of the fees go to `receiver`. Raises RefusedError and
    UnpaidWorkError.

    That there is room for it all, that it is the work that was owed, and that commands are allowed in this slot,
    is for validation to say.
    """
    slot = rules.since_genesis(slot)
    make = _Applied if rules.traced_commands is None else _AppliedInSteps
    applied = make(ledger, scan.free, rules.commands)
    included, burnt, fees = [], 0, 0
    for command in contents.commands:
        effect = applied.take(UserTransaction(command.id, slot))
        assert effect is not None  # it is applied, or refused
        included.append(Included(command.id, effect.failure))
        burnt += effect.burnt
        fees += command.fee
    owed = work_payments(contents.works)
    shortage = max(0, sum(owed.values()) - fees)
    minted = 0
    if contents.has_coinbase and coinbase > shortage:
        effect = applied.take(CoinbaseTransaction(receiver, coinbase, shortage, slot))
        if effect is not None:
            minted, burnt = coinbase, burnt + effect.burnt
    if shortage and not minted:
        raise UnpaidWorkError(f"{sum(owed.values())} nanomina of SNARK work, but only {fees} of fees")
    transfers = [FeeTransfer(prover, fee) for prover, fee in owed.items()]
    if rest := fees - sum(owed.values()) + shortage:
        transfers.append(FeeTransfer(receiver, rest))
    for at in range(0, len(transfers), FEE_TRANSFERS_IN_A_TRANSACTION):
        together = transfers[at : at + FEE_TRANSFERS_IN_A_TRANSACTION]
        effect = applied.take(
            FeeTransferTransaction(tuple((each.receiver, each.fee) for each in together), slot)
        )
        assert effect is not None
        burnt += effect.burnt
    return applied.all(Body(minted, tuple(included), tuple(transfers), contents.works), burnt)


def work_payments(works: Iterable[Work]) -> dict[str, int]:
    """What each prover is owed in nanomina, in the order of their work; nobody who asks for nothing."""
    owed: dict[str, int] = {}
    for work in works:
        if work.fee:
            owed[work.prover] = owed.get(work.prover, 0) + work.fee
    return owed


def transactions_in(body: Body) -> int:
    """How much room a body takes."""
    transfers = -(-len(body.fee_transfers) // FEE_TRANSFERS_IN_A_TRANSACTION)
    return len(body.commands) + bool(body.coinbase) + transfers


def choose_commands(
    ledger: Ledger, candidates: Iterable[Command], slot: GlobalSlot, rules: BodyRules
) -> tuple[Command, ...]:
    """As many of the candidates, in their order, as there is room for beside coinbase and fee transfer.

    A candidate that cannot be included is left out, and with it the later ones of its sender: their nonces
    no longer follow.
    """
    draft = Draft(ledger)
    chosen: list[Command] = []
    room = rules.capacity - 2
    skipped: set[Address] = set()
    for command in candidates:
        if len(chosen) >= room:
            break
        if command.fee_payer in skipped:
            continue
        try:
            apply_command(draft, command, rules.since_genesis(slot), rules.commands)
        except RefusedError:
            skipped.add(command.fee_payer)
        else:
            chosen.append(command)
    return tuple(chosen)
