"""The reward of a block, and the fee that a new account pays out of it (daemon contract I.7)."""

from dataclasses import dataclass

import msgspec

from coda_daemon.ledger.account import Address, new_account
from coda_daemon.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Rewarded:
    """What a coinbase did: nanomina given (0: left out), nanomina burnt for creating the account."""

    ledger: Ledger
    coinbase: int
    burnt: int


def apply_coinbase(ledger: Ledger, receiver: Address, amount: int, *, creation_fee: int) -> Rewarded:
    """Credit `amount` nanomina to the receiver, whose account is made if it has none.

    The coinbase is left out of the block when the amount does not cover the creation fee, when no leaf is
    free, or when the balance would leave 64 bits: a block without it is valid, one that cannot be applied
    is not.
    """
    account = ledger.account(receiver)
    if account is not None:
        balance = account.balance + amount
        if balance >= 1 << 64:
            return Rewarded(ledger, 0, 0)
        return Rewarded(ledger.put(msgspec.structs.replace(account, balance=balance)), amount, 0)
    if amount < creation_fee or ledger.is_full:
        return Rewarded(ledger, 0, 0)
    return Rewarded(ledger.put(new_account(receiver, amount - creation_fee)), amount, creation_fee)
