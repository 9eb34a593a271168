"""When a wait cannot come true because of who is missing."""

from collections.abc import Sequence

from coda_executive.config.node_id import NodeId
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.condition import NetworkFacts, Unreachable


def first_dead(names: Sequence[NodeId], now: NetworkState) -> Unreachable | None:
    """Why the wait cannot come true, if one of these nodes has run and runs no more."""
    for name in names:
        node = now.node(name)
        if node.started and not node.running:
            return Unreachable(f"{name} is needed and does not run: {node.why_not_running}")
    return None


def no_stake_online(now: NetworkState, facts: NetworkFacts) -> Unreachable | None:
    """Why no block will ever come, if none of the block producers takes part."""
    if facts.online_stake(now) > 0:
        return None
    missing = "; ".join(f"{name}: {now.node(name).why_not_running}" for name in facts.stake)
    return Unreachable(
        f"no stake is online, so no slot will be filled ({missing or 'no block producer has any stake'})"
    )
