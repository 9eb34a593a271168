"""The latest events of a run, in the order in which they were noticed, by number.

A persistent sequence like the block log: appending gives a new value and costs the same however long it is,
because all values look at one list. Of a very long run only the latest events are kept: what waits look at is
young. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import Event
from coda_executive.observation.history import EventSeen

LEAST_KEPT = 50_000  # events; up to twice as many are, so that dropping costs little


class SeenEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that was noticed of a node, `time_ns` nanoseconds after the run began."""

    node: NodeId
    event: Event
    time_ns: int


@dataclass(slots=True)
class _Kept:
    """The events from number `first` on; `times` are in nanoseconds since the run began."""

    events: list[EventSeen] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    first: int = 0

    @property
    def end(self) -> int:
        return self.first + len(self.events)


class EventLog:
    """Events by number, from 0. `end` is the number of the next one."""

    __slots__ = ("_kept", "end")

    def __init__(self) -> None:
        self._kept = _Kept()
        self.end = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventLog) and self.end == other.end and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # comparing costs too much for a key

    def __repr__(self) -> str:
        return f"<EventLog of {self.end}>"

    def __iter__(self) -> Iterator[SeenEvent]:
        return self.since(0)

    def since(self, number: int) -> Iterator[SeenEvent]:
        """The events from that number on, as far as they are kept."""
        kept = self._kept
        for position in range(max(number, kept.first), self.end):
            seen = kept.events[position - kept.first]
            yield SeenEvent(seen.node, seen.event, kept.times[position - kept.first])

    def extended(self, batches: Iterable[tuple[int, Sequence[EventSeen]]]) -> "EventLog":
        """The log with more events, those of one time together. It takes the same time however long the log is, see
        the module.
        """
        longer = EventLog.__new__(EventLog)
        kept = self._kept
        if kept.end != self.end:
            # Somebody appended to this value before: the new one gets a list of its own.
            own = max(0, self.end - kept.first)
            kept = _Kept(kept.events[:own], kept.times[:own], min(kept.first, self.end))
        longer._kept = kept
        for time_ns, seen in batches:
            kept.events.extend(seen)
            kept.times.extend([time_ns] * len(seen))
        longer.end = kept.end
        if len(kept.events) >= 2 * LEAST_KEPT:
            del kept.events[:LEAST_KEPT], kept.times[:LEAST_KEPT]
            kept.first += LEAST_KEPT
        return longer
