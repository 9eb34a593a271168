"""Events that a check has not looked at yet."""

from collections.abc import Callable, Iterator

from coda_executive.observation.event_log import SeenEvent
from coda_executive.observation.network_state import NetworkState


def unread_events(first: int) -> Callable[[NetworkState], Iterator[SeenEvent]]:
    """Answers, at each call, the events from that number on which it has not answered yet."""
    position = first

    def unread(now: NetworkState) -> Iterator[SeenEvent]:
        nonlocal position
        start, position = position, now.events.end
        return now.events.since(start)

    return unread
