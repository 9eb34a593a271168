"""Validators of whole chains: common prefix, finality, growth."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coda_executive.validation.stories import FACTS, GENESIS, A, B, C, Story, judged, wrong

from coda_executive.events.event import FrontierLoading, NodeInitialized, NodeStarted, SyncStatusChanged
from coda_executive.observation.history import FaultBegan, FaultEnded

K = FACTS.k


def test_a_chain_shorter_than_k_is_no_chance_for_a_common_prefix_to_fail() -> None:
    story = Story()
    story.chain("ab", adopters=[B])

    assert judged(story.entries)["common-prefix"].validity == "vacuous"


def test_a_fork_of_k_blocks_is_allowed_and_one_more_is_not() -> None:
    for branch, expected in (("xyz", []), ("wxyz", ["common-prefix"])):
        story = Story()
        story.chain("abcdef", adopters=[B])
        story.chain(branch, on="b", by=C)
        assert wrong(story.entries) == expected


def test_a_fork_shows_where_it_began_and_who_settled_on_which_side() -> None:
    story = Story()
    story.chain("abcdef", adopters=[B])
    story.chain("wxyz", on="b", by=C)

    finding = judged(story.entries)["common-prefix"]

    assert finding.sentence.startswith(
        "node-a and node-c settled on different chains: at height 4 c and w, each under more than k = 3 blocks"
    )
    assert finding.witness == (
        "0.070 s node-a daemon.log:7 produced c: slot 6, height 4, on b, by key of node-a",
        "0.170 s node-a daemon.log:17 changed its frontier: best tip f",
        "0.190 s node-c daemon.log:19 produced w: slot 7, height 4, on b, by key of node-c",
        "0.260 s node-c daemon.log:26 changed its frontier: best tip z",
    )


def test_a_node_that_gives_up_more_than_k_blocks_is_found_without_anybody_else() -> None:
    story = Story()
    story.chain("abcdef")
    story.produce(B, "x", "b", 99)
    story.adopt(A, "x")

    finding = judged(story.entries)["common-prefix"]

    assert finding.validity == "invalid"
    assert (
        "node-a gave up more than k = 3 blocks when it left f at height 7 for x at height 4"
        in finding.sentence
    )


def test_a_node_that_begins_anew_gives_up_nothing() -> None:
    story = Story()
    story.chain("abcdef")
    story.see(A, NodeStarted(fresh_state=True))
    story.adopt(A, "a")
    story.see(A, FrontierLoading("Starting_bootstrap_controller"))
    story.adopt(A, "f")

    assert wrong(story.entries) == []


def test_a_fork_that_grew_under_one_fault_is_excused_and_told() -> None:
    story = Story()
    story.chain("ab", adopters=[B, C])
    story.note(FaultBegan(1, "Partition", "a partition", (C,)))
    story.chain("cdef", on="b", adopters=[B])
    story.chain("wxyz", on="b", by=C)
    story.note(FaultEnded(1, "Partition"))

    finding = judged(story.entries)["common-prefix"]

    assert finding.validity == "valid"
    assert "a fault lasted long enough to fork them deeper" in finding.sentence


@pytest.mark.parametrize(("slots", "verdict"), [(0.5, "valid"), (1.5, "invalid")])
def test_a_block_that_was_on_its_way_when_the_fault_began_may_begin_the_fork(
    slots: float, verdict: str
) -> None:
    story = Story()
    story.chain("ab", adopters=[B, C])
    story.chain("c", on="b")
    story.wait(slots)
    story.note(FaultBegan(1, "Partition", "a partition", (C,)))
    story.adopt(B, "c")
    story.chain("def", on="c", adopters=[B])
    story.chain("wxyz", on="b", by=C)
    story.note(FaultEnded(1, "Partition"))

    assert judged(story.entries)["common-prefix"].validity == verdict


def test_a_tip_is_understood_though_its_producer_is_read_later() -> None:
    """Files are read in any order: the same history with every producer's line late says the same."""
    story = Story()
    story.chain("abcdef", adopters=[B])
    early = [entry for entry in story.entries if type(entry.record.event).__name__ == "FrontierChanged"]  # type: ignore[union-attr]
    late = [entry for entry in story.entries if entry not in early]

    assert judged(early + late)["common-prefix"].chances == judged(story.entries)["common-prefix"].chances > 0


def test_blocks_that_nobody_was_seen_to_produce_leave_the_question_open() -> None:
    story = Story()
    story.chain("abcdef", adopters=[B])
    entries = [entry for number, entry in enumerate(story.entries) if number != 9]  # d's producer

    finding = judged(entries)["common-prefix"]

    assert finding.validity == "unknown"
    assert "nobody was seen to produce them" in finding.sentence


def test_evidence_that_begins_in_the_middle_of_a_chain_is_no_gap() -> None:
    story = Story(heights={"earlier": 500})
    story.chain("abcdef", on="earlier", adopters=[B])

    assert judged(story.entries)["common-prefix"].validity == "valid"


