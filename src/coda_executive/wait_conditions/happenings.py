"""Waiting for something that is noticed at one moment: an event, a loaded frontier, a command in a block."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from coda_executive.events.event import (
    BreadcrumbAdded,
    Event,
    FrontierLoading,
    NodeInitialized,
)
from coda_executive.interfaces.client import SentCommand
from coda_executive.interfaces.node import Node
from coda_executive.observation.event_log import SeenEvent
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.chain import block_limits
from coda_executive.wait_conditions.condition import (
    Check,
    NetworkFacts,
    NotYet,
    Reached,
    Unreachable,
    Verdict,
    WaitCondition,
)
from coda_executive.wait_conditions.dead_nodes import first_dead, no_stake_online
from coda_executive.wait_conditions.limits import Limits, Span, limits_for_start
from coda_executive.wait_conditions.unread import unread_events
from coda_protocol.commands import UserCommand
from coda_protocol.hashes import StateHash

_INCLUSION_BLOCKS = 4  # a command reaches a producer within one, and a short fork may undo one or two
_MOST_NEAR_MISSES = 3
TOO_EARLY = "before this wait began"  # in a near miss that an earlier cursor would have caught
_LOADING_STEPS = {
    "disk": "Persisted_frontier_loaded",
    "fresh boot": "Persisted_frontier_fresh_boot",
    "bootstrap": "Bootstrap_complete",
}

Origin = Literal["disk", "fresh boot", "bootstrap"]


def event_to_be_seen(
    what: str, matches: Callable[[Event], bool], *, nodes: Sequence[Node] = ()
) -> WaitCondition:
    """An event for which `matches` is true, of one of these nodes or of any, noticed since the wait began.

    `what` names it, such as "a reorganisation"; the wait answers the SeenEvent. Without a better idea it may
    take 8 blocks; give limits of your own by `within`.
    """
    names = tuple(node.id for node in nodes)

    def is_it(seen: SeenEvent) -> bool:
        return (not names or seen.node in names) and matches(seen.event)

    def begin(before: NetworkState, _facts: NetworkFacts) -> Check:
        unread = unread_events(before.events.end)
        found: SeenEvent | None = None

        def check(now: NetworkState) -> Verdict:
            nonlocal found
            found = found or next((seen for seen in unread(now) if is_it(seen)), None)
            if found is not None:
                return Reached(found)
            dead = [verdict for verdict in (first_dead([name], now) for name in names) if verdict]
            if dead and len(dead) == len(names):
                return dead[0]
            return NotYet("not seen")

        return check

    def near_misses(before: NetworkState, now: NetworkState) -> tuple[str, ...]:
        earlier = [seen for seen in before.events if seen.time_ns <= before.time_ns and is_it(seen)]
        elsewhere = [seen for seen in now.events.since(before.events.end) if matches(seen.event)]
        return (
            *(f"{_ago(before, seen)} at {seen.node}" for seen in earlier[-_MOST_NEAR_MISSES:]),
            *(
                f"seen at {seen.node}, but it is waited for at {', '.join(names)}"
                for seen in elsewhere[:_MOST_NEAR_MISSES]
            ),
        )

    of = f" of {', '.join(names)}" if names else ""
    return WaitCondition(f"{what}{of}", begin, block_limits(8), near_misses=near_misses)


def count_between(
    least: int,
    most: int,
    span: Span,
    what: str,
    matches: Callable[[Event], bool],
    *,
    nodes: Sequence[Node] = (),
) -> WaitCondition:
    """In this time from the wait's beginning, between `least` and `most` such events of these nodes or of any are
    noticed, both included; one too many ends the wait at once. The wait answers how many there were.
    """
    if not 0 <= least <= most:
        raise ValueError(f"expected 0 <= least <= most, found {least} and {most}")
    names = tuple(node.id for node in nodes)

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        unread = unread_events(before.events.end)
        length_ns = round(span.in_seconds(facts.constants.slot_ms) * 1e9)
        count = 0
        first_ns: int | None = None

        def check(now: NetworkState) -> Verdict:
            nonlocal count, first_ns
            first_ns = now.time_ns if first_ns is None else first_ns
            end_ns = first_ns + length_ns
            count += sum(
                (not names or seen.node in names) and seen.time_ns <= end_ns and matches(seen.event)
                for seen in unread(now)
            )
            if count > most:
                return Unreachable(f"{count} were seen, more than {most}")
            if now.time_ns < end_ns:
                return NotYet(f"{count} seen", end_ns)
            if count < least:
                return Unreachable(f"{count} were seen in {span}, fewer than {least}")
            return Reached(count)

        return check

    def limits(_now: NetworkState, _facts: NetworkFacts) -> Limits:
        # As for never_during: it takes exactly its span.
        return Limits(Span(span.slots + 1, span.seconds + 5), Span(span.slots + 2, span.seconds + 30))

    return WaitCondition(f"{least} to {most} {what} in {span}", begin, limits)


def frontier_to_be_loaded(node: Node, *, origin: Origin = "disk") -> WaitCondition:
    """This node has its transition frontier, since the wait began: from its disk (where a fresh boot has just
    put one), afresh because its disk had none, or by a bootstrap from its peers.
    """
    step = _LOADING_STEPS[origin]

    def limits(_now: NetworkState, facts: NetworkFacts) -> Limits:
        # As for initialisation: before it comes the start of a process, for a bootstrap also finding peers.
        return limits_for_start(facts.boot_allowance, slots=(3, 6))

    seen = event_to_be_seen(
        f"the frontier to be loaded ({origin})", lambda event: event == FrontierLoading(step), nodes=[node]
    )

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        inner, unread = seen.begin(before, facts), unread_events(before.events.end)
        steps: list[str] = []
        is_initialized = False

        def check(now: NetworkState) -> Verdict:
            nonlocal is_initialized
            for each in unread(now):
                if each.node == node.id:
                    is_initialized = is_initialized or isinstance(each.event, NodeInitialized)
                    if isinstance(each.event, FrontierLoading):
                        steps.append(each.event.step)
            verdict = inner(now)
            # After its own start a node has loaded its frontier before it is initialised; a bootstrap may still
            # follow, until it is at the network's best tip.
            here = now.node(node.id)
            is_over = origin != "bootstrap" or (here.height or 0) >= max(2, now.best_height)
            if isinstance(verdict, NotYet) and is_initialized and here.initialized and is_over:
                return Unreachable(f"{node.id} takes part without it; instead it had {', '.join(steps)}")
            return verdict

        return check

    return WaitCondition(seen.description, begin, limits, near_misses=seen.near_misses)


def command_to_be_included(
    command: SentCommand | UserCommand | str,
    *,
    status: Literal["Applied", "Failed"] = "Applied",
    at: Node | None = None,
) -> WaitCondition:
    """A payment or delegation is in a block of the frontier of any node, or of the node `at`, with this status.

    It is named by what a node answered, by its content (whose hash is the same whoever signs), or by its
    hash. One that was included before the wait began counts. With the other status the wait ends at once.
    The wait answers the state hash of the block.
    """
    wanted = command if isinstance(command, str) else _hash_of(command)

    def find(events: Iterator[SeenEvent]) -> Iterator[tuple[StateHash, str]]:
        for seen in events:
            if isinstance(seen.event, BreadcrumbAdded) and (at is None or seen.node == at.id):
                for name, found in seen.event.transactions:
                    if name == wanted:
                        yield seen.event.state_hash, found

    def begin(_before: NetworkState, facts: NetworkFacts) -> Check:
        unread = unread_events(0)
        included: tuple[StateHash, str] | None = None

        def check(now: NetworkState) -> Verdict:
            nonlocal included
            included = included or next(find(unread(now)), None)
            if included is not None:
                block, found = included
                if found == status:
                    return Reached(block)
                return Unreachable(f"block …{block[-6:]} includes it as {found}")
            if at is not None and (dead := first_dead([at.id], now)):
                return dead
            return no_stake_online(now, facts) or NotYet("in no block")

        return check

    def near_misses(before: NetworkState, now: NetworkState) -> tuple[str, ...]:
        blocks = [
            (seen, seen.event)
            for seen in now.events.since(before.events.end)
            if isinstance(seen.event, BreadcrumbAdded)
        ]
        others = {name: seen for seen, event in blocks for name, _status in event.transactions}
        at_other = others.pop(wanted, None)
        more = ", …" if len(others) > _MOST_NEAR_MISSES else ""
        named = ", ".join(f"…{name[-6:]}" for name in list(others)[:_MOST_NEAR_MISSES]) + more
        if blocks and not others and not at_other:
            count = len({event.state_hash for _seen, event in blocks})
            return (f"{count} blocks were added since the wait began, and none holds any command",)
        return (
            *([f"{at_other.node} has it in a block"] if at_other and at is not None else []),
            *(
                [f"{len(others)} other commands were included since the wait began: {named}"]
                if others
                else []
            ),
        )

    place = f" at {at.id}" if at is not None else ""
    return WaitCondition(
        f"command …{wanted[-6:]} to be included as {status}{place}",
        begin,
        block_limits(_INCLUSION_BLOCKS, extra_slots=1),
        near_misses=near_misses,
    )


def _hash_of(command: SentCommand | UserCommand) -> str:
    return command.hash() if isinstance(command, UserCommand) else command.hash


def _ago(before: NetworkState, seen: SeenEvent) -> str:
    return f"seen {(before.time_ns - seen.time_ns) / 1e9:.1f} s {TOO_EARLY}"
