"""The event log is persistent, and forgets the oldest events of a very long run."""

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import NodeInitialized
from coda_executive.observation import event_log
from coda_executive.observation.event_log import EventLog
from coda_executive.observation.history import EventSeen


def seen(number: int) -> tuple[tuple[int, tuple[EventSeen]]]:
    return ((number, (EventSeen(NodeId("seed-1"), NodeInitialized()),)),)


def times(log: EventLog, since: int = 0) -> list[int]:
    return [each.time_ns for each in log.since(since)]


def log_of(*numbers: int) -> EventLog:
    log = EventLog()
    for number in numbers:
        log = log.extended(seen(number))
    return log


def test_appending_leaves_the_old_value_as_it_was() -> None:
    old = log_of(1, 2)
    new = old.extended(seen(3))

    assert (times(old), times(new), times(new, since=2)) == ([1, 2], [1, 2, 3], [3])
    assert old != new


def test_two_futures_of_one_value_do_not_mix() -> None:
    old = log_of(1)
    one, other = old.extended(seen(2)), old.extended(seen(3))

    assert (times(one), times(other)) == ([1, 2], [1, 3])
    assert other == log_of(1, 3)


def test_only_the_latest_are_kept_and_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "LEAST_KEPT", 10)

    log = log_of(*range(35))

    assert log.end == 35
    assert times(log) == list(range(20, 35))
    assert times(log, since=30) == list(range(30, 35))
    assert times(log, since=5)[0] == 20
