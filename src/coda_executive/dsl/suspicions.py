"""What the evidence says about why a wait did not come true: which stage of the way of a block did not work. Pure.

A block is drawn, made, received, added to a frontier, and chosen for the best tip. The first of these that never
happened in the time of a wait, although the one before it did, is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    BlockReceived,
    BreadcrumbAdded,
    FrontierChanged,
    FrontierLoading,
    NodeInitialized,
)
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.condition import NetworkFacts
from coda_executive.wait_conditions.limits import SOFT_FALSE_ALARM, fill_probability
from coda_protocol.hashes import StateHash

_ENOUGH_BLOCKS = 2  # of which a node had to make something, before it is suspected


@dataclass(slots=True)
class _Seen:
    """What was seen of one node since the wait began."""

    received: set[StateHash] = field(default_factory=set)
    added: set[StateHash] = field(default_factory=set)
    made: set[StateHash] = field(default_factory=set)
    steps: list[str] = field(default_factory=list)
    tip_changed: bool = False
    initialized_ns: int = 0
    made_ns: int = 0


def suspicions(before: NetworkState, now: NetworkState, facts: NetworkFacts) -> tuple[str, ...]:
    """A sentence on each stage that did not work between these two states; most often none or one."""
    seen = _gather(before, now)
    running = {name: found for name, found in seen.items() if now.node(name).takes_part}
    made = set[StateHash]().union(*(found.made for found in seen.values()))
    network = _of_the_network(before, now, facts, seen, made)
    return network or tuple(line for name in running for line in _of_node(name, seen, made))


def _gather(before: NetworkState, now: NetworkState) -> Mapping[NodeId, _Seen]:
    seen = {name: _Seen() for name in now.names}
    for each in now.events.since(before.events.end):
        found = seen[each.node]
        match each.event:
            case BlockProduced(state_hash=block):
                found.made.add(block)
                found.made_ns = each.time_ns
            case BlockReceived(state_hash=block):
                found.received.add(block)
            case BreadcrumbAdded(state_hash=block):
                found.added.add(block)
            case FrontierChanged(best_tip=str()) | BestTipFormed(added=(_, *_)):
                found.tip_changed = True
            case FrontierLoading(step=step):
                found.steps.append(step)
            case NodeInitialized():
                found.initialized_ns = each.time_ns
            case _:
                pass
    return seen


def _of_the_network(
    before: NetworkState,
    now: NetworkState,
    facts: NetworkFacts,
    seen: Mapping[NodeId, _Seen],
    made: set[StateHash],
) -> tuple[str, ...]:
    if len(made) >= _ENOUGH_BLOCKS and not any(found.tip_changed for found in seen.values()):
        return (f"{len(made)} blocks were made, and no node took any of them for its best tip",)
    online = facts.online_stake(now)
    began = [found.initialized_ns for name, found in seen.items() if name in facts.stake]
    last_block = [found.made_ns for found in seen.values()]
    slots = (now.time_ns - max([before.time_ns, *began, *last_block])) / 1e6 / facts.constants.slot_ms
    if online and (1 - fill_probability(online)) ** slots < SOFT_FALSE_ALARM:
        return (
            f"no block was made in the last {slots:.0f} slots, although {online:.0%} of the stake is online: the "
            f"slot lottery or the block producers do not work",
        )
    return ()


def _of_node(name: NodeId, seen: Mapping[NodeId, _Seen], made: set[StateHash]) -> Sequence[str]:
    found = seen[name]
    others = made - found.made
    known = found.received | found.added
    loaded = f" (its frontier since then: {', '.join(found.steps)})" if found.steps else ""
    if len(others) >= _ENOUGH_BLOCKS and not known & others:
        return (f"{name} received none of the {len(others)} blocks that others made{loaded}",)
    if len(found.received) >= _ENOUGH_BLOCKS and not found.added - found.made:
        return (
            f"{name} received {len(found.received)} blocks and added none of them to its frontier{loaded}",
        )
    if len(found.added) >= _ENOUGH_BLOCKS and not found.tip_changed:
        return (
            f"{name} added {len(found.added)} blocks to its frontier and took none for its best tip{loaded}",
        )
    unheard = [
        maker
        for maker, its in seen.items()
        if maker != name and len(its.made) >= _ENOUGH_BLOCKS and not its.made & known
    ]
    return [f"{name} received no block of {', '.join(unheard)}"] if unheard else ()
