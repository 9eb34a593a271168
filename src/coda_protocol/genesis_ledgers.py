"""Genesis ledgers by name, and ledgers made of the sample keys.

The names are those that a real build knows (daemon contract B.1, `ledger.name`), but the accounts are ours:
each holds sample keys in their order, so the private keys are at hand. A real daemon given only the name has
other accounts; therefore the executive writes ledgers out as accounts.
"""

from collections.abc import Sequence
from functools import cache

from coda_protocol.currency import Balance
from coda_protocol.runtime_config import Account, GenesisLedger
from coda_protocol.sample_keys import sample_keypair

_CODA = 10**9


def sample_account(index: int, balance: Balance, *, delegate: int | None = None) -> Account:
    """An account of sample key `index`, private key included, that delegates to sample key `delegate` or
    itself.
    """
    pair = sample_keypair(index)
    return Account(
        pk=str(pair.public),
        sk=pair.private.reveal(),
        balance=balance,
        delegate=None if delegate is None else str(sample_keypair(delegate).public),
    )


def sample_ledger(balances: Sequence[Balance], *, name: str | None = None) -> GenesisLedger:
    """Accounts of the sample keys 1, 2, … with these balances. Key 0, the genesis winner, is left out."""
    accounts = tuple(sample_account(index, balance) for index, balance in enumerate(balances, start=1))
    return GenesisLedger(name=name, accounts=accounts)


LEDGER_NAMES = (
    "fuzz",
    "release",
    "test",
    "test_delegation",
    "test_five_even_stakes",
    "test_split_two_stakers",
    "test_three_even_stakes",
    "testnet_postake",
    "testnet_postake_many_producers",
)


@cache
def named_ledger(name: str) -> GenesisLedger:
    """The shipped ledger of that name, with private keys. Raises KeyError for a name that is not in
    LEDGER_NAMES.
    """
    return {
        # Three rich accounts and twenty with a little to send.
        "fuzz": lambda: _ledger(name, [1_000_000] * 3 + [1_000] * 20),
        "release": lambda: _ledger(name, [5_000_000] * 5),
        # One account has nearly all stake, one has a little: blocks come almost surely from the first.
        "test": lambda: _ledger(name, [1_000_000, 100_000]),
        "test_delegation": lambda: GenesisLedger(
            name=name,
            accounts=(
                sample_account(1, Balance(1_000 * _CODA)),
                sample_account(2, Balance(5_000_000 * _CODA), delegate=1),
                sample_account(3, Balance(1_000_000 * _CODA)),
            ),
        ),
        "test_five_even_stakes": lambda: _ledger(name, [1_000_000] * 5),
        "test_split_two_stakers": lambda: _ledger(name, [1_000_000, 1_000_000, 1_000]),
        "test_three_even_stakes": lambda: _ledger(name, [1_000_000] * 3),
        "testnet_postake": lambda: _ledger(name, [6_000_000] + [100_000] * 4),
        "testnet_postake_many_producers": lambda: _ledger(name, [500_000] * 50),
    }[name]()


def _ledger(name: str, coda: Sequence[int]) -> GenesisLedger:
    return sample_ledger([Balance(number * _CODA) for number in coda], name=name)
