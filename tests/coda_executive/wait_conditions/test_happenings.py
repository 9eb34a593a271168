"""What is noticed at one moment is found once the wait has begun, and explained when it is not."""

import pytest
from msgspec.structs import replace
from tests.coda_executive.wait_conditions.states import (
    FACTS,
    SECOND,
    A,
    C,
    after,
    block,
    nodes,
    tip,
    up,
)

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BlockReceived,
    BreadcrumbAdded,
    FrontierLoading,
    NodeInitialized,
    NodeStarted,
    NodeStopped,
    SyncStatusChanged,
)
from coda_executive.wait_conditions.condition import NotYet, Reached, Unreachable, WaitCondition
from coda_executive.wait_conditions.happenings import (
    command_to_be_included,
    count_between,
    event_to_be_seen,
    frontier_to_be_loaded,
)
from coda_executive.wait_conditions.limits import Span
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.hashes import StateHash
from coda_protocol.sample_keys import sample_keypair

SYNCED = SyncStatusChanged("SYNCED")
HASH = "5JuPayment"


def breadcrumb(name: str, *commands: tuple[str, str]) -> BreadcrumbAdded:
    return BreadcrumbAdded(StateHash(name), commands)


def test_an_event_counts_from_the_beginning_of_the_wait_and_stays_seen() -> None:
    before = after((A, SYNCED), start=up(A, C))
    check = event_to_be_seen("sync", lambda event: event == SYNCED).begin(before, FACTS)

    assert check(before) == NotYet("not seen")
    seen = after((C, SYNCED), start=before)
    verdict = check(seen)
    assert isinstance(verdict, Reached)
    assert verdict.value.node == C
    assert check(after((A, BlockReceived(StateHash("3N2"), "x")), start=seen)) == verdict


def test_an_event_of_another_node_is_a_near_miss_and_so_is_an_earlier_one() -> None:
    condition = event_to_be_seen("sync", lambda event: event == SYNCED, nodes=nodes(C))
    early = after((C, SYNCED), start=up(A, C), seconds=1)
    before = after((A, BlockReceived(StateHash("3N2"), "x")), start=early, seconds=4.2)
    now = after((A, SYNCED), start=before, seconds=5)

    assert condition.begin(before, FACTS)(now) == NotYet("not seen")
    assert condition.near_misses(before, now) == (
        "seen 3.2 s before this wait began at node-1",
        "seen at block-producer-1, but it is waited for at node-1",
    )


def test_an_event_of_a_dead_node_is_impossible() -> None:
    check = event_to_be_seen("sync", lambda event: event == SYNCED, nodes=nodes(C)).begin(up(C), FACTS)

    assert isinstance(check(after((C, NodeStopped(0, False)), start=up(C))), Unreachable)


def test_a_frontier_has_an_origin() -> None:
    check = frontier_to_be_loaded(nodes(C)[0], origin="bootstrap").begin(up(C), FACTS)

    assert check(after((C, FrontierLoading("Persisted_frontier_loaded")), start=up(C))) == NotYet("not seen")
    assert isinstance(check(after((C, FrontierLoading("Bootstrap_complete")), start=up(A, C))), Reached)


def test_a_command_is_included_wherever_and_whenever_a_block_has_it() -> None:
    """Its hash names it: one that was included before the wait began is meant all the same."""
    before = after((A, breadcrumb("3N2", (HASH, "Applied"))), start=up(A))

    assert command_to_be_included(HASH).begin(before, FACTS)(before) == Reached("3N2")


def test_a_command_is_named_by_its_content_too() -> None:
    sender, receiver = sample_keypair(1), sample_keypair(2).public
    command = UserCommand(sender.public, Fee(1), 0, Payment(receiver, Amount(5)))
    state = after((A, breadcrumb("3N2", (command.hash(), "Applied"))), start=up(A))

    assert isinstance(command_to_be_included(command).begin(state, FACTS)(state), Reached)


