"""Waiting for the chain to get somewhere: a slot, an epoch, ledger proofs, a common history, a status."""

from collections.abc import Callable, Sequence

from coda_executive.events.event import SnarkWorkGossiped
from coda_executive.interfaces.node import Node
from coda_executive.observation.block_log import BlockLog
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.chain import block_limits
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
from coda_executive.wait_conditions.limits import Limits, Span, limits_for_blocks
from coda_protocol.hashes import StateHash
from coda_protocol.slots import GlobalSlot


def slot_to_be_reached(slot: int) -> WaitCondition:
    """Some node's best tip is of this global slot since genesis, hard forks included, or a later one."""
    return _best_tip_at(f"global slot {slot}", lambda _facts: slot)


def epoch_to_be_reached(epoch: int) -> WaitCondition:
    """Some node's best tip is of this epoch or a later one; a hard fork begins epoch 0."""

    def first_slot(facts: NetworkFacts) -> int:
        return facts.constants.genesis_slot + epoch * facts.constants.slots_per_epoch

    return _best_tip_at(f"epoch {epoch}", first_slot)


def ledger_proofs_to_be_emitted(count: int, *, work_delay: int, capacity_log_2: int) -> WaitCondition:
    """Blocks with `count` different ledger proofs were made since genesis, those of short forks included.

    The first one needs (work delay + 1) · (log₂ of the capacity + 1) + 1 blocks with full work, each further
    one one block more.
    """
    needed = (work_delay + 1) * (capacity_log_2 + 1) + count

    def begin(_before: NetworkState, facts: NetworkFacts) -> Check:
        looked_at = found = 0

        def check(now: NetworkState) -> Verdict:
            nonlocal looked_at, found
            found += sum(block.emitted_proof for block in now.blocks.since(looked_at))
            looked_at = len(now.blocks)
            if found >= count:
                return Reached()
            return no_stake_online(now, facts) or NotYet(f"{found} of {count} proofs in {looked_at} blocks")

        return check

    def near_misses(_before: NetworkState, now: NetworkState) -> tuple[str, ...]:
        gossip = [seen.event for seen in now.events if isinstance(seen.event, SnarkWorkGossiped)]
        if not gossip:
            return (
                "no node offered any SNARK work: do coordinators and workers run, and are there transactions?",
            )
        pieces = len({event.work_ids for event in gossip})
        return (f"{pieces} pieces of SNARK work were offered: is the price too high for the blocks?",)

    # Work that is not finished in time leaves a block without transactions: twice the blocks.
    return WaitCondition(
        f"{counted(count, 'ledger proof')} to be emitted",
        begin,
        block_limits(2 * needed),
        near_misses=near_misses,
    )


def chains_to_agree(nodes: Sequence[Node], *, within: int = 0) -> WaitCondition:
    """The best chains of these nodes have a common beginning, beyond which none is longer than `within`
    blocks.
    """
    names = tuple(node.id for node in nodes)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        def check(now: NetworkState) -> Verdict:
            tips = {name: now.node(name).best_tip for name in names if now.node(name).initialized}
            known = [tip for tip in tips.values() if tip is not None]
            if len(known) < len(names):
                missing = [name for name in names if tips.get(name) is None]
                return first_dead(names, now) or NotYet(f"no best tip: {', '.join(missing)}")
            distance = distance_to_common_block(now.blocks, known, most=within)
            if distance is not None:
                return Reached(distance)
            heights = ", ".join(f"{name} at {now.node(name).height}" for name in names)
            return first_dead(names, now) or NotYet(f"more than {within} blocks apart: {heights}")

        return check

    return WaitCondition(
        f"the chains of {len(names)} nodes to agree but for {within} blocks",
        begin,
        block_limits(2, extra_slots=4),
    )


def distance_to_common_block(blocks: BlockLog, tips: Sequence[StateHash], *, most: int) -> int | None:
    """How many blocks the longest of these chains has beyond the last block that all share; None if it is
    more than `most`, or cannot be told.
    """
    ends = set(tips)
    distance = 0
    while len(ends) > 1:
        found = {end: blocks.find(end) for end in ends}
        known = [block for block in found.values() if block is not None]
        # Only genesis, which nobody announces, may be unknown: one of the ends at most.
        if not known or len(known) < len(ends) - 1 or distance == most:
            return None
        top = max(block.height for block in known)
        highest = {block.state_hash for block in known if block.height == top}
        ends = (ends - highest) | {block.parent for block in known if block.height == top}
        distance += 1
    return distance


def nodes_to_have_status(nodes: Sequence[Node], status: str) -> WaitCondition:
    """All these nodes say that their sync status is this one, such as "SYNCED"."""
    names = tuple(node.id for node in nodes)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        def check(now: NetworkState) -> Verdict:
            others = [name for name in names if now.node(name).sync_status != status]
            if not others:
                return Reached()
            shown = ", ".join(f"{name} is {now.node(name).sync_status or 'silent'}" for name in others)
            return first_dead(others, now) or NotYet(shown)

        return check

    return WaitCondition(
        f"{counted(len(names), 'node')} to be {status}", begin, block_limits(2, extra_slots=4)
    )


def _best_tip_at(what: str, target: Callable[[NetworkFacts], int]) -> WaitCondition:
    def begin(_before: NetworkState, facts: NetworkFacts) -> Check:
        wanted = target(facts)

        def check(now: NetworkState) -> Verdict:
            reached = _latest_slot(now, facts)
            if reached >= wanted:
                return Reached()
            return no_stake_online(now, facts) or NotYet(f"global slot {reached} of {wanted}")

        return check

    def limits(now: NetworkState, facts: NetworkFacts) -> Limits:
        left = max(0, target(facts) - _latest_slot(now, facts))
        block = limits_for_blocks(1, online_stake=facts.online_stake(now) or 1.0)
        return Limits(
            Span(left + block.soft.slots), Span(left + block.hard.slots), are_quantiles=block.are_quantiles
        )

    return WaitCondition(f"{what} to be reached", begin, limits)


def _latest_slot(now: NetworkState, facts: NetworkFacts) -> int:
    """The latest global slot among the best tips; that of genesis while none is known."""
    tips = [now.blocks.find(node.best_tip) for node in now.nodes.values() if node.best_tip is not None]
    return max(
        (tip.global_slot for tip in tips if tip is not None), default=GlobalSlot(facts.constants.genesis_slot)
    )
