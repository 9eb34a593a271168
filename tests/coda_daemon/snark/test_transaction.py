"""Transactions as a worker redoes them, from the part of the ledger that they touch."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.coda_daemon.chain_testbed import key
from tests.coda_daemon.snark.proving import LEDGER, RULES, TRANSACTIONS, jobs

from coda_daemon.ledger.account import MINA_TOKEN, Address, new_account
from coda_daemon.ledger.ledger import Ledger, build_ledger, sparse_ledger
from coda_daemon.ledger.merkle import PrunedError
from coda_daemon.snark.statement import Statement, stated
from coda_daemon.snark.transaction import CoinbaseTransaction, Witness, ledger_of, witness_of


@pytest.mark.parametrize("number", range(len(TRANSACTIONS)))
def test_a_witness_is_enough_to_apply_its_transaction(number: int) -> None:
    job = jobs()[number]
    assert job.step is not None
    witness = witness_of(job.step, RULES)
    travelled = msgspec.msgpack.decode(msgspec.msgpack.encode(witness), type=Witness)

    found = stated(ledger_of(travelled), travelled.transaction, RULES)

    assert found is not None
    assert (found.statement, found.step.trace) == (job.statement, job.step.trace)
    assert len(witness.leaves) <= 3, "no more of the ledger than it needs"


def test_a_coinbase_that_does_not_cover_the_creation_of_its_account_is_left_out() -> None:
    assert stated(LEDGER, CoinbaseTransaction(key(9), 5, 0, 1), RULES) is None


def test_a_coinbase_that_work_eats_up_is_left_out() -> None:
    """Whoever sends one may want an account to have less than nothing."""
    assert stated(LEDGER, CoinbaseTransaction(key(1), 5, 6, 1), RULES) is None


def test_statements_say_what_happened_to_the_money() -> None:
    amounts = [(job.statement.fee_excess, job.statement.supply_increase) for job in jobs()]
    coin, fee = 10**9, 10**7
    assert amounts == [
        *((fee, 0), (fee, -coin), (fee, 0), (fee, 0), (fee, 0)),
        *((0, 719 * coin), (-40, 0), (20 * coin, 720 * coin)),
    ]


def large_ledger(size: int) -> Ledger:
    return build_ledger(8, [new_account(Address(f"k{number}"), number) for number in range(size)])


@given(size=st.integers(0, 256), seed=st.integers(0, 1000), count=st.integers(0, 12))
def test_a_pruned_ledger_has_the_hash_of_the_whole_and_changes_like_it(
    size: int, seed: int, count: int
) -> None:
    ledger, chance = large_ledger(size), Random(seed)
    wanted = chance.sample(range(256), count)
    pruned = sparse_ledger(8, size, *ledger.pruned(wanted))

    assert pruned.hash == ledger.hash
    changed = [new_account(Address(f"k{place}"), 10**6) for place in wanted if place < size]
    if size in wanted:
        changed.append(new_account(Address("new"), 1))
    assert pruned.put_all(changed).hash == ledger.put_all(changed).hash
    for account in changed[:1]:
        assert ledger.position(account.public_key, MINA_TOKEN) == pruned.position(
            account.public_key, MINA_TOKEN
        )


def test_what_was_left_out_cannot_be_asked_for() -> None:
    ledger = large_ledger(6)
    leaves, hashes = ledger.pruned([1])
    pruned = sparse_ledger(8, 6, leaves, hashes)

    assert pruned.account(Address("k1")) == ledger.account(Address("k1"))
    with pytest.raises(PrunedError):
        pruned.put(new_account(Address("new"), 1))
    for wrong_leaves, wrong_hashes in ((leaves, hashes[1:]), (leaves, (*hashes, hashes[0])), ((), hashes)):
        with pytest.raises(PrunedError):
            sparse_ledger(8, 6, wrong_leaves, wrong_hashes)
    with pytest.raises(PrunedError):
        sparse_ledger(8, 6, (*leaves, (256, None)), hashes)


def test_a_changed_witness_has_another_source() -> None:
    """Whoever lies about an account is found out by the hash of the ledger."""
    step = jobs()[0].step
    assert step is not None
    witness = witness_of(step, RULES)
    (place, account), *others = witness.leaves
    assert account is not None
    rich = msgspec.structs.replace(account, balance=account.balance + 1)
    lie = msgspec.structs.replace(witness, leaves=((place, rich), *others))

    found = stated(ledger_of(lie), lie.transaction, RULES)

    assert found is not None
    assert isinstance(found.statement, Statement)
    assert found.statement.source != jobs()[0].statement.source
