"""Blocks before their time: made, or adopted from gossip."""

from dataclasses import replace

import pytest
from tests.coda_executive.validation.stories import FACTS, GENESIS, A, B, Story, judged, wrong

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import NodeStarted, SyncStatusChanged
from coda_executive.observation.history import FaultBegan, FaultEnded, GenesisSet
from coda_executive.validation.finding import Finding


def synced() -> Story:
    """Slot 1 begins one second after the run does. Both nodes are synced and follow the block a of slot 1."""
    story = Story()
    story.note(GenesisSet(0))
    for node in (A, B):
        story.see(node, SyncStatusChanged("SYNCED"))
    story.wait(1)
    story.produce(A, "a", GENESIS, 1)
    for node in (A, B):
        story.adopt(node, "a")
    return story


def found(story: Story) -> Finding:
    return judged(story.entries)["no-early-block"]


def test_blocks_in_their_slots_are_clean() -> None:
    story = synced()
    story.wait(1)
    story.produce(A, "b", "a", 2)
    story.adopt(B, "b")

    assert (found(story).validity, found(story).chances) == ("valid", 3)


def test_a_block_that_is_made_before_its_slot_begins_is_told() -> None:
    story = synced()
    story.produce(A, "b", "a", 3)

    assert found(story).sentence == "node-a made b 1.930 s before its slot 3 began"
    assert len(found(story).witness) == 1


def test_where_no_block_is_in_time_nobody_can_tell_whose_clock_is_wrong() -> None:
    story = Story()
    story.note(GenesisSet(0))
    story.produce(A, "a", GENESIS, 3)

    assert found(story).validity == "unknown"
    assert "do the clocks of the run and of the nodes differ?" in found(story).sentence


def test_every_early_block_counts() -> None:
    story = synced()
    for number, name in enumerate("bcd"):
        story.produce(A, name, "a", 3 + number)

    assert (found(story).violations, found(story).chances) == (3, 4)
    assert found(story).sentence.endswith("(the first of 3 such)")


def test_after_a_hard_fork_slots_are_counted_from_its_own() -> None:
    story = synced()
    facts = replace(FACTS, genesis_slot=1)

    assert judged(story.entries, facts)["no-early-block"].validity == "valid"
    story.produce(A, "b", "a", 4)
    assert "before its slot 4 began" in judged(story.entries, facts)["no-early-block"].sentence


def wrong_clock(story: Story, node: NodeId, *, fault: str = "SkewClock") -> None:
    story.note(FaultBegan(1, fault, f"{fault}()", (node,)))


def test_a_node_whose_clock_is_put_wrong_is_excused_and_who_adopts_its_block_is_not() -> None:
    story = synced()
    wrong_clock(story, A)
    story.produce(A, "b", "a", 3)
    story.adopt(A, "b")
    assert wrong(story.entries) == []

    story.adopt(B, "b")

    assert found(story).sentence == "node-b adopted b 1.900 s before its slot 3 began"
    assert [line.partition("daemon.log")[0] for line in found(story).witness] == [
        "1.080 s node-a ",
        "1.100 s node-b ",
    ]


def test_a_node_that_the_test_gave_a_wrong_clock_is_excused_and_who_adopts_its_block_is_not() -> None:
    facts = replace(FACTS, wrong_clocks=frozenset((B,)))
    story = synced()
    story.produce(B, "b", "a", 3)
    assert wrong(story.entries, facts) == []

    story.adopt(A, "b")

    assert wrong(story.entries, facts) == ["no-early-block"]


def test_other_faults_excuse_nobody() -> None:
    story = synced()
    wrong_clock(story, A, fault="SlowCpu")
    story.produce(A, "b", "a", 3)

    assert found(story).validity == "invalid"


@pytest.mark.parametrize(("slots", "validity"), [(1.5, "valid"), (2.5, "invalid")])
def test_lines_that_were_written_under_a_wrong_clock_may_come_a_little_after_it(
    slots: float, validity: str
) -> None:
    story = synced()
    wrong_clock(story, A)
    story.note(FaultEnded(1, "SkewClock"))
    story.wait(slots)
    story.produce(A, "b", "a", 9)

    assert found(story).validity == validity


@pytest.mark.parametrize("status", ["CATCHUP", "BOOTSTRAP"])
def test_what_catchup_and_bootstrap_fetch_is_taken_as_it_is(status: str) -> None:
    story = synced()
    wrong_clock(story, A)
    story.produce(A, "b", "a", 3)
    story.see(B, SyncStatusChanged(status))
    story.adopt(B, "b")

    assert found(story).validity == "valid"


def test_the_tip_that_a_restarted_node_finds_on_its_disk_is_not_from_gossip() -> None:
    story = synced()
    wrong_clock(story, B)
    story.produce(B, "b", "a", 3)
    story.note(FaultEnded(1, "SkewClock"))
    story.see(A, NodeStarted(fresh_state=False))
    story.see(A, SyncStatusChanged("SYNCED"))
    story.adopt(A, "b")

    assert found(story).validity == "valid"


def test_without_the_genesis_time_nobody_can_tell() -> None:
    story = Story()
    story.chain("abc", adopters=[B])

    assert found(story).validity == "vacuous"
    assert "genesis time" in found(story).sentence
