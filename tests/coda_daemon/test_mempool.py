"""The rules of the transaction pool (daemon contract I.5)."""

from dataclasses import replace

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import genesis_of, key, make_config, next_block
from tests.coda_daemon.commands_testbed import COIN, FEE, delegation, payment

from coda_daemon.ledger.account import Permissions, Timing
from coda_daemon.ledger.command import Command, command_of
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.mempool import Mempool, PoolRules, RejectedError, Rejection, View
from coda_protocol.signatures import MAINNET, TESTNET
from coda_protocol.slots import GlobalSlot

GENESIS = genesis_of(make_config(100, 100))
MINIMUM_FEE = 10**6


def view_of(ledger: Ledger = GENESIS.ledger, slot: int = 5, **changes: object) -> View:
    """The pool's view of a ledger, with changes to the account of key 1."""
    account = ledger.account(key(1))
    assert account is not None
    return View(ledger.put(msgspec.structs.replace(account, **changes)), GlobalSlot(slot))


VIEW = view_of()


def pool_with(*commands: Command, max_size: int = 100, slot_tx_end: int | None = None) -> Mempool:
    end = None if slot_tx_end is None else GlobalSlot(slot_tx_end)
    pool = Mempool(PoolRules(max_size, MINIMUM_FEE, TESTNET, end))
    for command in commands:
        pool.add(command, VIEW)
    return pool


def rejection(pool: Mempool, command: Command, view: View = VIEW) -> Rejection:
    before = list(pool)
    with pytest.raises(RejectedError) as rejected:
        pool.add(command, view)
    assert list(pool) == before, "a pool that rejects is as it was"
    return rejected.value.reason


def test_a_queue_holds_consecutive_nonces_from_the_accounts_on() -> None:
    pool = pool_with(payment(1, 2), payment(1, 2, nonce=1), delegation(1, 2, nonce=2))

    assert [command.nonce for command in pool.queue_of(key(1))] == [0, 1, 2]
    assert pool.inferred_nonce(key(1), VIEW.ledger) == 3
    assert pool.inferred_nonce(key(2), VIEW.ledger) == 0
    assert pool.inferred_nonce(key(9), VIEW.ledger) is None


def test_a_nonce_beyond_the_end_or_used_is_invalid() -> None:
    assert rejection(pool_with(payment(1, 2)), payment(1, 2, nonce=2)) is Rejection.INVALID_NONCE
    assert rejection(pool_with(), payment(1, 2), view_of(nonce=1)) is Rejection.INVALID_NONCE


def test_the_costs_of_a_queue_are_covered_by_the_liquid_balance() -> None:
    half = 50 * COIN - FEE
    pool = pool_with(payment(1, 2, half), payment(1, 2, half, nonce=1))

    assert rejection(pool, payment(1, 2, 0, nonce=2)) is Rejection.INSUFFICIENT_FUNDS


def test_locked_money_covers_nothing_until_it_vests() -> None:
    timing = Timing(100 * COIN, 10, 100 * COIN, 1, 0)
    command = payment(1, 2, COIN)

    assert rejection(pool_with(), command, view_of(timing=timing, slot=9)) is Rejection.INSUFFICIENT_FUNDS
    pool_with().add(command, view_of(timing=timing, slot=10))


def test_a_command_is_replaced_by_one_that_pays_a_nanomina_more() -> None:
    pool = pool_with(payment(1, 2))
    dearer = payment(1, 2, 7, fee=FEE + 1)

    assert rejection(pool, payment(1, 2, 7)) is Rejection.INSUFFICIENT_REPLACE_FEE
    assert pool.add(dearer, VIEW) == (payment(1, 2),)
    assert list(pool) == [dearer]
    assert pool.find(payment(1, 2).hash) is None


def test_later_commands_stay_when_they_are_still_covered() -> None:
    later = payment(1, 2, nonce=1)
    pool = pool_with(payment(1, 2), later)

    pool.add(payment(1, 2, 2 * COIN, fee=FEE + 1), VIEW)

    assert [command.nonce for command in pool.queue_of(key(1))] == [0, 1]
    assert later in pool


def test_a_replacement_pays_for_the_later_commands_that_it_pushes_out() -> None:
    first, second, third = payment(1, 2), payment(1, 2, 60 * COIN, nonce=1), payment(1, 2, 1, nonce=2)
    pool = pool_with(first, second, third)
    greedy_amount = 50 * COIN

    cheap = payment(1, 2, greedy_amount, fee=FEE + 2 * FEE - 1)
    assert rejection(pool, cheap) is Rejection.INSUFFICIENT_REPLACE_FEE

    fair = payment(1, 2, greedy_amount, fee=FEE + 2 * FEE)
    assert set(pool.add(fair, VIEW)) == {first, second, third}
    assert list(pool) == [fair]


def test_the_same_command_again_is_a_duplicate() -> None:
    assert rejection(pool_with(payment(1, 2)), payment(1, 2)) is Rejection.DUPLICATE


