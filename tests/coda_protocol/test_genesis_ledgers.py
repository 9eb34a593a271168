"""Shipped ledgers."""

import pytest

from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import LEDGER_NAMES, named_ledger, sample_ledger
from coda_protocol.keys import PrivateKey
from coda_protocol.sample_keys import sample_keypair


@pytest.mark.parametrize("name", LEDGER_NAMES)
def test_a_named_ledger_has_accounts_that_are_all_different(name: str) -> None:
    accounts = named_ledger(name).accounts
    assert accounts
    assert len({account.pk for account in accounts}) == len(accounts)
    assert str(sample_keypair(0).public) not in {account.pk for account in accounts}


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        named_ledger("nonesuch")


def test_a_sample_ledgers_secrets_belong_to_its_addresses() -> None:
    [account] = sample_ledger([Balance.of_coda("5")]).accounts or ()
    assert account.sk is not None
    assert str(PrivateKey.parse(account.sk).public_key()) == account.pk
    assert account.balance == Balance.of_coda("5")


def test_in_test_delegation_the_first_account_has_the_stake_of_the_second() -> None:
    first, second, _ = named_ledger("test_delegation").accounts or ()
    assert second.delegate == first.pk
