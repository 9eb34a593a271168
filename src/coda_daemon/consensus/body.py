"""What a block does to the ledger: its commands, its coinbase, its fee transfers, in this order (daemon
contract I.6, I.7).

Its producer says which commands; coinbase and fee transfers follow. A block has room for a number of
transactions: a command, the coinbase and a fee transfer for up to two receivers are one each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coda_daemon.blocks import Body, FeeTransfer, Included
from coda_daemon.digests import digest_of, field_of
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.coinbase import apply_coinbase, apply_fee_transfer
from coda_daemon.ledger.command import Command
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger.transactions import CommandRules, RefusedError, apply_command
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.statement import Statement
from coda_daemon.snark.work import ProofLevel, Work
from coda_protocol.hash_text import ledger_hash
from coda_protocol.hashes import LedgerHash
from coda_protocol.slots import GlobalSlot

FEE_TRANSFERS_IN_A_TRANSACTION: Final = 2


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What all nodes of a network agree on about bodies.

    `capacity` in transactions; from `slot_tx_end` on blocks hold none: no commands, no work, no coinbase.
    """

    commands: CommandRules
    capacity: int
    slot_tx_end: GlobalSlot | None
    proof_level: ProofLevel = "none"

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

    `statements` are those of its transactions, and `full` the ledger when the scan state's tree was full.
    """

    body: Body
    ledger: Ledger
    burnt: int
    statements: tuple[Statement, ...]
    full: Ledger


class _Steps:
    """The transactions of a body as they are applied to a draft."""

    def __init__(self, ledger: Ledger, free: int) -> None:
        self.draft = Draft(ledger)
        self._free = free
        self._source = ledger.hash
        self._taken: list[tuple[bytes, int, int]] = []
        self._full: Ledger | None = None

    def took(self, name: str, *, fee_excess: int, supply_increase: int) -> None:
        """A transaction was applied; money in nanomina."""
        self._taken.append((name.encode(), fee_excess, supply_increase))
        if len(self._taken) == self._free:
            self._full = self.draft.ledger()

    def applied(self, body: Body, burnt: int) -> AppliedBody:
        ledger = self.draft.ledger()
        return AppliedBody(body, ledger, burnt, self._statements(ledger), self._full or ledger)

    def _statements(self, ledger: Ledger) -> tuple[Statement, ...]:
        """Between the ledgers before and after the block nobody hashes one: those have names made up from what led
        to them.
        """
        statements, source = [], self._source
        for number, (name, fee_excess, supply_increase) in enumerate(self._taken, start=1):
            is_last = number == len(self._taken)
            target = ledger.hash if is_last else _ledger_between(source, name)
            statements.append(Statement(source, target, fee_excess, supply_increase))
            source = target
        return tuple(statements)


def _ledger_between(source: LedgerHash, transaction: bytes) -> LedgerHash:
    return ledger_hash(field_of(digest_of(source.encode(), transaction, purpose=b"coda-between")))


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
    steps, creation_fee = _Steps(ledger, scan.free), rules.commands.account_creation_fee
    included, burnt, fees = [], 0, 0
    for command in contents.commands:
        applied = apply_command(steps.draft, command, slot, rules.commands)
        included.append(Included(command.id, applied.failure))
        burnt += applied.burnt
        fees += command.fee
        steps.took(command.id, fee_excess=command.fee, supply_increase=-applied.burnt)
    owed = work_payments(contents.works)
    shortage = max(0, sum(owed.values()) - fees)
    minted = 0
    if contents.has_coinbase and coinbase > shortage:
        given, lost = apply_coinbase(
            steps.draft, receiver, coinbase - shortage, slot, creation_fee=creation_fee
        )
        if given:
            minted, burnt = coinbase, burnt + lost
            steps.took(f"coinbase {receiver}", fee_excess=shortage, supply_increase=coinbase - lost)
    if shortage and not minted:
        raise UnpaidWorkError(f"{sum(owed.values())} nanomina of SNARK work, but only {fees} of fees")
    transfers = [FeeTransfer(prover, fee) for prover, fee in owed.items()]
    if rest := fees - sum(owed.values()) + shortage:
        transfers.append(FeeTransfer(receiver, rest))
    burnt += _apply_fee_transfers(steps, transfers, slot, creation_fee)
    return steps.applied(Body(minted, tuple(included), tuple(transfers), contents.works), burnt)


def _apply_fee_transfers(
    steps: _Steps, transfers: Sequence[FeeTransfer], slot: GlobalSlot, creation_fee: int
) -> int:
    """Nanomina burnt."""
    burnt = 0
    for at in range(0, len(transfers), FEE_TRANSFERS_IN_A_TRANSACTION):
        together = transfers[at : at + FEE_TRANSFERS_IN_A_TRANSACTION]
        lost = sum(
            apply_fee_transfer(
                steps.draft, Address(transfer.receiver), transfer.fee, slot, creation_fee=creation_fee
            )
            for transfer in together
        )
        moved = sum(transfer.fee for transfer in together)
        steps.took(f"fee transfer {together}", fee_excess=-moved, supply_increase=-lost)
        burnt += lost
    return burnt


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
            apply_command(draft, command, slot, rules.commands)
        except RefusedError:
            skipped.add(command.fee_payer)
        else:
            chosen.append(command)
    return tuple(chosen)
