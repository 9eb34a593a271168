"""The one stream of observations of a run: log lines and life-cycle events, in the order in which they were
noticed.

Each observation is written to the history and shown to the subscribers, in this order and before anything else
happens. It is folded into the network's state when somebody asks for that, or when many wait to be. Lines that repeat
without end are thinned out, but always counted.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.events.event import DaemonEvent, ErrorLogged, Event, LifecycleEvent, UnreadableLine
from coda_executive.interfaces.log_engine import LogRecord
from coda_executive.observation.history import EventSeen, HistoryRecord
from coda_executive.observation.network_state import NetworkState, apply_all

_FLUSH_SECONDS = 1.0  # the most evidence that a kill -9 may cost
_REPEATS_IN_FULL = 16  # equal lines of a node that are told one by one
_MOST_DISTINCT_REPEATS = 1000  # lines that are watched for repetition

_MOST_UNFOLDED = 64  # times at which something was observed

_REPEATABLE = (ErrorLogged, UnreadableLine)

Subscriber = Callable[["Observation"], None]


class Observation(msgspec.Struct, frozen=True, gc=False):
    """One thing noticed: the `index`-th of the run, `time_ns` nanoseconds after its beginning."""

    index: int
    time_ns: int
    seen: EventSeen

    @property
    def node(self) -> NodeId:
        return self.seen.node

    @property
    def event(self) -> DaemonEvent | LifecycleEvent:
        return self.seen.event


@dataclass(frozen=True, slots=True)
class Cursor:
    """A point in the stream: before the observation of that index, when the network was in that state."""

    index: int
    state: NetworkState


@dataclass(slots=True)
class _Repeats:
    """How often a node wrote one line: in all, and since it was told last; `last` is where."""

    total: int = 0
    untold: int = 0
    last: EventSeen | None = None


class History(Protocol):
    """Where the router writes: a `HistoryWriter`, or what stands for it."""

    def extend(self, time_ns: int, records: Sequence[HistoryRecord]) -> None:
        """Raises EngineError."""

    def flush(self) -> None:
        """Raises EngineError."""

    def before_close(self, callback: Callable[[], None]) -> None:
        """Have a function called before it closes."""


class Router:
    """Takes observations in and hands them on. Make it on the event loop of the run, and use it only there.

    `observer` is told everything that goes into the history. `publish`, `deliver` and `record` raise
    EngineError, once, when the history cannot be written.
    """

    def __init__(self, history: History, *, observer: Callable[[HistoryRecord], None]) -> None:
        self._history = history
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._seconds, self._ns = 0.0, 0  # the loop's time when it was asked last
        self._began_ns = self._loop_ns()
        self._state = NetworkState()
        self._unfolded: list[tuple[int, Sequence[EventSeen]]] = []  # since that state, by time
        self._index = 0
        self._last: tuple[EventSeen, int] | None = None  # and when it was seen
        self._subscribers: dict[int, Subscriber] = {}
        self._interests: dict[int, tuple[type, ...]] = {}  # of those that want some kinds of event only
        self._told: dict[type, tuple[tuple[int, Subscriber], ...]] = {}  # subscribers by kind, as it comes up
        self._subscriptions = 0
        self._repeats: dict[tuple[NodeId, DaemonEvent | LifecycleEvent], _Repeats] = {}
        self._flush_timer: asyncio.TimerHandle | None = None
        self._failure: EngineError | None = None
        self._follower: Callable[[int, Sequence[HistoryRecord]], None] | None = None
        history.before_close(self._close)

    @property
    def state(self) -> NetworkState:
        """What is known of the network now: a value, it does not change."""
        if self._unfolded:
            self._fold()
        return self._state

    def now_ns(self) -> int:
        """Nanoseconds since the run began."""
        return self._loop_ns() - self._began_ns

    def cursor(self) -> Cursor:
        return Cursor(self._index, self.state)

    def publish(self, node: NodeId, event: LifecycleEvent) -> None:
        """Take in what the manager noticed."""
        self._take_one(EventSeen(node, event), self.now_ns())
        self._raise_failure()

    def deliver(self, records: Iterable[LogRecord]) -> None:
        """Take in log lines."""
        now = self.now_ns()
        unshown: list[EventSeen] = []  # to be taken in together
        for record in records:
            seen = EventSeen(record.node, record.event, record.number, record.offset)
            kind = type(record.event)
            if kind in _REPEATABLE:
                self._take(unshown, now)
                unshown = []
                self._count(seen, now)
                continue
            unshown.append(seen)
            if self._subscribers_of(kind):
                self._take(unshown, now)
                unshown = []
                self._notify(seen, now)
        self._take(unshown, now)
        if self._failure is not None:
            self._raise_failure()

    def record(self, record: HistoryRecord) -> None:
        """Note a section or a wait in the history, and make sure that everything before it is on disk."""
        self._settle()
        self.note(record)
        self._flush()
        self._raise_failure()

    def note(self, record: HistoryRecord) -> None:
        """Put a record into the history, also from within a subscriber: nothing is shown to anybody. A history
        that cannot be written is told to the next caller who can hear it.
        """
        self._write((record,), self.now_ns())

    def follow(self, follower: Callable[[int, Sequence[HistoryRecord]], None]) -> None:
        """Have the history from now on shown to a function, as it is written: a time in nanoseconds, and what happened
        then. There is one at most.
        """
        self._follower = follower

    def subscribe(
        self, subscriber: Subscriber, kinds: tuple[type[Event], ...] | None = None
    ) -> Callable[[], None]:
        """Have each observation from now on shown to a function, after the state was brought up to date; with
        `kinds`, only those of events of such a kind.

        Answers the function that ends it. Subscribers are called in the order of their subscription, on the
        spot: they must not block, and may subscribe, unsubscribe and read the state.
        """
        self._subscriptions += 1
        number = self._subscriptions
        self._subscribers[number] = subscriber
        if kinds is not None:
            self._interests[number] = kinds
        self._told.clear()

        def unsubscribe() -> None:
            self._subscribers.pop(number, None)
            self._interests.pop(number, None)
            self._told.clear()

        return unsubscribe

    def touch(self) -> None:
        """Show the last observation to all subscribers again, since something else that they look at has
        changed.
        """
        if self._last is not None:
            self._notify(*self._last)

    def _take_one(self, seen: EventSeen, now: int) -> None:
        self._take((seen,), now)
        if self._subscribers_of(type(seen.event)):
            self._notify(seen, now)

    def _take(self, seen: Sequence[EventSeen], now: int) -> None:
        """Take in observations of which at most the last is to be shown to somebody, by the caller."""
        if not seen:
            return
        self._unfolded.append((now, seen))
        if len(self._unfolded) >= _MOST_UNFOLDED:
            self._fold()
        self._last = seen[-1], now
        self._index += len(seen)
        self._write(seen, now)

    def _fold(self) -> None:
        self._state = apply_all(self._state, self._unfolded)
        self._unfolded.clear()

    def _notify(self, seen: EventSeen, time_ns: int) -> None:
        observation = Observation(self._index - 1, time_ns, seen)
        for number, subscriber in self._subscribers_of(type(seen.event)):
            if number in self._subscribers:  # nobody before it in the row has ended it
                subscriber(observation)

    def _subscribers_of(self, kind: type) -> tuple[tuple[int, Subscriber], ...]:
        told = self._told.get(kind)
        if told is None:
            told = self._told[kind] = tuple(
                (number, subscriber)
                for number, subscriber in self._subscribers.items()
                if kind in self._interests.get(number, (kind,))
            )
        return told

    def _count(self, seen: EventSeen, now: int) -> None:
        """Take in a line that may be repeated without end."""
        repeats = self._repeats_of(seen)
        if repeats is None:
            self._take_one(seen, now)
            return
        repeats.total += 1
        repeats.untold += 1
        repeats.last = seen
        # After the first few, the 32nd, 64th, 128th… stand for those before them.
        if repeats.total <= _REPEATS_IN_FULL or repeats.total.bit_count() == 1:
            self._tell(repeats)

    def _repeats_of(self, seen: EventSeen) -> _Repeats | None:
        """The count of an equal line's repetitions; None when too many different ones are counted already."""
        key = (seen.node, seen.event)
        repeats = self._repeats.get(key)
        if repeats is None and len(self._repeats) < _MOST_DISTINCT_REPEATS:
            repeats = self._repeats[key] = _Repeats()
        return repeats

    def _tell(self, repeats: _Repeats) -> None:
        last, times = repeats.last, repeats.untold
        assert last is not None
        repeats.untold = 0
        self._take_one(EventSeen(last.node, last.event, last.line, last.offset, times), self.now_ns())

    def _settle(self) -> None:
        """Tell what was held back of repeated lines."""
        for repeats in list(self._repeats.values()):
            if repeats.untold:
                self._tell(repeats)

    def _write(self, records: Sequence[HistoryRecord], time_ns: int) -> None:
        try:
            self._history.extend(time_ns, records)
        except EngineError as error:
            self._failure = error
        if self._follower is not None:
            self._follower(time_ns, records)
        if self._flush_timer is None:
            self._flush_timer = self._loop.call_later(_FLUSH_SECONDS, self._flush_timely)
        for record in records:
            self._observer(record)

    def _flush_timely(self) -> None:
        self._flush_timer = None
        self._settle()
        self._flush()

    def _flush(self) -> None:
        try:
            self._history.flush()
        except EngineError as error:
            self._failure = error

    def _close(self) -> None:
        self._settle()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _loop_ns(self) -> int:
        # Exact for the first hundred days: a float of seconds has more than nanosecond precision until then.
        seconds = self._loop.time()
        if seconds != self._seconds:
            self._seconds, self._ns = seconds, round(seconds * 1_000_000_000)
        return self._ns
