"""An account as the ledger holds it, and how it enters the Merkle tree."""

from hashlib import blake2b
from typing import Final, Literal, NewType

import msgspec

Address = NewType("Address", str)  # "B62…", a public key
TokenId = NewType("TokenId", str)  # "w…"

# Daemon contract E.2.
MINA_TOKEN: Final = TokenId("wSHV2S4qX9jFsLjQo8r1BsMLH2ZRKsZx6EJd1sbozGPieEC4Jf")
EMPTY_RECEIPT_CHAIN: Final = "2mzbV7WevxLuchs2dAMY4vQBS6XttnCUF8Hvks4XNBQ5qiSGGBQe"
ZERO_STATE_HASH: Final = "3NK2tkzqqK5spR2sZ7tujjqPksL45M3UUrcA4WhCkeiPtnugyE2x"

Authorization = Literal["none", "either", "proof", "signature", "impossible"]


class Timing(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How a balance vests (I.8): amounts in nanomina, times and periods in slots since genesis."""

    initial_minimum_balance: int
    cliff_time: int
    cliff_amount: int
    vesting_period: int
    vesting_increment: int

    def minimum_balance(self, slot: int) -> int:
        """Nanomina that cannot be spent at a global slot (I.8)."""
        if slot < self.cliff_time:
            return self.initial_minimum_balance
        vested = self.cliff_amount + (slot - self.cliff_time) // self.vesting_period * self.vesting_increment
        return max(0, self.initial_minimum_balance - vested)


class Permissions(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What it takes to do something with an account; the defaults are a user account's (contract D.6)."""

    edit_state: Authorization = "signature"
    send: Authorization = "signature"
    receive: Authorization = "none"
    access: Authorization = "none"
    set_delegate: Authorization = "signature"
    set_permissions: Authorization = "signature"
    set_verification_key: Authorization = "signature"
    set_verification_key_txn_version: int = 3
    set_zkapp_uri: Authorization = "signature"
    edit_action_state: Authorization = "signature"
    set_token_symbol: Authorization = "signature"  # noqa: S105  no password
    increment_nonce: Authorization = "signature"
    set_voting_for: Authorization = "signature"
    set_timing: Authorization = "signature"

    @property
    def may_pay(self) -> bool:
        """Whether a signature is enough to pay fees and amounts."""
        return all(map(_signature_suffices, (self.send, self.access, self.increment_nonce)))

    @property
    def may_receive(self) -> bool:
        """Whether anybody may pay into the account: a receiver signs nothing."""
        return self.receive == "none" and self.access == "none"

    @property
    def may_delegate(self) -> bool:
        return _signature_suffices(self.set_delegate) and _signature_suffices(self.access)


USER_PERMISSIONS: Final = Permissions()


class Account(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One account; `balance` in nanomina.

    `delegate` is None for tokens other than MINA: they carry no stake.
    """

    public_key: Address
    token: TokenId = MINA_TOKEN
    balance: int = 0
    nonce: int = 0
    delegate: Address | None = None
    timing: Timing | None = None
    token_symbol: str = ""
    receipt_chain_hash: str = EMPTY_RECEIPT_CHAIN
    voting_for: str = ZERO_STATE_HASH
    permissions: Permissions = USER_PERMISSIONS

    def locked(self, slot: int) -> int:
        """Nanomina of the balance that vesting holds back at a global slot."""
        return 0 if self.timing is None else min(self.timing.minimum_balance(slot), self.balance)


_encoder = msgspec.msgpack.Encoder()


def new_account(public_key: Address, balance: int) -> Account:
    """An account of MINA as a first payment or coinbase makes it: its stake is its own."""
    return Account(public_key, balance=balance, delegate=public_key)


def leaf_hash(account: Account) -> bytes:
    return blake2b(_encoder.encode(account), digest_size=32, person=b"coda-account").digest()


def _signature_suffices(wanted: Authorization) -> bool:
    return wanted in ("none", "either", "signature")
