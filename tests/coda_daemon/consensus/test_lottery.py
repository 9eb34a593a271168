from decimal import Decimal, localcontext
from math import exp, lgamma, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_daemon.consensus.lottery import StakeDistribution, first_win, threshold, vrf_output, wins
from coda_daemon.ledger.account import Account, Address, Timing, TokenId
from coda_protocol.hashes import LedgerHash
from coda_protocol.slots import GlobalSlot

SEED = "2va9BGv9JrLTtrzZttiEMDYw1Zj6a6EHzXjmP9evHDTG3oEquURA"


def stakes(*accounts: Account) -> StakeDistribution:
    return StakeDistribution(LedgerHash("jw"), accounts)


def staking(name: str, balance: int, delegate: str | None = None) -> Account:
    return Account(Address(name), balance=balance, delegate=Address(delegate or name))


@given(st.integers(0, 10**18), st.integers(1, 10**18))
def test_threshold_is_the_protocols_to_the_last_bit(part: int, rest: int) -> None:
    """Against 2^253 · (1 − (1/4)^share) in decimals of two hundred digits."""
    total = part + rest
    with localcontext() as context:
        context.prec = 200
        exact = 2**253 * (1 - Decimal("0.25") ** (Decimal(part) / Decimal(total)))

        assert abs(threshold(part, total) - exact) <= 1


def test_threshold_of_all_and_of_no_stake() -> None:
    assert threshold(0, 7) == 0
    assert abs(threshold(7, 7) - 3 * 2**251) <= 1


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 10**9))
def test_delegating_to_one_producer_neither_gains_nor_loses(one: int, other: int, rest: int) -> None:
    """Two accounts fail to win a slot as often as one with their sum (I.2)."""
    total = one + other + rest
    unit = 2**253
    lost_apart = (unit - threshold(one, total)) * (unit - threshold(other, total)) // unit
    lost_together = unit - threshold(one + other, total)

    assert abs(lost_apart - lost_together) <= 4


def test_outputs_are_the_same_on_every_machine() -> None:
    """Pinned: nodes of one network must agree, whatever Python they run on."""
    output = vrf_output(SEED, GlobalSlot(7), Address("B62"))

    assert output.hex() == "fb3a175025175419f206a769c48bc91b4f2a92ed12caede5ef6f392b5bddff14"
    assert threshold(1, 3) == 5355955489577007913348937843147313616105076693526803789209036558233514660396


def test_outputs_differ_by_seed_slot_and_key() -> None:
    outputs = {
        vrf_output(seed, GlobalSlot(slot), Address(key))
        for seed in ("a", "b")
        for slot in (1, 2)
        for key in ("x", "y")
    }

    assert len(outputs) == 8
    assert all(int.from_bytes(output, "little") < 2**253 for output in outputs)


@pytest.mark.parametrize("shares", [(1,), (1, 1, 1), (7, 2, 1), (1,) * 10])
def test_slots_are_won_as_often_as_the_stake_says(shares: tuple[int, ...]) -> None:
    """Each producer's wins in 4,000 slots are within what one in a million runs of the right lottery exceeds (I.2)."""
    slots = 4000
    distribution = stakes(*(staking(f"key {index}", share) for index, share in enumerate(shares)))
    for index, share in enumerate(shares):
        [staker] = distribution.stakers_of(Address(f"key {index}"))
        won = sum(
            wins(vrf_output(SEED, GlobalSlot(slot), staker.public_key), staker) for slot in range(slots)
        )

        assert _is_likely(won, slots, 1 - 0.25 ** (share / sum(shares)))


def _is_likely(count: int, trials: int, chance: float) -> bool:
    """Whether a count is in neither tail of the binomial distribution beyond 5·10⁻⁷."""
    lower = sum(_probability(n, trials, chance) for n in range(count + 1))
    upper = sum(_probability(n, trials, chance) for n in range(count, trials + 1))
    return min(lower, upper) > 5e-7


def _probability(count: int, trials: int, chance: float) -> float:
    ways = lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
    return exp(ways + count * log(chance) + (trials - count) * log(1 - chance))


def test_stake_counts_for_whom_it_is_delegated_to() -> None:
    distribution = stakes(staking("a", 10, "b"), staking("b", 20), staking("c", 0, "b"))

    assert [staker.public_key for staker in distribution.stakers_of(Address("b"))] == ["a", "b"]
    assert distribution.stakers_of(Address("a")) == ()
    assert distribution.staker(Address("a"), producer=Address("b")) is not None
    assert distribution.staker(Address("a"), producer=Address("a")) is None
    assert distribution.total_currency == 30


def test_other_tokens_carry_no_stake_and_vesting_balances_carry_all() -> None:
    token = Account(Address("a"), TokenId("t"), 1000)
    vesting = Account(Address("b"), balance=10, delegate=Address("b"), timing=Timing(10, 100, 0, 1, 1))

    distribution = stakes(token, vesting)

    assert distribution.total_currency == 10
    [staker] = distribution.stakers_of(Address("b"))
    assert (staker.stake, staker.is_untimed) == (10, False)


def test_first_win_is_the_earliest_slot_and_the_first_staker_in_it() -> None:
    distribution = stakes(staking("a", 1, "p"), staking("b", 1, "p"))
    both = distribution.stakers_of(Address("p"))
    slots = [GlobalSlot(slot) for slot in range(1, 200)]

    win = first_win(SEED, slots, both)

    assert win is not None
    earlier = [slot for slot in slots if slot < win.slot]
    assert not any(wins(vrf_output(SEED, s, staker.public_key), staker) for s in earlier for staker in both)
    assert win.output == vrf_output(SEED, win.slot, win.winner.public_key)
    assert first_win(SEED, earlier, both) is None
    assert first_win(SEED, slots, ()) is None
