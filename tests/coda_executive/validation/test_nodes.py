"""Validators of nodes that stop, start, heal and crash, and of commands."""

import pytest
from tests.coda_executive.validation.stories import A, B, Story, judged, wrong

from coda_executive.events.event import (
    CompanionCrashed,
    FrontierLoading,
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.observation.history import CrashExpected, FaultBegan, FaultEnded

STARTED, STOPPED = NodeStarted(fresh_state=False), NodeStopped(exit_code=0, forced=False)
CRASHED = NodeCrashed(exit_code=None, signal="SIGSEGV", last_lines=("boom",))
FRESH_BOOT = FrontierLoading("Persisted_frontier_fresh_boot")


def _restart(first_tip: str, *, ending: object = STOPPED, start: NodeStarted = STARTED) -> Story:
    story = Story()
    story.chain("abc", adopters=[B])
    story.see(B, ending)  # type: ignore[arg-type]
    story.see(B, start)
    story.adopt(B, first_tip)
    return story


def test_a_node_that_goes_on_from_its_tip_kept_it() -> None:
    assert judged(_restart("c").entries)["restart-keeps-tip"].validity == "valid"


def test_a_node_that_goes_on_from_below_its_tip_lost_it() -> None:
    finding = judged(_restart("a").entries)["restart-keeps-tip"]

    assert finding.sentence == "node-b stopped at height 4 and went on from height 2 after its restart"
    assert len(finding.witness) == 4


@pytest.mark.parametrize(
    "story",
    [
        _restart("a", ending=NodeKilled()),
        _restart("a", ending=NodeStopped(exit_code=None, forced=True)),
        _restart("a", start=NodeStarted(fresh_state=True)),
    ],
)
def test_a_node_that_was_killed_or_wiped_promises_nothing(story: Story) -> None:
    assert judged(story.entries)["restart-keeps-tip"].validity == "vacuous"


def test_a_node_that_finds_no_frontier_lost_it_even_if_it_catches_up_at_once() -> None:
    story = _restart("c")
    story.entries.insert(-1, story.entries[-1])
    story.see(B, STOPPED)
    story.see(B, STARTED)
    story.see(B, FRESH_BOOT)
    story.adopt(B, "c")

    assert wrong(story.entries) == ["restart-keeps-tip"]


def _back(*, caught_up: bool, end: object = None) -> Story:
    """A node that is away for three blocks comes back; the others' chain goes on for ten slots."""
    story = Story()
    story.chain("abc", adopters=[B])
    story.see(B, NodePaused())
    story.chain("def", on="c")
    story.see(B, NodeResumed())
    if caught_up:
        story.adopt(B, "f")
    if end is not None:
        story.see(B, end)  # type: ignore[arg-type]
    story.wait(10)
    story.chain("g", on="f")
    return story


def test_a_node_that_catches_up_in_time_is_healed() -> None:
    assert judged(_back(caught_up=True).entries)["sync-after-heal"].validity == "valid"


def test_a_node_that_comes_back_and_stays_behind_is_found() -> None:
    finding = judged(_back(caught_up=False).entries)["sync-after-heal"]

    assert "when the chain had height 7, and 5 s later its best tip is at 4" in finding.sentence
    assert len(finding.witness) == 3


def test_a_node_that_goes_away_again_is_not_waited_for() -> None:
    assert judged(_back(caught_up=False, end=NodeKilled()).entries)["sync-after-heal"].validity == "vacuous"


def test_nobody_can_catch_up_with_nobody() -> None:
    story = _back(caught_up=False)
    story.entries = story.entries[:-2]
    story.now_ns = story.entries[-1].time_ns
    story.see(A, STOPPED)
    story.wait(10)
    story.see(B, NodeInitialized())

    assert wrong(story.entries) == []


def test_after_a_fault_every_node_is_given_the_same_time() -> None:
    for tip, expected in (("f", []), ("c", ["sync-after-heal"])):
        story = Story()
        story.chain("abc", adopters=[B])
        story.note(FaultBegan(1, "Partition", "a partition", (B,)))
        story.chain("def", on="c")
        story.wait(30)
        story.note(FaultEnded(1, "Partition"))
        story.adopt(B, tip)
        story.wait(10)
        story.chain("g", on="f")
        assert wrong(story.entries) == expected


def test_a_crash_is_a_violation_unless_the_test_said_so() -> None:
    for expected, found in ((None, True), (True, False), (False, True)):
        story = Story()
        story.see(A, STARTED)
        story.note(CrashExpected(A, expected=True))
        if expected is not True:
            story.note(CrashExpected(A, expected=False))
        for crash in (CRASHED, CompanionCrashed("node-a-worker-1", 1, None, ())):
            told = Story()
            told.entries += story.entries
            told.see(A, crash)
            assert (wrong(told.entries) == ["no-undeclared-crash"]) == found


def test_nodes_that_do_not_agree_on_a_command_break_conservation() -> None:
    for status, expected in (("Applied", []), ("Failed", ["conservation"])):
        story = Story()
        story.chain("a")
        story.add(A, "a", ("payment", "Applied"))
        story.add(B, "a", ("payment", status))
        assert wrong(story.entries) == expected


def test_a_command_may_be_in_two_branches_but_not_twice_in_one() -> None:
    for second, expected in (("x", []), ("b", ["nonce-order"])):
        story = Story()
        story.chain("ab")
        story.chain("x", by=B)
        story.add(A, "a", ("payment", "Applied"))
        story.add(A, second, ("payment", "Applied"))
        assert wrong(story.entries) == expected


def test_a_block_with_a_command_twice_is_found() -> None:
    story = Story()
    story.add(A, "a", ("payment", "Applied"), ("payment", "Applied"))

    assert wrong(story.entries) == ["nonce-order"]
