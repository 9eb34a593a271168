"""Conditions are pure functions of states: reached, how far, or impossible and why."""

import pytest
from tests.coda_executive.wait_conditions.states import FACTS, A, B, C, after, block, nodes, tip, up

from coda_executive.events.event import (
    NodeCrashed,
    NodePaused,
    NodeStarted,
    NodeStopped,
)
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.chain import (
    block_height_to_grow,
    blocks_to_be_produced,
    nodes_to_synchronize,
)
from coda_executive.wait_conditions.condition import NotYet, Reached, Unreachable
from coda_executive.wait_conditions.initialization import nodes_to_initialize


def crash() -> NodeCrashed:
    return NodeCrashed(None, "SIGKILL", ("a last line",))


# ---- initialisation ----


def test_initialisation_names_who_is_missing_until_all_are_there() -> None:
    check = nodes_to_initialize(nodes(A, C)).begin(NetworkState(), FACTS)

    assert check(NetworkState()) == NotYet("0 of 2 nodes, missing block-producer-1, node-1")
    assert check(up(A)) == NotYet("1 of 2 nodes, missing node-1")
    assert check(up(A, C)) == Reached()


def test_initialisation_can_no_longer_come_when_a_node_crashed() -> None:
    """The message has the signal and the last lines, so nobody has to look for them."""
    check = nodes_to_initialize(nodes(A, C)).begin(NetworkState(), FACTS)

    verdict = check(after((C, NodeStarted(False)), (C, crash()), start=up(A)))

    assert isinstance(verdict, Unreachable)
    assert verdict.reason == (
        "node-1 is needed and does not run: crashed (SIGKILL); the end of its log:\n  a last line"
    )


def test_a_restarted_node_must_initialise_again() -> None:
    check = nodes_to_initialize(nodes(A)).begin(NetworkState(), FACTS)

    assert isinstance(check(after((A, NodeStopped(130, False)), start=up(A))), Unreachable)
    assert isinstance(
        check(after((A, NodeStopped(130, False)), (A, NodeStarted(False)), start=up(A))), NotYet
    )


# ---- blocks ----


def test_blocks_are_counted_from_where_the_wait_began() -> None:
    before = after((A, block(2)), start=up(A, B))
    check = blocks_to_be_produced(2).begin(before, FACTS)

    assert check(before) == NotYet("0 of 2 blocks")
    assert check(after((A, block(3)), start=before)) == NotYet("1 of 2 blocks")
    assert check(after((A, block(3)), (B, block(3, "fork")), start=before)) == Reached()


@pytest.mark.parametrize("condition", [blocks_to_be_produced(1), block_height_to_grow(1)])
def test_no_block_can_come_without_stake_online(condition: object) -> None:
    from coda_executive.wait_conditions.condition import WaitCondition

    assert isinstance(condition, WaitCondition)
    state = after((A, NodeStopped(130, False)), (B, NodePaused()), start=up(A, B, C))

    verdict = condition.begin(state, FACTS)(state)

    assert isinstance(verdict, Unreachable)
    assert "block-producer-1: stopped" in verdict.reason
    assert "block-producer-2: paused" in verdict.reason


def test_height_grows_with_best_tips_and_not_with_competing_blocks() -> None:
    before = after((A, block(2)), (A, tip("3N2")), start=up(A, B))
    check = block_height_to_grow(1).begin(before, FACTS)

    assert check(after((B, block(2, "fork")), start=before)) == NotYet("0 of 1 blocks, height 2")
    assert check(after((B, block(3)), (C, tip("3N3")), start=before)) == Reached()


def test_limits_follow_the_stake_that_is_online() -> None:
    """With two fifths of the stake gone, the same blocks may take longer."""
    condition = blocks_to_be_produced(5)

    everybody = condition.limits(up(A, B), FACTS)
    without_b = condition.limits(after((B, NodeStopped(130, False)), start=up(A, B)), FACTS)

    assert everybody.hard.slots < without_b.hard.slots


# ---- synchronisation ----


def test_nodes_synchronise_on_one_best_tip() -> None:
    state = after(
        (A, block(2)), (A, tip("3N2")), (A, block(3)), (A, tip("3N3")), (C, tip("3N2")), start=up(A, C)
    )
    check = nodes_to_synchronize(nodes(A, C)).begin(state, FACTS)

    assert check(state) == NotYet("height 3 …3N3: block-producer-1; height 2 …3N2: node-1")
    assert check(after((C, tip("3N3")), start=state)) == Reached()


def test_one_node_alone_is_synchronised_with_itself() -> None:
    state = after((A, block(2)), (A, tip("3N2")), start=up(A))

    assert nodes_to_synchronize(nodes(A)).begin(state, FACTS)(state) == Reached()


def test_a_node_without_best_tip_is_not_synchronised() -> None:
    check = nodes_to_synchronize(nodes(A, C)).begin(NetworkState(), FACTS)

    assert check(up(A, C)) == NotYet("no best tip: block-producer-1, node-1")


def test_synchronising_with_a_dead_node_is_impossible() -> None:
    state = after((C, crash()), start=up(A, C))

    assert isinstance(nodes_to_synchronize(nodes(A, C)).begin(state, FACTS)(state), Unreachable)
