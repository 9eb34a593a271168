"""Who may produce in a slot: a stake-weighted lottery that every receiver draws again (daemon contract I.2).

At proof level `none` a ticket is a keyed hash of public data, so anybody can compute anybody's: cheap,
repeatable and unproved. At `check` it is a verifiable one (`vrf`). The winning threshold is the protocol's,
1 − (1/4)^share, worked out in integers so that all machines agree.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Final

from coda_daemon.ledger.account import MINA_TOKEN, Account, Address
from coda_protocol.hashes import LedgerHash
from coda_protocol.slots import GlobalSlot

OUTPUT_BITS: Final = 253  # outputs are compared as fractions of 2^253
_PRECISION_BITS: Final = 320


@dataclass(frozen=True, slots=True)
class Staker:
    """An account that takes part.

    `stake` is its balance in nanomina, `threshold` the greatest output with which it wins.
    """

    public_key: Address
    stake: int
    threshold: int
    is_untimed: bool


@dataclass(frozen=True, slots=True)
class Win:
    """A slot, and the account whose ticket won it; `proof` is empty at proof level `none`."""

    slot: GlobalSlot
    winner: Staker
    output: bytes
    proof: bytes = b""


class StakeDistribution:
    """The stakes of an epoch ledger, by the key that they are delegated to."""

    def __init__(self, ledger_hash: LedgerHash, accounts: Iterable[Account]) -> None:
        self.ledger_hash = ledger_hash
        self._accounts = tuple(
            account for account in accounts if account.token == MINA_TOKEN and account.delegate is not None
        )
        self.total_currency = sum(account.balance for account in self._accounts)

    @cached_property
    def _by_producer(self) -> dict[Address, dict[Address, Account]]:
        delegations: dict[Address, dict[Address, Account]] = {}
        for account in self._accounts:
            if account.balance and account.delegate is not None:
                delegations.setdefault(account.delegate, {})[account.public_key] = account
        return delegations

    def stakers_of(self, producer: Address) -> tuple[Staker, ...]:
        """Who delegates to `producer`, itself included if so, in the order of the ledger."""
        return tuple(map(self._staker, self._by_producer.get(producer, {}).values()))

    def staker(self, public_key: Address, *, producer: Address) -> Staker | None:
        """The account `public_key`, if its stake is delegated to `producer`."""
        account = self._by_producer.get(producer, {}).get(public_key)
        return None if account is None else self._staker(account)

    def _staker(self, account: Account) -> Staker:
        return Staker(
            account.public_key,
            account.balance,
            threshold(account.balance, self.total_currency),
            account.timing is None,
        )


@lru_cache(maxsize=4096)
def threshold(stake: int, total: int) -> int:
    """The greatest winning output for a share of the stake.

    That is 2^253 · (1 − (1/4)^(stake/total)), rounded down.
    """
    exponent = stake * _ln_4() // total
    # e^−x by its series: x is at most ln 4, so the terms vanish quickly.
    one = 1 << _PRECISION_BITS
    power, term, n = 0, one, 0
    while term:
        power += -term if n % 2 else term
        n += 1
        term = term * exponent // (n << _PRECISION_BITS)
    return (one - power) >> (_PRECISION_BITS - OUTPUT_BITS)


def vrf_output(seed: str, slot: GlobalSlot, public_key: Address) -> bytes:
    """The ticket of an account for a slot: 32 bytes, below 2^253 when read little-endian."""
    digest = blake2b(f"{seed} {slot} {public_key}".encode(), digest_size=32, person=b"coda-lottery").digest()
    return digest[:31] + bytes((digest[31] & 0x1F,))


# The ticket of an account for a slot, given the seed: `vrf_output`, or what a producer's private key draws.
Draw = Callable[[str, GlobalSlot, Address], bytes]


def wins(output: bytes, staker: Staker) -> bool:
    return int.from_bytes(output, "little") <= staker.threshold


def first_win(
    seed: str, slots: Iterable[GlobalSlot], stakers: Sequence[Staker], draw: Draw = vrf_output
) -> Win | None:
    """The first of `slots` that one of the stakers wins; of several winners in it, the first."""
    if not stakers:
        return None
    for slot in slots:
        for staker in stakers:
            output = draw(seed, slot, staker.public_key)
            if wins(output, staker):
                return Win(slot, staker, output)
    return None


@lru_cache(maxsize=1)
def _ln_4() -> int:
    """The natural logarithm of 4, times 2^320: twice ln 2 = Σ 1 / (n · 2^n)."""
    return 2 * sum((1 << (_PRECISION_BITS - n)) // n for n in range(1, _PRECISION_BITS + 1))
