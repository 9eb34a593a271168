"""What a user command does to the ledger: every way in which it is accepted, fails or is refused (daemon
contract I.6, I.8).

A command that fails is in its block all the same: its fee is paid and its nonce is used. One that is refused
cannot be in a block at all.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from coda_daemon.ledger.account import Account, new_account
from coda_daemon.ledger.command import Command, is_authorized
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.receipts import ReceiptChain
from coda_protocol.currency import MAXIMUM
from coda_protocol.signatures import SignatureKind
from coda_protocol.slots import GlobalSlot


class Failure(StrEnum):
    """Why a command that is in a block did not do what it asked for; the names are the contract's."""

    AMOUNT_INSUFFICIENT_TO_CREATE_ACCOUNT = "Amount_insufficient_to_create_account"
    OVERFLOW = "Overflow"
    RECEIVER_NOT_PRESENT = "Receiver_not_present"
    UPDATE_NOT_PERMITTED_BALANCE = "Update_not_permitted_balance"
    UPDATE_NOT_PERMITTED_DELEGATE = "Update_not_permitted_delegate"


class Refusal(StrEnum):
    """Why a command cannot be in a block."""

    INVALID_SIGNATURE = "Invalid_signature"
    EXPIRED = "Expired"
    NO_FEE_PAYER = "Fee_payer_account_not_found"
    NOT_PERMITTED = "Fee_payer_not_permitted_to_send"
    INVALID_NONCE = "Invalid_nonce"
    INSUFFICIENT_FUNDS = "Insufficient_funds"
    LEDGER_FULL = "Ledger_full"  # ours: the contract's trees are never full


class RefusedError(Exception):
    """A command cannot be in this block; the draft is as it was."""

    def __init__(self, command: Command, reason: Refusal) -> None:
        super().__init__(f"{command.hash} of {command.fee_payer} with nonce {command.nonce}: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CommandRules:
    """What all nodes of a network agree on about commands; `account_creation_fee` in nanomina.

    `has_signatures` is False for commands out of an archive, whose tables keep none.
    """

    account_creation_fee: int
    signature_kind: SignatureKind
    receipts: ReceiptChain
    has_signatures: bool = True


@dataclass(frozen=True, slots=True)
class Applied:
    """`failure` is None if the command did what it asked for; `burnt` nanomina left the currency."""

    failure: Failure | None
    burnt: int


def apply_command(draft: Draft, command: Command, slot: GlobalSlot, rules: CommandRules) -> Applied:
    """Apply a command in a block of this slot. Raises RefusedError."""
    payer = _checked_payer(draft, command, slot, rules)
    payer = msgspec.structs.replace(
        payer,
        balance=payer.balance - command.fee,
        nonce=payer.nonce + 1,
        timing=None if payer.timing is None or not payer.timing.minimum_balance(slot) else payer.timing,
        receipt_chain_hash=rules.receipts.after(payer.receipt_chain_hash, command),
    )
    if command.is_delegation:
        failure = _delegation_failure(draft, payer, command)
        delegate = payer.delegate if failure else command.receiver
        draft.put(msgspec.structs.replace(payer, delegate=delegate))
        return Applied(failure, 0)
    return _pay(draft, payer, command, rules)


def _checked_payer(draft: Draft, command: Command, slot: GlobalSlot, rules: CommandRules) -> Account:
    payer = draft.account(command.fee_payer)
    if payer is None:
        raise RefusedError(command, Refusal.NO_FEE_PAYER)
    if not payer.permissions.may_pay:
        raise RefusedError(command, Refusal.NOT_PERMITTED)
    if command.nonce != payer.nonce:
        raise RefusedError(command, Refusal.INVALID_NONCE)
    if command.valid_until < slot:
        raise RefusedError(command, Refusal.EXPIRED)
    if command.cost > payer.balance - payer.locked(slot):
        raise RefusedError(command, Refusal.INSUFFICIENT_FUNDS)
    if rules.has_signatures and not is_authorized(command, rules.signature_kind):
        raise RefusedError(command, Refusal.INVALID_SIGNATURE)
    return payer


def _delegation_failure(draft: Draft, payer: Account, command: Command) -> Failure | None:
    if not payer.permissions.may_delegate:
        return Failure.UPDATE_NOT_PERMITTED_DELEGATE
    if draft.account(command.receiver) is None:
        return Failure.RECEIVER_NOT_PRESENT
    return None


def _pay(draft: Draft, payer: Account, command: Command, rules: CommandRules) -> Applied:
    """Move the amount from `payer`, whose fee is paid, to the receiver."""
    amount, creation_fee = command.amount, rules.account_creation_fee
    if command.receiver == payer.public_key:
        failure = None if payer.permissions.may_receive else Failure.UPDATE_NOT_PERMITTED_BALANCE
        draft.put(payer)
        return Applied(failure, 0)
    receiver = draft.account(command.receiver)
    if receiver is None and amount >= creation_fee and draft.is_full:
        raise RefusedError(command, Refusal.LEDGER_FULL)
    if failure := _payment_failure(receiver, amount, creation_fee):
        draft.put(payer)
        return Applied(failure, 0)
    draft.put(msgspec.structs.replace(payer, balance=payer.balance - amount))
    if receiver is None:
        draft.put(new_account(command.receiver, amount - creation_fee))
        return Applied(None, creation_fee)
    draft.put(msgspec.structs.replace(receiver, balance=receiver.balance + amount))
    return Applied(None, 0)


def _payment_failure(receiver: Account | None, amount: int, creation_fee: int) -> Failure | None:
    if receiver is None:
        return Failure.AMOUNT_INSUFFICIENT_TO_CREATE_ACCOUNT if amount < creation_fee else None
    if not receiver.permissions.may_receive:
        return Failure.UPDATE_NOT_PERMITTED_BALANCE
    return Failure.OVERFLOW if receiver.balance + amount > MAXIMUM else None
