"""Waiting for gossip to reach nodes: blocks, commands, SNARK work."""

from collections.abc import Callable, Iterable, Sequence

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BlockProduced,
    BlockReceived,
    BreadcrumbAdded,
    Event,
    SnarkWorkGossiped,
    TransactionsGossiped,
)
from coda_executive.interfaces.client import SentCommand
from coda_executive.interfaces.node import Node
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
from coda_executive.wait_conditions.dead_nodes import first_dead, no_stake_online
from coda_executive.wait_conditions.happenings import event_to_be_seen
from coda_executive.wait_conditions.limits import Limits, Span
from coda_executive.wait_conditions.unread import unread_events
from coda_protocol.commands import UserCommand
from coda_protocol.currency import Fee
from coda_protocol.hashes import StateHash

# Gossip takes well below a second; a node that missed it is sent it again after 2 s in the profile dev.
_GOSSIP_LIMITS = Limits(Span(slots=2, seconds=5), Span(slots=4, seconds=30))


def block_to_spread(nodes: Sequence[Node], *, share: float = 1.0) -> WaitCondition:
    """Some block made since the wait began was made, received or adopted by at least this share of the nodes."""
    names = frozenset(node.id for node in nodes)

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        unread = unread_events(before.events.end)
        reach: dict[StateHash, set[NodeId]] = {}

        def check(now: NetworkState) -> Verdict:
            for seen in unread(now):
                match seen.event:
                    case BlockProduced(state_hash=block) | BlockReceived(state_hash=block):
                        reach.setdefault(block, set()).add(seen.node)
                    case BreadcrumbAdded(state_hash=block):
                        reach.setdefault(block, set()).add(seen.node)
            made_since = {block.state_hash for block in now.blocks.since(len(before.blocks))}
            best = max(
                (reach.get(block, set()) & names for block in sorted(made_since)), key=len, default=set()
            )
            if best and len(best) >= share * len(names):
                return Reached()
            return no_stake_online(now, facts) or _so_far(names, best)

        return check

    return WaitCondition(
        f"a block to reach {share:.0%} of {len(names)} nodes", begin, block_limits(1, extra_slots=2)
    )


def command_to_spread(
    command: SentCommand | UserCommand, nodes: Sequence[Node], *, share: float = 1.0
) -> WaitCondition:
    """At least this share of the nodes has sent or received a payment or delegation in gossip, at any time.

    Gossip tells fee payer and nonce only. The limits are of a gossip network's repairs, not quantiles.
    """
    wanted = (str(command.fee_payer), command.nonce)

    def carries(event: Event) -> bool:
        return isinstance(event, TransactionsGossiped) and wanted in event.commands

    return _to_reach(
        f"the command with nonce {wanted[1]} of …{wanted[0][-6:]}", carries, nodes, share, others=_commands
    )


def snark_work_to_spread(prover: str, nodes: Sequence[Node], *, share: float = 1.0) -> WaitCondition:
    """At least this share of the nodes has sent or received SNARK work of this prover since the run began."""

    def carries(event: Event) -> bool:
        return isinstance(event, SnarkWorkGossiped) and event.prover == prover

    return _to_reach(f"SNARK work of …{prover[-6:]}", carries, nodes, share, others=_provers)


def snark_work_to_be_seen(
    *, prover: str | None = None, fee: Fee | None = None, nodes: Sequence[Node] = ()
) -> WaitCondition:
    """An offer of SNARK work since the wait began, of this prover and for this fee where they are given, sent or
    received by one of these nodes or by any. Limits are those of 8 blocks: work comes after blocks with transactions.
    The wait answers the SeenEvent.
    """

    def is_it(event: Event) -> bool:
        return (
            isinstance(event, SnarkWorkGossiped)
            and prover in (None, event.prover)
            and fee in (None, event.fee)
        )

    of = f" of …{prover[-6:]}" if prover else ""
    price = f" for {fee.coda}" if fee is not None else ""
    seen = event_to_be_seen(f"SNARK work{of}{price}", is_it, nodes=nodes)

    def near_misses(before: NetworkState, now: NetworkState) -> tuple[str, ...]:
        others = {
            f"SNARK work of …{found.event.prover[-6:]} for {found.event.fee.coda} was offered, another one": None
            for found in now.events.since(before.events.end)
            if isinstance(found.event, SnarkWorkGossiped) and not is_it(found.event)
        }
        return (*seen.near_misses(before, now), *list(others)[:_MOST_OTHERS])

    return WaitCondition(seen.description, seen.begin, seen.limits, near_misses=near_misses)


_MOST_OTHERS = 3


def _to_reach(
    what: str,
    carries: Callable[[Event], bool],
    nodes: Sequence[Node],
    share: float,
    others: Callable[[Iterable[Event]], tuple[str, ...]],
) -> WaitCondition:
    names = frozenset(node.id for node in nodes)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        unread = unread_events(0)
        reached: set[NodeId] = set()

        def check(now: NetworkState) -> Verdict:
            reached.update(seen.node for seen in unread(now) if carries(seen.event))
            found = reached & names
            if len(found) >= share * len(names):
                return Reached()
            # As many as may be missing may be dead.
            alive = [name for name in sorted(names - found) if first_dead([name], now) is None]
            if len(found) + len(alive) < share * len(names):
                dead = next(name for name in sorted(names - found) if name not in alive)
                return first_dead([dead], now) or _so_far(names, found)
            return _so_far(names, found)

        return check

    def near_misses(before: NetworkState, now: NetworkState) -> tuple[str, ...]:
        return others(seen.event for seen in now.events.since(before.events.end))

    return WaitCondition(
        f"{what} to reach {share:.0%} of {len(names)} nodes",
        begin,
        lambda _now, _facts: _GOSSIP_LIMITS,
        near_misses=near_misses,
    )


def _so_far(names: frozenset[NodeId], reached: set[NodeId]) -> NotYet:
    missing = ", ".join(sorted(names - reached))
    return NotYet(f"{len(reached)} of {len(names)} nodes, missing {missing}")


def _commands(events: Iterable[Event]) -> tuple[str, ...]:
    found = {
        f"the command with nonce {nonce} of …{payer[-6:]} was gossiped": None
        for event in events
        if isinstance(event, TransactionsGossiped)
        for payer, nonce in event.commands
    }
    return tuple(found)[:_MOST_OTHERS]


def _provers(events: Iterable[Event]) -> tuple[str, ...]:
    found = {
        f"SNARK work of …{event.prover[-6:]} was gossiped": None
        for event in events
        if isinstance(event, SnarkWorkGossiped)
    }
    return tuple(found)[:_MOST_OTHERS]
