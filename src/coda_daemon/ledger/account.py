"""An account as the ledger holds it, and how it enters the Merkle tree."""

from hashlib import blake2b
from typing import Final, NewType

import msgspec

Address = NewType("Address", str)  # "B62…", a public key
TokenId = NewType("TokenId", str)  # "w…"

# Daemon contract E.2.
MINA_TOKEN: Final = TokenId("wSHV2S4qX9jFsLjQo8r1BsMLH2ZRKsZx6EJd1sbozGPieEC4Jf")
EMPTY_RECEIPT_CHAIN: Final = "2mzbV7WevxLuchs2dAMY4vQBS6XttnCUF8Hvks4XNBQ5qiSGGBQe"
ZERO_STATE_HASH: Final = "3NK2tkzqqK5spR2sZ7tujjqPksL45M3UUrcA4WhCkeiPtnugyE2x"


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


_encoder = msgspec.msgpack.Encoder()


def new_account(public_key: Address, balance: int) -> Account:
    """An account of MINA as a first payment or coinbase makes it: its stake is its own."""
    return Account(public_key, balance=balance, delegate=public_key)


def leaf_hash(account: Account) -> bytes:
    return blake2b(_encoder.encode(account), digest_size=32, person=b"coda-account").digest()