@st.composite
def _plots(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Blocks with their parents' numbers, each adopted by one of two nodes, and adoptions of older blocks."""
    count = draw(st.integers(1, 14))
    steps = []
    for number in range(1, count + 1):
        parent = draw(st.integers(max(0, number - 6), number - 1))
        steps.append((number, parent, draw(st.integers(0, 1))))
        if draw(st.booleans()):
            steps.append((draw(st.integers(1, number)), -1, draw(st.integers(0, 1))))
    return steps


def _brute_force(steps: Sequence[tuple[int, int, int]], k: int) -> bool:
    """Whether the property is broken, by comparing all pairs of adopted chains."""
    chains: dict[int, list[int]] = {0: [0]}
    adopted: list[list[int]] = []
    last: dict[int, list[int]] = {}
    for number, parent, node in steps:
        if parent >= 0:
            chains[number] = [*chains[parent], number]
        chain = chains[number]
        before = last.get(node)
        if before is not None and len(before) - _common(before, chain) > k:
            return True
        last[node] = chain
        adopted.append(chain)
    return any(min(len(one), len(other)) - _common(one, other) > k for one in adopted for other in adopted)


def _common(one: list[int], other: list[int]) -> int:
    return sum(a == b for a, b in zip(one, other, strict=False))


@settings(max_examples=300, deadline=None)
@given(_plots())
def test_the_common_prefix_agrees_with_comparing_all_pairs_of_chains(
    steps: list[tuple[int, int, int]],
) -> None:
    story = Story(heights={"0": 1})
    for number, parent, node in steps:
        if parent >= 0:
            story.produce(C, str(number), str(parent), number)
        story.adopt((A, B)[node], str(number))

    assert ("common-prefix" in wrong(story.entries)) == _brute_force(steps, K)


def test_roots_that_follow_the_tip_at_k_blocks_are_final() -> None:
    story = Story()
    story.chain("abcd", adopters=[B])
    story.chain("e", on="d")
    for node in (A, B):
        story.adopt(node, "e", root="b")

    assert judged(story.entries)["finality"].validity == "valid"


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ([(A, "e", "b"), (B, "z", "w")], "two blocks of height 3 became final: b on node-a, and w on node-b"),
        ([(A, "e", "c")], "node-a made c its root when only 2 blocks were above it; k is 3"),
        ([(A, "e", "b"), (A, "e", "a")], "the root of node-a went from b to a, which is no descendant"),
        ([(A, "e", "a"), (A, "z", "w")], ""),
    ],
)
def test_a_root_never_changes_and_is_k_deep(told: list[tuple[object, str, str]], sentence: str) -> None:
    story = Story()
    story.chain("abcde")
    story.chain("wxyz", on="a", by=B)
    for node, tip, root in told:
        story.adopt(node, tip, root=root)  # type: ignore[arg-type]

    finding = judged(story.entries)["finality"]

    assert (finding.validity == "invalid") == bool(sentence)
    assert sentence in finding.sentence


def _online(story: Story) -> None:
    for node in (A, B):
        story.see(node, NodeStarted(fresh_state=True))
        story.see(node, NodeInitialized())
        story.see(node, SyncStatusChanged("SYNCED"))


def test_a_chain_that_stalls_while_all_stake_takes_part_is_found() -> None:
    story = Story()
    _online(story)
    story.chain("ab", adopters=[B])
    story.wait(18)
    story.chain("c", on="b")

    finding = judged(story.entries)["chain-growth"]

    assert finding.validity == "invalid"
    assert "no best tip rose while stake times slots came to 18.0" in finding.sentence
    assert len(finding.witness) == 2


def test_a_stall_at_the_end_of_the_run_counts_too() -> None:
    story = Story()
    _online(story)
    story.chain("ab", adopters=[B])
    story.wait(18)
    story.see(A, SyncStatusChanged("SYNCED"))

    assert wrong(story.entries) == ["chain-growth"]


def test_producers_that_a_fault_is_at_work_on_owe_no_blocks() -> None:
    for nodes, expected in (((A, B), []), ((C,), ["chain-growth"])):
        story = Story()
        _online(story)
        story.chain("ab", adopters=[B])
        story.note(FaultBegan(1, "Disk", "a full disk", nodes))
        story.wait(40)
        story.note(FaultEnded(1, "Disk"))
        assert wrong(story.entries) == expected


def test_half_of_the_stake_is_granted_twice_the_time() -> None:
    for share, expected in (("CATCHUP", []), ("SYNCED", ["chain-growth"])):
        story = Story()
        _online(story)
        story.chain("ab", adopters=[B])
        story.see(B, SyncStatusChanged(share))
        story.wait(20)
        story.chain("c", on="b")
        assert wrong(story.entries) == expected


def test_a_run_in_which_blocks_come_in_time_grows() -> None:
    story = Story()
    _online(story)
    parent = GENESIS
    for name in "abcdefghij":
        story.wait(4)
        story.chain(name, on=parent, adopters=[B])
        parent = name

    assert judged(story.entries)["chain-growth"].validity == "valid"
