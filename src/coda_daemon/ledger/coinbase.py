"""What a block pays out: coinbase and fee transfers, and the fee that a new account pays out of them (daemon
contract I.7).
"""

import msgspec

from coda_daemon.ledger.account import Address, new_account
from coda_daemon.ledger.draft import Draft
from coda_protocol.currency import MAXIMUM
from coda_protocol.slots import GlobalSlot


def apply_coinbase(
    draft: Draft, receiver: Address, amount: int, slot: GlobalSlot, *, creation_fee: int
) -> tuple[int, int]:
    """Credit `amount` nanomina to the receiver; returns what was given (0: left out) and what of it was burnt.

    The coinbase is left out of the block when the amount does not cover the creation fee, when no leaf is
    free, or when the balance would leave 64 bits: a block without it is valid, one that cannot be applied
    is not.
    """
    burnt = _credited(draft, receiver, amount, slot, creation_fee)
    return (0, 0) if burnt is None else (amount, burnt)


def apply_fee_transfer(
    draft: Draft, receiver: Address, amount: int, slot: GlobalSlot, *, creation_fee: int
) -> int:
    """Credit fees to the receiver; returns what was burnt: all of them, if the receiver cannot be credited."""
    burnt = _credited(draft, receiver, amount, slot, creation_fee)
    return amount if burnt is None else burnt


def _credited(
    draft: Draft, receiver: Address, amount: int, slot: GlobalSlot, creation_fee: int
) -> int | None:
    """Burnt nanomina; None if nothing could be credited."""
    account = draft.account(receiver)
    if account is None:
        if amount < creation_fee or draft.is_full:
            return None
        draft.put(new_account(receiver, amount - creation_fee))
        return creation_fee
    if not account.permissions.may_receive:
        return amount
    balance = account.balance + amount
    if balance > MAXIMUM:
        return None
    is_timed = account.timing is not None and account.timing.minimum_balance(slot) > 0
    timing = account.timing if is_timed else None
    draft.put(msgspec.structs.replace(account, balance=balance, timing=timing))
    return 0
