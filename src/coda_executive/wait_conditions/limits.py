"""How long a wait may take: quantiles of the distribution that fills slots, not multiples of a count.

A slot holds a block with probability 1 - (1/4)^a, where a is the share of the stake that is online (daemon
contract I.2). The number of slots until the n-th filled one is therefore negative binomial. A limit is the
least number of slots that is exceeded with at most a given probability by a network without fault: 10^-3 for
the soft limit, 10^-6 for the hard one.
"""

import math
from dataclasses import dataclass

SOFT_FALSE_ALARM = 1e-3
HARD_FALSE_ALARM = 1e-6


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: `slots` slots and `seconds` seconds together."""

    slots: float = 0.0
    seconds: float = 0.0

    def in_seconds(self, slot_ms: int) -> float:
        return self.slots * slot_ms / 1000 + self.seconds

    def __str__(self) -> str:
        parts = [f"{self.slots:g} slots"] if self.slots else []
        if self.seconds or not parts:
            parts.append(f"{self.seconds:.4g} s")
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class Limits:
    """Overrunning `soft` is a warning, overrunning `hard` ends the wait. `are_quantiles` tells whether a healthy
    network does so only with the probabilities above, or somebody just chose them.
    """

    soft: Span
    hard: Span
    are_quantiles: bool = False


def limits_for_start(boot_allowance: float, *, slots: tuple[float, float]) -> Limits:
    """Limits of a wait for a daemon that has just been started, or will take part from genesis on.

    A node that finds fewer than five peers looks for more for a minute (daemon contract A.10). Our profile `dev`
    makes that shorter, but only the reference daemon keeps it.
    """
    soft, hard = slots
    return Limits(
        Span(slots=soft, seconds=75 + 3 * boot_allowance), Span(slots=hard, seconds=120 + 10 * boot_allowance)
    )


def fill_probability(online_stake: float) -> float:
    """Probability that a slot holds a block when this share of the stake, 0 to 1, takes part."""
    return 1.0 - math.pow(0.25, online_stake)


def slots_for_blocks(blocks: int, *, online_stake: float, false_alarm: float) -> int:
    """Slots in which `blocks` filled ones occur, except with probability `false_alarm`. Needs some stake
    online.
    """
    filled = fill_probability(online_stake)
    if filled >= 1.0:
        return blocks
    if blocks <= 0:
        return 0
    log_filled, log_empty = math.log(filled), math.log1p(-filled)
    slots, reached = blocks, 0.0
    while True:
        # Probability that the last of `blocks` filled slots is slot number `slots`.
        ways = math.lgamma(slots) - math.lgamma(blocks) - math.lgamma(slots - blocks + 1)
        reached += math.exp(ways + blocks * log_filled + (slots - blocks) * log_empty)
        if reached >= 1.0 - false_alarm:
            return slots
        slots += 1


def limits_for_blocks(blocks: int, *, online_stake: float, extra_slots: int = 0) -> Limits:
    """Limits of a wait for filled slots; `extra_slots` for what follows the last block, such as its gossip."""
    # A wait begins somewhere inside a slot, so the first whole slot may be one later.
    soft, hard = (
        slots_for_blocks(blocks, online_stake=online_stake, false_alarm=chance) + 1 + extra_slots
        for chance in (SOFT_FALSE_ALARM, HARD_FALSE_ALARM)
    )
    return Limits(Span(slots=soft), Span(slots=max(hard, soft + 1)), are_quantiles=True)
