"""What is noticed at one moment is found once the wait has begun, and explained when it is not."""

from tests.coda_executive.wait_conditions.states import FACTS, A, B, C, after, block, nodes, tip, up

from coda_executive.events.event import (
    BlockReceived,
    BreadcrumbAdded,
    FrontierLoading,
    NodeInitialized,
    NodeStarted,
    NodeStopped,
    SyncStatusChanged,
)
from coda_executive.wait_conditions.condition import NotYet, Reached, Unreachable
from coda_executive.wait_conditions.happenings import (
    block_to_spread,
    command_to_be_included,
    event_to_be_seen,
    frontier_to_be_loaded,
)
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
        "1 other commands were included since the wait began",
    )


def test_a_block_spreads_over_a_share_of_the_nodes() -> None:
    start = up(A, B, C)
    made = after((A, block(2)), (B, BlockReceived(StateHash("3N2"), "x")), start=start)
    most = block_to_spread(nodes(A, B, C), share=0.6)
    every = block_to_spread(nodes(A, B, C)).begin(start, FACTS)

    assert isinstance(most.begin(start, FACTS)(made), Reached)
    assert every(made) == NotYet("2 of 3 nodes, missing node-1")
    assert isinstance(every(after((C, breadcrumb("3N2")), start=made)), Reached)


def test_a_block_of_before_the_wait_does_not_count() -> None:
    old = after((A, block(2)), start=up(A, B))
    check = block_to_spread(nodes(A, B), share=0.5).begin(old, FACTS)

    assert isinstance(check(after((B, BlockReceived(StateHash("3N2"), "x")), start=old)), NotYet)


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
