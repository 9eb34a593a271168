"""Waiting for nodes to take part."""

from collections.abc import Sequence

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
from coda_executive.wait_conditions.dead_nodes import first_dead
from coda_executive.wait_conditions.limits import Limits, limits_for_start


def nodes_to_initialize(nodes: Sequence[Node]) -> WaitCondition:
    """Each node has started its transition frontier controller since its last start."""
    names = tuple(node.id for node in nodes)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        def check(now: NetworkState) -> Verdict:
            missing = [name for name in names if not now.node(name).initialized]
            if not missing:
                return Reached()
            dead = first_dead(missing, now)
            if dead is not None:
                return dead
            return NotYet(f"{len(names) - len(missing)} of {len(names)} nodes, missing {', '.join(missing)}")

        return check

    def limits(_now: NetworkState, facts: NetworkFacts) -> Limits:
        # Nobody initialises before genesis, and a late-comer may need a slot to find its peers.
        return limits_for_start(facts.boot_allowance, slots=(2, 4))

    return WaitCondition(f"{counted(len(names), 'node')} to initialise", begin, limits)
