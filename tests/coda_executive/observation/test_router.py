import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.events.event import (
    DaemonEvent,
    ErrorLogged,
    NodeInitialized,
    NodeStarted,
    SyncStatusChanged,
    UnreadableLine,
)
from coda_executive.interfaces.log_engine import LogRecord
from coda_executive.observation.history import (
    EventSeen,
    HistoryEntry,
    HistoryReader,
    HistoryRecord,
    HistoryWriter,
    SectionBegan,
)
from coda_executive.observation.network_state import NetworkState, apply
from coda_executive.observation.router import Observation, Router

NODE = NodeId("node-1")
STARTED = NodeStarted(fresh_state=True)
ERROR = ErrorLogged("Error", "disk on fire", None)


def line(number: int, event: DaemonEvent) -> LogRecord:
    return LogRecord(NODE, number, 100 * number, None, event)


class Run:
    """A router on a history in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.recorded: list[HistoryRecord] = []
        self.history = HistoryWriter(directory)
        self.router = Router(self.history, observer=self.recorded.append)

    def read(self) -> list[HistoryEntry]:
        return list(HistoryReader(self.directory))


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    run = Run(tmp_path / "history")
    with run.history:
        yield run


async def next_timers() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_log_lines_and_life_cycle_enter_one_stream(run: Run) -> None:
    run.router.publish(NODE, STARTED)
    run.router.deliver((line(7, NodeInitialized()),))
    run.history.close()

    seen = [EventSeen(NODE, STARTED), EventSeen(NODE, NodeInitialized(), 7, 700)]
    assert [entry.record for entry in run.read()] == seen
    assert run.recorded == seen


async def test_the_state_is_up_to_date_when_a_subscriber_is_called(run: Run) -> None:
    seen: list[tuple[int, NodeId, bool]] = []
    run.router.subscribe(lambda one: seen.append((one.index, one.node, run.router.state.node(NODE).running)))

    run.router.publish(NODE, STARTED)

    assert seen == [(0, NODE, True)]


async def test_a_subscriber_can_end_its_subscription_while_it_is_called(run: Run) -> None:
    seen: list[str] = []

    def once(_observation: Observation) -> None:
        seen.append("once")
        end()

    end = run.router.subscribe(once)
    run.router.subscribe(lambda _observation: seen.append("always"))
    run.router.publish(NODE, STARTED)
    run.router.publish(NODE, STARTED)

    assert seen == ["once", "always", "always"]


async def test_a_subscriber_sees_only_what_comes_after_it(run: Run) -> None:
    run.router.publish(NODE, STARTED)
    seen: list[Observation] = []
    run.router.subscribe(seen.append)
    run.router.deliver((line(1, NodeInitialized()),))

    assert [one.event for one in seen] == [NodeInitialized()]


async def test_a_touch_shows_the_last_observation_again(run: Run) -> None:
    seen: list[int] = []
    run.router.subscribe(lambda one: seen.append(one.index))
    run.router.touch()
    run.router.publish(NODE, STARTED)
    run.router.touch()

    assert seen == [0, 0]


async def test_a_cursor_keeps_the_state_of_its_moment(run: Run) -> None:
    run.router.publish(NODE, STARTED)
    cursor = run.router.cursor()
    run.router.deliver((line(1, NodeInitialized()),))

    assert (cursor.index, cursor.state.node(NODE).initialized) == (1, False)
    assert run.router.state.node(NODE).initialized


async def test_the_state_can_be_folded_again_from_the_history(run: Run) -> None:
    run.router.publish(NODE, STARTED)
    for number in range(1000):
        run.router.deliver((line(number, ERROR),))
    run.router.deliver((line(1001, SyncStatusChanged("SYNCED")),))
    run.history.close()

    state = NetworkState()
    for entry in run.read():
        assert isinstance(entry.record, EventSeen)
        seen = entry.record
        state = apply(state, seen.node, seen.event, time_ns=entry.time_ns, times=seen.times)

    assert state == run.router.state
    assert state.node(NODE).errors[ERROR] == 1000


async def test_a_hundred_thousand_equal_error_lines_make_a_handful_of_entries(run: Run) -> None:
    for number in range(1, 100_001):
        run.router.deliver((line(number, ERROR),))
        run.router.deliver((line(number, UnreadableLine("x", "y")),))
    run.router.record(SectionBegan(("last",), hard=False))

    errors = [record for record in run.recorded if isinstance(record, EventSeen) and record.event == ERROR]
    assert len(errors) < 40
    assert sum(one.times for one in errors) == 100_000
    assert errors[-1].line == 100_000
    assert run.router.state.node(NODE).errors[ERROR] == 100_000
    assert run.router.state.node(NODE).unreadable_lines == 100_000


async def test_the_first_error_lines_are_told_at_once_and_one_by_one(run: Run) -> None:
    seen: list[Observation] = []
    run.router.subscribe(seen.append)
    for number in range(16):
        run.router.deliver((line(number, ERROR),))
        assert len(seen) == number + 1


async def test_a_section_is_on_disk_with_all_before_it(run: Run) -> None:
    run.router.publish(NODE, STARTED)
    run.router.record(SectionBegan(("first",), hard=True))

    assert [entry.record for entry in run.read()] == [
        EventSeen(NODE, STARTED),
        SectionBegan(("first",), hard=True),
    ]


async def test_what_was_observed_is_on_disk_a_second_later(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    real = loop.call_later

    def call_at_once(delay: float, callback: object, *args: object) -> asyncio.TimerHandle:
        delays.append(delay)
        return real(0, callback, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_later", call_at_once)
    for number in range(20):
        run.router.deliver((line(number, ERROR),))
    await next_timers()

    assert delays[0] <= 1
    records = [entry.record for entry in run.read()]
    assert sum(record.times for record in records if isinstance(record, EventSeen)) == 20


async def test_a_failing_disk_is_told_once_and_the_run_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(_file: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(EngineError, match="No space left"):
        run.router.record(SectionBegan(("first",), hard=True))
    run.router.record(SectionBegan(("second",), hard=True))
    run.router.publish(NODE, STARTED)

    assert run.router.state.node(NODE).running


async def test_a_failure_of_the_timely_flush_is_told_by_the_next_call(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    real = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda _delay, callback, *args: real(0, callback, *args))
    monkeypatch.setattr(os, "write", lambda _file, _data: os.lseek(-1, 0, 0))
    run.router.publish(NODE, STARTED)
    await next_timers()

    with pytest.raises(EngineError, match="Bad file descriptor"):
        run.router.publish(NODE, STARTED)


async def test_time_counts_from_the_beginning_of_the_run(run: Run) -> None:
    first = run.router.now_ns()
    run.router.publish(NODE, STARTED)
    run.history.close()

    assert 0 <= first <= run.read()[0].time_ns <= run.router.now_ns()
