"""Validators of blocks: one for each producer and slot, one step above their parents, as many as stake wins."""

import math
from dataclasses import replace

import pytest
from tests.coda_executive.validation.stories import FACTS, GENESIS, A, B, Story, judged, wrong

from coda_executive.events.event import NodeKilled, NodeStarted, NodeStopped
from coda_executive.validation.quality import log_tail


def test_different_producers_may_fill_a_slot() -> None:
    story = Story()
    story.produce(A, "a", GENESIS, 1)
    story.produce(B, "b", GENESIS, 1)

    assert judged(story.entries)["one-block-per-slot"].chances == 2
    assert wrong(story.entries) == []


def test_a_line_that_is_read_twice_is_no_second_block() -> None:
    story = Story()
    story.produce(A, "a", GENESIS, 1)
    story.produce(A, "a", GENESIS, 1)

    assert wrong(story.entries) == []


def test_two_blocks_of_a_key_in_a_slot_are_shown_even_on_different_nodes() -> None:
    story = Story()
    story.produce(A, "a", GENESIS, 1, by="B62key")
    story.produce(B, "b", GENESIS, 1, by="B62key")

    finding = judged(story.entries)["one-block-per-slot"]

    assert finding.validity == "invalid"
    assert finding.sentence == "B62key made two blocks in slot 1: a and b"
    assert finding.witness == (
        "0.010 s node-a daemon.log:1 produced a: slot 1, height 2, on genesis, by B62key",
        "0.020 s node-b daemon.log:2 produced b: slot 1, height 2, on genesis, by B62key",
    )


@pytest.mark.parametrize(
    ("ending", "fresh_state", "expected"),
    [
        (NodeKilled(), False, []),
        (NodeStopped(exit_code=0, forced=False), True, []),
        (NodeStopped(exit_code=0, forced=False), False, ["one-block-per-slot"]),
    ],
)
def test_a_node_that_lost_its_state_may_have_forgotten_its_block(
    ending: NodeKilled | NodeStopped, *, fresh_state: bool, expected: list[str]
) -> None:
    story = Story()
    story.produce(A, "a", GENESIS, 1)
    story.see(A, ending)
    story.see(A, NodeStarted(fresh_state=fresh_state))
    story.produce(A, "b", GENESIS, 1)

    assert wrong(story.entries) == expected


@pytest.mark.parametrize(("slot", "height"), [(2, 4), (1, 3), (0, 3)])
@pytest.mark.parametrize("parent_first", [True, False])
def test_a_block_must_be_one_higher_and_later_than_its_parent(
    slot: int, height: int, *, parent_first: bool
) -> None:
    """Whichever line is read first."""
    story = Story()
    story.produce(A, "a", GENESIS, 1)
    story.produce(B, "b", "a", slot, height=height)
    entries = story.entries if parent_first else story.entries[::-1]

    assert wrong(entries) == ["chain-links"]


def test_a_producer_that_wins_every_slot_with_a_tenth_of_the_stake_is_found() -> None:
    facts = replace(FACTS, stake={A: 0.1, B: 0.9})
    honest, greedy = Story(), Story()
    parent = GENESIS
    for slot in range(1, 61):
        greedy.produce(A, f"b{slot}", parent, slot)
        honest.produce(A if slot % 10 == 0 else B, f"b{slot}", parent, slot)
        parent = f"b{slot}"

    assert judged(honest.entries, facts)["chain-quality"].validity == "valid"
    assert "node-a made blocks in 60 of 61 slots with 10.0% of the stake, which wins about 8" in (
        judged(greedy.entries, facts)["chain-quality"].sentence
    )


def test_the_bound_of_the_tail_is_never_below_the_tail() -> None:
    """Against the sum of the binomial distribution itself."""
    for slots in (5, 20, 40):
        for chance in (0.05, 0.3, 0.7):
            for wins in range(1, slots + 1):
                tail = math.fsum(
                    math.comb(slots, n) * chance**n * (1 - chance) ** (slots - n)
                    for n in range(wins, slots + 1)
                )
                assert log_tail(wins, slots, chance) >= math.log(tail) - 1e-9
