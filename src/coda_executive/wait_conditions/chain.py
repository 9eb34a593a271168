"""Waiting for the chain to grow and for nodes to agree on it."""

from collections.abc import Callable, Sequence

from coda_executive.config.node_id import NodeId
from coda_executive.interfaces.node import Node
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.condition import (
    Check,
    NetworkFacts,
    NotYet,
    Reached,
    Verdict,
    WaitCondition,
)
from coda_executive.wait_conditions.counted import counted
from coda_executive.wait_conditions.dead_nodes import first_dead, no_stake_online
from coda_executive.wait_conditions.limits import Limits, limits_for_blocks


def block_limits(blocks: int, extra_slots: int = 0) -> Callable[[NetworkState, NetworkFacts], Limits]:
    """Limits of a wait for that many blocks, by the stake that is online when it begins."""

    def limits(now: NetworkState, facts: NetworkFacts) -> Limits:
        # With no stake online the check ends the wait at once; any positive share gives limits to print.
        online = facts.online_stake(now) or 1.0
        return limits_for_blocks(blocks, online_stake=online, extra_slots=extra_slots)

    return limits


def blocks_to_be_produced(count: int) -> WaitCondition:
    """`count` blocks made by any producers since the wait began, those of short forks included."""

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        first = before.blocks_produced

        def check(now: NetworkState) -> Verdict:
            seen = now.blocks_produced - first
            if seen >= count:
                return Reached()
            return no_stake_online(now, facts) or NotYet(f"{seen} of {count} blocks")

        return check

    return WaitCondition(f"{counted(count, 'block')} to be produced", begin, block_limits(count))


def block_height_to_grow(growth: int) -> WaitCondition:
    """The best chain of the network, the highest best tip of any node, is `growth` blocks longer than when
    the wait began.
    """

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        first = _height(before, facts)

        def check(now: NetworkState) -> Verdict:
            height = _height(now, facts)
            grown = height - first
            if grown >= growth:
                return Reached()
            return no_stake_online(now, facts) or NotYet(f"{grown} of {growth} blocks, height {height}")

        return check

    # A block that is overtaken by a sibling in the same slot adds nothing; the next slot's does.
    return WaitCondition(
        f"the chain to grow by {counted(growth, 'block')}", begin, block_limits(growth, extra_slots=1)
    )


def nodes_to_synchronize(nodes: Sequence[Node]) -> WaitCondition:
    """All these nodes run, are initialised and have the same best tip. One node alone is synchronised with
    itself.
    """
    names = tuple(node.id for node in nodes)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        def check(now: NetworkState) -> Verdict:
            tips = [now.node(name).best_tip for name in names if now.node(name).initialized]
            if len(tips) == len(names) and None not in tips and len(set(tips)) == 1:
                return Reached()
            return first_dead(names, now) or NotYet(_tips_by_group(names, now))

        return check

    # Nodes agree once a slot has a single producer's block and its gossip arrived; two such chances, and time
    # for a catchup.
    return WaitCondition(
        f"{counted(len(names), 'node')} to synchronise", begin, block_limits(2, extra_slots=4)
    )


def _height(state: NetworkState, facts: NetworkFacts) -> int:
    """The best height of any node; a network that has told of no block is at genesis."""
    return max(facts.constants.genesis_height, state.best_height)


def _tips_by_group(names: Sequence[NodeId], now: NetworkState) -> str:
    """Who holds which best tip, such as "height 7 …x7Qd: seed-1, node-1; no best tip: block-producer-2"."""
    groups: dict[str, list[str]] = {}
    for name in names:
        node = now.node(name)
        if not node.initialized:
            label = "not initialised"
        elif node.best_tip is None:
            label = "no best tip"
        else:
            label = f"height {node.height} …{node.best_tip[-6:]}"
        groups.setdefault(label, []).append(name)
    return "; ".join(f"{label}: {', '.join(members)}" for label, members in groups.items())
