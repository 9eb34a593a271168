"""Window densities are counted on from block to block."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replace_struct
from tests.coda_executive.validation.stories import FACTS, GENESIS, A, Story, judged

from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.densities import Densities, advanced, before_genesis
from coda_executive.events.event import BlockProduced, WindowDensity
from coda_executive.observation.history import EventSeen
from coda_executive.validation.finding import Finding
from coda_executive.validation.validator import RunFacts
from coda_protocol.slots import GlobalSlot

SUB_WINDOWS = 4
KNOWN = replace(FACTS, slots_per_sub_window=2, grace_period_slots=12)  # a window has 8 slots


def story(*blocks: tuple[int, int, tuple[int, ...]]) -> Story:
    """A chain of blocks: slot, least blocks a window, blocks a sub-window."""
    told, parent = Story(), GENESIS
    for slot, minimum, sub_windows in blocks:
        told.produce(A, f"of slot {slot}", parent, slot)
        parent = f"of slot {slot}"
        entry = told.entries[-1]
        assert isinstance(entry.record, EventSeen)
        assert isinstance(entry.record.event, BlockProduced)
        event = replace_struct(entry.record.event, density=WindowDensity(minimum, sub_windows))
        told.entries[-1] = replace_struct(entry, record=replace_struct(entry.record, event=event))
    return told


def found(told: Story, facts: RunFacts = KNOWN) -> Finding:
    return judged(told.entries, facts)["window-density"]


FIRST = (1, 8, (2, 2, 2, 2))
SKIPPED = (6, 8, (2, 0, 0, 1))  # nothing in slots 2 to 5


def test_counts_that_go_on_from_the_parent_s_are_clean() -> None:
    assert (found(story(FIRST, SKIPPED)).validity, found(story(FIRST, SKIPPED)).chances) == ("valid", 2)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ((6, 8, (2, 2, 2, 1)), "blocks a sub-window [2, 2, 2, 1]"),
        ((6, 8, (2, 0, 0, 3)), "blocks a sub-window [2, 0, 0, 3]"),
        ((6, 4, (2, 0, 0, 1)), "least blocks a window [4]"),
    ],
)
def test_counts_that_do_not_are_shown_with_parent_and_block(
    wrong: tuple[int, int, tuple[int, ...]], told: str
) -> None:
    finding = found(story(FIRST, wrong))

    assert finding.validity == "invalid"
    assert f"says {told}; from its parent of slot 1 in slot 1 follows " in finding.sentence
    assert len(finding.witness) == 2


def test_the_first_block_counts_on_from_genesis() -> None:
    finding = found(story((1, 8, (1, 2, 2, 2))))

    assert finding.sentence == (
        "block of slot 1 in slot 1 says blocks a sub-window [1, 2, 2, 2]; from genesis follows [2, 2, 2, 2]"
    )


@pytest.mark.parametrize(("minimum", "grace", "validity"), [
    (1, 18, "valid"), (8, 18, "invalid"), (8, 30, "valid"), (1, 30, "invalid"),
    (1, None, "valid"), (8, None, "valid"), (3, None, "invalid"),
])  # fmt: skip
def test_the_least_of_a_window_is_lowered_once_the_grace_period_is_over(
    minimum: int, grace: int | None, validity: str
) -> None:
    """Where it is not known how long that is, either is right."""
    told = story((24, 8, (1, 0, 0, 0)), (26, minimum, (1, 1, 0, 0)))

    assert found(told, replace(KNOWN, grace_period_slots=grace)).validity == validity


def test_a_block_that_is_seen_before_its_parent_is_judged_when_that_comes() -> None:
    told = story(FIRST, (6, 8, (2, 2, 2, 1)))
    told.entries.reverse()

    assert found(told).violations == 1


def test_who_does_not_tell_is_not_judged() -> None:
    told = Story()
    told.chain("abc")

    assert found(told).validity == "vacuous"
    assert found(story(FIRST), FACTS).sentence == "the length of a sub-window is not known"


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(0, 60))
def test_the_daemon_counts_by_the_same_rule(steps: list[int], grace: int) -> None:
    """Written twice, from the contract: here for what is told, there for what is made."""
    constants = ConsensusConstants(
        k=3,
        delta=0,
        slot_ms=1000,
        genesis_ms=0,
        slots_per_epoch=480,
        slots_per_sub_window=2,
        sub_windows_per_window=SUB_WINDOWS,
        grace_period_slots=grace,
    )
    now = before_genesis(constants)
    now = Densities(now.minimum, (1, *now.sub_windows[1:]))
    slot, blocks = 0, []
    for step in steps:
        now = advanced(
            now, constants, from_slot=GlobalSlot(slot), to_slot=GlobalSlot(slot + step), with_block=True
        )
        slot += step
        blocks.append((slot, now.minimum, now.sub_windows))

    finding = found(story(*blocks), replace(KNOWN, grace_period_slots=grace))
    assert finding.chances == len(steps)
    assert finding.validity == "valid", finding.sentence
