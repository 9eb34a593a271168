"""When a wait did not come true, the stage of a block's way that did not work is told."""

from msgspec.structs import replace
from tests.coda_executive.wait_conditions.states import FACTS, SECOND, A, B, C, after, block, tip, up

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.suspicions import suspicions
from coda_executive.events.event import BlockReceived, BreadcrumbAdded, Event, FrontierLoading
from coda_executive.observation.network_state import NetworkState
from coda_protocol.hashes import StateHash

BLOCKS = [block(2), block(3), block(4)]


def received(name: str) -> Event:
    return BlockReceived(StateHash(name), "peer")


def added(name: str) -> Event:
    return BreadcrumbAdded(StateHash(name), ())


def made_by_a(
    *of_others: tuple[NodeId, Event], nodes: tuple[NodeId, ...] = (A, B)
) -> tuple[NetworkState, NetworkState]:
    """Before and after A made three blocks and took them, and this was seen of others."""
    before = up(*nodes)
    own = [(A, event) for made in BLOCKS for event in (made, added(made.state_hash), tip(made.state_hash))]
    return before, after(*own, *of_others, start=before, seconds=6)


def test_a_network_that_moves_is_not_suspected() -> None:
    theirs = [
        (B, event)
        for made in BLOCKS
        for event in (received(made.state_hash), added(made.state_hash), tip(made.state_hash))
    ]
    before, now = made_by_a(*theirs)

    assert suspicions(before, now, FACTS) == ()


def test_slots_that_all_stay_empty_are_told_once_that_is_no_chance() -> None:
    before = up(A, B)

    assert suspicions(before, replace(before, time_ns=9 * SECOND), FACTS) == ()
    (told,) = suspicions(before, replace(before, time_ns=20 * SECOND), FACTS)
    assert told.startswith("no block was made in the last 10 slots, although 100% of the stake is online")


def test_blocks_that_nobody_takes_are_told() -> None:
    before = up(A, B)
    now = after(*((A, made) for made in BLOCKS), start=before, seconds=6)

    assert suspicions(before, now, FACTS) == (
        "3 blocks were made, and no node took any of them for its best tip",
    )


def test_a_node_that_hears_nothing_is_told() -> None:
    assert suspicions(*made_by_a(), FACTS) == (f"{B} received none of the 3 blocks that others made",)


def test_a_node_that_refuses_what_it_hears_is_told_with_how_it_came_up() -> None:
    theirs = [(B, FrontierLoading("Persisted_frontier_loaded"))]
    before, now = made_by_a(*theirs, *((B, received(made.state_hash)) for made in BLOCKS))

    assert suspicions(before, now, FACTS) == (
        f"{B} received 3 blocks and added none of them to its frontier "
        f"(its frontier since then: Persisted_frontier_loaded)",
    )


def test_a_node_that_follows_a_tip_of_its_own_is_told() -> None:
    before, now = made_by_a(*((B, added(made.state_hash)) for made in BLOCKS))

    assert suspicions(before, now, FACTS) == (
        f"{B} added 3 blocks to its frontier and took none for its best tip",
    )


def test_a_network_that_stopped_is_told_with_the_slots_since_its_last_block() -> None:
    before, now = made_by_a()
    (told,) = suspicions(before, replace(now, time_ns=30 * SECOND), FACTS)

    assert told.startswith("no block was made in the last 12 slots")


def test_a_node_that_hears_of_some_producers_only_is_told() -> None:
    of_b = [(A, event) for event in (received("3N2b"), added("3N2b"))]
    made_by_b = [(B, block(2, "b")), *((B, event) for event in (added("3N2b"), tip("3N2b")))]
    c_hears_b = [(C, event) for event in (received("3N2b"), added("3N2b"), tip("3N2b"))]
    before, now = made_by_a(
        *made_by_b, *of_b, *c_hears_b, *((C, received(name)) for name in ("x", "y")), nodes=(A, B, C)
    )

    assert suspicions(before, now, FACTS) == (
        f"{B} received none of the 3 blocks that others made",
        f"{C} received no block of {A}",
    )
