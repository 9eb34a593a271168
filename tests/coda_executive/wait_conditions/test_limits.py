"""Limits are quantiles: checked against the binomial distribution, and against what the slots of many seeds
do.
"""

from fractions import Fraction
from math import comb
from random import Random

import pytest

from coda_executive.wait_conditions.limits import (
    Span,
    fill_probability,
    limits_for_blocks,
    slots_for_blocks,
)


def missed(blocks: int, slots: int, filled: float) -> float:
    """Probability that fewer than `blocks` of `slots` slots are filled."""
    return float(
        sum(
            comb(slots, n) * Fraction(filled) ** n * Fraction(1 - filled) ** (slots - n)
            for n in range(blocks)
        )
    )


@pytest.mark.parametrize("online", [0.05, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("blocks", [1, 2, 5, 40])
@pytest.mark.parametrize("false_alarm", [1e-3, 1e-6])
def test_a_limit_is_the_least_number_of_slots_with_the_wanted_false_alarm(
    blocks: int, online: float, false_alarm: float
) -> None:
    """One slot fewer would raise the alarm too often; the sum over the binomial distribution is the oracle."""
    filled = fill_probability(online)

    slots = slots_for_blocks(blocks, online_stake=online, false_alarm=false_alarm)

    assert missed(blocks, slots, filled) <= false_alarm * 1.000001
    assert slots == blocks or missed(blocks, slots - 1, filled) > false_alarm * 0.999999


def test_all_stake_online_fills_three_slots_of_four() -> None:
    """f = 3/4, the share of filled slots of the protocol."""
    assert fill_probability(1.0) == 0.75
    assert fill_probability(0.0) == 0.0


def test_the_false_alarm_is_what_random_slots_give() -> None:
    """Of 20,000 simulated waits about one in a thousand overruns a limit for one in a thousand."""
    slots = slots_for_blocks(5, online_stake=1.0, false_alarm=1e-3)
    random = Random("limits:slots")

    overruns = sum(sum(random.random() < 0.75 for _ in range(slots)) < 5 for _ in range(20_000))

    assert overruns <= 40  # expected at most 20; 40 is beyond four standard deviations


def test_no_blocks_need_no_slots() -> None:
    assert slots_for_blocks(0, online_stake=0.5, false_alarm=1e-3) == 0


def test_the_hard_limit_is_beyond_the_soft_one() -> None:
    """Even where both quantiles fall into the same slot, the two limits differ."""
    for blocks in range(1, 30):
        limits = limits_for_blocks(blocks, online_stake=1.0)
        assert limits.hard.slots > limits.soft.slots


def test_a_span_says_its_units() -> None:
    assert str(Span(slots=3, seconds=1.5)) == "3 slots and 1.5 s"
    assert str(Span()) == "0 s"
    assert Span(slots=2, seconds=1).in_seconds(3000) == 7.0
