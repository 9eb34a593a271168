"""Which of two tips nodes prefer."""

from dataclasses import replace

from tests.coda_executive.validation.stories import FACTS, A, B, C, Story, judged, wrong

from coda_executive.events.event import NodeStarted


def forked() -> Story:
    """Two branches of one height on the block a; node A follows b, node B follows x."""
    story = Story()
    story.chain("a", adopters=[B])
    story.chain("b", on="a")
    story.chain("x", on="a", by=B)
    return story


def test_nodes_that_prefer_the_same_of_two_tips_are_right_whoever_moves() -> None:
    story = forked()
    story.adopt(A, "x")
    story.adopt(C, "b")
    story.adopt(C, "x")

    assert judged(story.entries)["chain-selection"].validity == "valid"


def test_nodes_that_change_places_do_not_select_by_the_same_rule() -> None:
    story = forked()
    story.adopt(A, "x")
    story.adopt(B, "b")

    finding = judged(story.entries)["chain-selection"]

    assert finding.sentence == ("node-a left b for x, and node-b left x for b; their heights are 3 and 3")
    assert len(finding.witness) == 4


def test_a_longer_chain_is_not_left_for_a_shorter_one() -> None:
    story = forked()
    story.chain("c", on="b")
    story.adopt(A, "x")

    assert "left c at height 4 for x at height 3" in judged(story.entries)["chain-selection"].sentence


def test_across_a_checkpoint_density_may_prefer_the_shorter_one() -> None:
    """The checkpoint of an epoch lies in the first two thirds of the one before: what parts later shares it."""
    story = forked()  # slots: a 2, b 4, x 5
    story.chain("c", on="b")  # slot 6
    story.adopt(A, "x")

    assert wrong(story.entries, replace(FACTS, slots_per_epoch=5)) == []
    assert wrong(story.entries, replace(FACTS, slots_per_epoch=3)) == []
    assert wrong(story.entries, replace(FACTS, slots_per_epoch=7)) == ["chain-selection"]

    story = Story()
    story.chain("abc", adopters=[B])  # slots: b 4, c 6
    story.produce(B, "x", "b", 7)
    story.produce(B, "y", "c", 8)
    story.adopt(A, "y")
    story.adopt(A, "x")

    assert wrong(story.entries, replace(FACTS, slots_per_epoch=6)) == ["chain-selection"]
    assert wrong(story.entries, replace(FACTS, slots_per_epoch=7)) == []


def test_a_node_that_starts_over_prefers_nothing() -> None:
    story = forked()
    story.adopt(A, "x")
    story.see(B, NodeStarted(fresh_state=False))
    story.adopt(B, "b")

    assert wrong(story.entries) == []


def test_a_descendant_several_blocks_on_is_no_other_branch() -> None:
    story = forked()
    story.chain("cd", on="b")
    story.see(B, NodeStarted(fresh_state=True))
    story.adopt(B, "b")
    story.adopt(B, "d")

    assert judged(story.entries)["chain-selection"].validity == "vacuous"
