from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.densities import Densities, advanced, before_genesis
from coda_protocol.slots import GlobalSlot

CONSTANTS = ConsensusConstants(
    k=10,
    delta=0,
    slots_per_epoch=60,
    slots_per_sub_window=3,
    sub_windows_per_window=4,
    grace_period_slots=6,
    slot_ms=1000,
    genesis_ms=0,
)
GENESIS = advanced(
    before_genesis(CONSTANTS), CONSTANTS, from_slot=GlobalSlot(0), to_slot=GlobalSlot(0), with_block=True
)


def step(densities: Densities, from_slot: int, to_slot: int, *, with_block: bool = True) -> Densities:
    return advanced(
        densities,
        CONSTANTS,
        from_slot=GlobalSlot(from_slot),
        to_slot=GlobalSlot(to_slot),
        with_block=with_block,
    )


def test_genesis_counts_itself_and_finds_the_past_full() -> None:
    assert (GENESIS.minimum, GENESIS.sub_windows) == (12, (1, 3, 3, 3))


def test_block_in_the_same_sub_window_only_counts() -> None:
    assert step(GENESIS, 0, 2) == Densities(12, (2, 3, 3, 3))


def test_skipped_sub_windows_are_empty() -> None:
    assert step(GENESIS, 0, 7) == Densities(12, (1, 0, 1, 3))


def test_gap_of_more_than_a_window_empties_all() -> None:
    assert step(GENESIS, 0, 3 * 5) == Densities(12, (0, 1, 0, 0))


def test_gap_of_exactly_a_window_keeps_nothing_but_the_total_of_the_oldest() -> None:
    """The boundary's total still holds the sub-window that the new one takes the place of."""
    old = Densities(12, (3, 1, 1, 1))

    assert step(old, 3 * 8, 3 * 12) == Densities(3, (1, 0, 0, 0))


def test_minimum_is_not_lowered_within_grace_and_the_first_window() -> None:
    """6 slots of grace and 12 of a window: slot 18 is the first that may lower it (I.3)."""
    empty = Densities(12, (0, 0, 0, 0))

    assert step(empty, 14, 17).minimum == 12
    assert step(empty, 17, 18).minimum == 0


def test_minimum_moves_at_sub_window_boundaries_only() -> None:
    sparse = Densities(12, (1, 0, 0, 0))

    assert step(sparse, 24, 26).minimum == 12
    assert step(sparse, 26, 27).minimum == 1


@given(st.sets(st.integers(1, 150), max_size=60))
def test_densities_are_what_counting_the_chain_gives(filled: set[int]) -> None:
    """Against counting blocks of a whole chain anew at each of them."""
    chain = [0, *sorted(filled)]
    densities, minimum = GENESIS, 12
    for before, slot in pairwise(chain):
        densities = step(densities, before, slot)
        new = slot // 3
        if new != before // 3 and slot >= 18:
            minimum = min(minimum, sum(_count(chain, slot, number) for number in range(new - 4, new)))
        assert densities.minimum == minimum
        expected = {number % 4: _count(chain, slot + 1, number) for number in range(new - 3, new + 1)}
        assert densities.sub_windows == tuple(expected[at] for at in range(4))


def _count(chain: list[int], end: int, sub_window: int) -> int:
    """Blocks before slot `end` in a sub-window; those before genesis were full."""
    return 3 if sub_window < 0 else sum(slot < end and slot // 3 == sub_window for slot in chain)


def test_projecting_without_a_block_adds_none() -> None:
    """From sub-window 16 to 20: the window between holds only what 16 held, and 20 holds nothing."""
    assert step(Densities(12, (3, 3, 3, 3)), 50, 60, with_block=False) == Densities(3, (0, 0, 0, 0))