def test_a_command_with_the_other_status_ends_the_wait() -> None:
    state = after((A, breadcrumb("3N2", (HASH, "Failed"))), start=up(A))

    verdict = command_to_be_included(HASH).begin(state, FACTS)(state)

    assert verdict == Unreachable("block …3N2 includes it as Failed")
    failed = command_to_be_included(HASH, status="Failed").begin(state, FACTS)(state)
    assert isinstance(failed, Reached)


def test_a_command_at_one_node_is_a_near_miss_at_another() -> None:
    condition = command_to_be_included(HASH, at=nodes(C)[0])
    now = after((A, breadcrumb("3N2", (HASH, "Applied"), ("5Ju2", "Applied"))), start=up(A, C))

    assert condition.begin(up(A, C), FACTS)(now) == NotYet("in no block")
    assert condition.near_misses(up(A, C), now) == (
        "block-producer-1 has it in a block",
        "1 other commands were included since the wait began: …5Ju2",
    )


def test_a_frontier_that_was_loaded_otherwise_ends_the_wait() -> None:
    """For a bootstrap there is time until the node is at the network's best tip, which then needs none."""
    fresh, started = FrontierLoading("Persisted_frontier_fresh_boot"), up(A)
    disk = frontier_to_be_loaded(nodes(C)[0], origin="disk").begin(started, FACTS)
    bootstrap = frontier_to_be_loaded(nodes(C)[0], origin="bootstrap").begin(started, FACTS)

    came_up = after((C, NodeStarted(True)), (C, fresh), (C, NodeInitialized()), start=started)
    behind = after((A, block(2)), (A, tip("3N2")), start=came_up)
    in_step = after((C, tip("3N2")), start=behind)

    reason = "node-1 takes part without it; instead it had Persisted_frontier_fresh_boot"
    assert disk(behind) == Unreachable(reason)
    assert isinstance(bootstrap(behind), NotYet)
    assert bootstrap(in_step) == Unreachable(reason)


def test_blocks_without_any_command_are_told_of_a_command_that_is_in_none() -> None:
    wait = command_to_be_included(HASH)
    now = after((A, breadcrumb("3N2")), (A, breadcrumb("3N3")), start=up(A))

    (told,) = wait.near_misses(up(A), now)

    assert told == "2 blocks were added since the wait began, and none holds any command"


def synced_between(least: int, most: int, *names: NodeId) -> WaitCondition:
    return count_between(
        least, most, Span(seconds=10), "synced", lambda event: event == SYNCED, nodes=nodes(*names)
    )


def test_events_are_counted_over_a_span() -> None:
    before = after((A, SYNCED), start=up(A, C))
    check = synced_between(1, 2).begin(before, FACTS)

    assert check(before) == NotYet("0 seen", 10 * SECOND)
    one = after((C, SYNCED), start=before, seconds=4)
    assert check(one) == NotYet("1 seen", 10 * SECOND)
    late = after((C, SYNCED), (A, SYNCED), start=one, seconds=11)
    assert check(late) == Reached(1), "what comes after the span does not count"


def test_one_event_too_many_ends_the_count_at_once() -> None:
    check = synced_between(0, 1).begin(up(A), FACTS)
    check(up(A))

    assert check(after((A, SYNCED), (A, SYNCED), start=up(A), seconds=1)) == Unreachable(
        "2 were seen, more than 1"
    )


def test_too_few_events_are_told_at_the_end_of_the_span() -> None:
    check = synced_between(1, 2, C).begin(up(A, C), FACTS)
    check(up(A, C))
    other = after((A, SYNCED), start=up(A, C), seconds=1)

    assert check(replace(other, time_ns=10 * SECOND)) == Unreachable("0 were seen in 10 s, fewer than 1")
    assert synced_between(1, 2).limits(up(A), FACTS).soft == Span(slots=1, seconds=15)
    with pytest.raises(ValueError, match="found 3 and 2"):
        synced_between(3, 2)