@pytest.mark.parametrize(
    ("command", "view", "reason"),
    [
        (payment(1, 2, fee=MINIMUM_FEE - 1), VIEW, Rejection.INSUFFICIENT_FEE),
        (payment(1, 2, until=4), VIEW, Rejection.EXPIRED),
        (payment(9, 2), VIEW, Rejection.NO_FEE_PAYER),
        (payment(1, 2, 2**64 - 1), VIEW, Rejection.OVERFLOW),
        (payment(1, 2), view_of(permissions=Permissions(send="proof")), Rejection.NOT_PERMITTED),
    ],
)
def test_what_is_not_taken_whatever_else_waits(command: Command, view: View, reason: Rejection) -> None:
    assert rejection(pool_with(), command, view) is reason


def test_a_command_of_another_network_is_not_signed_for_this_one() -> None:
    pool = Mempool(PoolRules(10, MINIMUM_FEE, MAINNET, None))

    assert rejection(pool, payment(1, 2)) is Rejection.INVALID_SIGNATURE


def test_nothing_is_taken_from_slot_tx_end_on() -> None:
    pool = pool_with(slot_tx_end=6)

    pool.add(payment(1, 2), VIEW)
    assert rejection(pool, payment(2, 1), view_of(slot=6)) is Rejection.AFTER_SLOT_TX_END


def test_a_full_pool_drops_what_pays_least_and_the_later_ones_of_its_sender() -> None:
    cheap, after_cheap = payment(2, 1, fee=FEE - 1), payment(2, 1, nonce=1, fee=5 * FEE)
    pool = pool_with(payment(1, 2), cheap, after_cheap, max_size=3)

    dropped = pool.add(payment(1, 2, nonce=1, fee=FEE), VIEW)

    assert set(dropped) == {cheap, after_cheap}
    assert rejection(pool_with(payment(1, 2), max_size=1), payment(2, 1)) is Rejection.OVERLOADED


def test_a_pooled_command_leaves_when_it_expires_with_those_after_it() -> None:
    pool = pool_with(payment(1, 2), payment(1, 2, nonce=1, until=7), payment(1, 2, nonce=2), payment(2, 1))

    assert pool.expire(GlobalSlot(7)) == []
    assert {command.nonce for command in pool.expire(GlobalSlot(8))} == {1, 2}
    assert set(pool) == {payment(1, 2), payment(2, 1)}


def test_by_fee_gives_the_highest_first_and_keeps_each_senders_nonces() -> None:
    low, high_behind = payment(1, 2, fee=2 * FEE), payment(1, 2, nonce=1, fee=9 * FEE)
    middle = payment(2, 1, fee=3 * FEE)

    assert list(pool_with(low, high_behind, middle).by_fee()) == [middle, low, high_behind]


# ---- the chain moves on ----


def test_commands_leave_with_the_block_that_holds_them() -> None:
    mine, later = payment(1, 2), payment(1, 2, nonce=1)
    pool = pool_with(mine, later)
    built = next_block(GENESIS, GENESIS.built, commands=[mine])

    assert pool.follow(View(built.ledger, GlobalSlot(5)), added=[built.block], removed=[]) == ()
    assert list(pool) == [later]


def test_commands_of_a_dropped_branch_come_back() -> None:
    mine = [payment(1, 2), payment(1, 2, nonce=1)]
    other = payment(2, 1)
    dropped = next_block(GENESIS, GENESIS.built, commands=[*mine, other])
    winning = next_block(GENESIS, GENESIS.built, 2, commands=[other])
    pool = pool_with()
    pool.follow(View(dropped.ledger, GlobalSlot(5)), added=[dropped.block], removed=[])

    pool.follow(View(winning.ledger, GlobalSlot(5)), added=[winning.block], removed=[dropped.block])

    assert list(pool) == mine


def test_what_a_block_makes_impossible_leaves_the_pool() -> None:
    """The block holds another command with the same nonce, and takes the money for the one after it."""
    pool = pool_with(payment(1, 2), payment(1, 2, 60 * COIN, nonce=1))
    built = next_block(GENESIS, GENESIS.built, 2, commands=[payment(1, 2, 50 * COIN)])

    dropped = pool.follow(View(built.ledger, GlobalSlot(5)), added=[built.block], removed=[])

    assert set(dropped) == {payment(1, 2), payment(1, 2, 60 * COIN, nonce=1)}
    assert len(pool) == 0


def test_what_only_a_dropped_block_paid_for_leaves_with_it() -> None:
    """Its coinbase had gone to a key that has no account on the new branch."""
    paid = next_block(GENESIS, GENESIS.built, receiver=9)
    other = next_block(GENESIS, GENESIS.built, 2)
    pool = pool_with()
    pool.add(payment(9, 1), View(paid.ledger, GlobalSlot(5)))

    dropped = pool.follow(View(other.ledger, GlobalSlot(5)), added=[other.block], removed=[paid.block])

    assert dropped == (payment(9, 1),)


def test_a_reset_judges_everything_by_the_new_ledger() -> None:
    pool = pool_with(payment(1, 2), payment(1, 2, nonce=1), payment(2, 1))

    pool.reset(view_of(nonce=1))

    assert list(pool) == [payment(1, 2, nonce=1), payment(2, 1)]


def test_another_signature_of_a_waiting_command_is_no_other_command() -> None:
    """The hash does not depend on the signature: the second one would have to pay more."""
    original = payment(1, 2)
    signature = replace(original.signed.signature, scalar=original.signed.signature.scalar ^ 1)
    again = command_of(replace(original.signed, signature=signature))

    assert rejection(pool_with(original), again) is Rejection.INSUFFICIENT_REPLACE_FEE
