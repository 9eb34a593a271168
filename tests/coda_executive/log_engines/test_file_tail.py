import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.events.event import (
    DaemonEvent,
    ErrorLogged,
    SyncStatusChanged,
    UnreadableLine,
)
from coda_executive.interfaces.log_engine import Attachment, Coverage, LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet
from coda_executive.log_engines import changes, file_tail
from coda_executive.log_engines.file_tail import FileTail
from coda_protocol.structured_events import BY_NAME, SYNCED

SYNCED_LINE = (
    json.dumps({"timestamp": "T", "level": "Info", "message": "m", "event_id": SYNCED.id}).encode() + b"\n"
)
PLAIN_LINE = b'{"timestamp":"T","level":"Info","message":"plain"}\n'
SECONDS = 20


class Nodes:
    """Log files of a testnet of a given size, and what was delivered of them."""

    def __init__(self, directory: Path, count: int = 1) -> None:
        self.directory = directory
        self.ids = [NodeId(f"node-{number}") for number in range(1, count + 1)]
        self.records: list[LogRecord] = []
        self.on_record: Callable[[LogRecord], None] = lambda _record: None
        self._arrived = asyncio.Event()

    def path(self, node: NodeId) -> Path:
        return self.directory / node / "daemon.log"

    def make_directories(self) -> None:
        for node in self.ids:
            self.path(node).parent.mkdir()

    def append(self, data: bytes, node: int = 0) -> None:
        with self.path(self.ids[node]).open("ab") as file:
            file.write(data)

    def deliver(self, records: Sequence[LogRecord]) -> None:
        self.records += records
        self._arrived.set()
        for record in records:
            self.on_record(record)

    async def arrived(self, count: int) -> list[LogRecord]:
        """Wait until that many records were delivered."""
        async with asyncio.timeout(SECONDS):
            while len(self.records) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.records

    @asynccontextmanager
    async def attached(self) -> AsyncIterator[Attachment]:
        testnet = cast(Testnet, SimpleNamespace(nodes=[SimpleNamespace(id=node) for node in self.ids]))
        queries = Queries({event.name: event.id for event in BY_NAME.values()})
        engine = FileTail(self.path)
        assert engine.coverage is Coverage.ALL
        async with engine.attach(testnet, queries, self.deliver) as attachment:
            yield attachment

    def delivered(self) -> list[tuple[int, DaemonEvent]]:
        return [(record.number, record.event) for record in self.records]


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    nodes = Nodes(tmp_path)
    nodes.make_directories()
    return nodes


@pytest.fixture(params=["inotify", "polling"])
def watching(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of noticing that a file has grown."""
    if request.param == "polling":
        monkeypatch.setattr(changes.DirectoryChanges, "watch", lambda _self, _directory: False)
    else:
        # Only inotify may notice.
        monkeypatch.setattr(file_tail, "_SWEEP_SECONDS", 3600)


@pytest.mark.usefixtures("watching")
async def test_a_line_is_delivered_soon_after_it_was_written(nodes: Nodes) -> None:
    async with nodes.attached():
        nodes.append(SYNCED_LINE)
        await nodes.arrived(1)
        nodes.append(PLAIN_LINE + SYNCED_LINE)
        await nodes.arrived(2)

    offset = len(SYNCED_LINE + PLAIN_LINE)
    assert nodes.records == [
        LogRecord(nodes.ids[0], 1, 0, "T", SyncStatusChanged("SYNCED")),
        LogRecord(nodes.ids[0], 3, offset, "T", SyncStatusChanged("SYNCED")),
    ]


@pytest.mark.usefixtures("watching")
async def test_lines_from_before_attaching_are_delivered_from_byte_zero(nodes: Nodes) -> None:
    nodes.append(SYNCED_LINE * 3)
    async with nodes.attached():
        await nodes.arrived(3)

    assert [record.number for record in nodes.records] == [1, 2, 3]


async def test_a_directory_that_is_made_later_is_found(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    async with nodes.attached():
        await asyncio.sleep(0)
        nodes.make_directories()
        nodes.append(SYNCED_LINE)
        await nodes.arrived(1)


@pytest.mark.usefixtures("watching")
async def test_a_rotated_file_is_followed(nodes: Nodes) -> None:
    path = nodes.path(nodes.ids[0])
    async with nodes.attached():
        nodes.append(SYNCED_LINE)
        await nodes.arrived(1)
        path.rename(path.with_suffix(".0"))
        nodes.append(SYNCED_LINE)
        await nodes.arrived(2)

    assert [record.number for record in nodes.records] == [1, 2]


async def test_a_file_whose_time_stamp_stands_still_is_read_all_the_same(nodes: Nodes) -> None:
    """Some file systems tell times to the second or two: nobody may rely on them."""
    async with nodes.attached() as attachment:
        for number in range(1, 4):
            nodes.append(SYNCED_LINE)
            os.utime(nodes.path(nodes.ids[0]), ns=(0, 0))
            await attachment.drain()
            assert len(nodes.records) == number


async def test_drain_delivers_all_that_was_written_before_it(nodes: Nodes) -> None:
    """An error that is appended right before the end of a test belongs to that test."""
    async with nodes.attached() as attachment:
        nodes.append(PLAIN_LINE * 1000 + b'{"level":"Error","message":"late"}\n')
        await attachment.drain()
        assert nodes.delivered() == [(1001, ErrorLogged("Error", "late", None))]


async def test_a_drain_that_is_cancelled_loses_nothing(nodes: Nodes) -> None:
    async with nodes.attached() as attachment:
        nodes.append(SYNCED_LINE * 20_000)
        async with asyncio.TaskGroup() as group:
            drain = group.create_task(attachment.drain())
            await nodes.arrived(100)
            drain.cancel()
        await attachment.drain()

    assert [record.number for record in nodes.records] == list(range(1, 20_001))


async def test_garbage_is_delivered_as_unreadable_and_hides_nothing(nodes: Nodes) -> None:
    async with nodes.attached() as attachment:
        nodes.append(b"Fatal error: exception Stack_overflow\n\xff\xfe\n\n" + SYNCED_LINE)
        await attachment.drain()

    assert [(record.number, type(record.event)) for record in nodes.records] == [
        (1, UnreadableLine),
        (2, UnreadableLine),
        (4, SyncStatusChanged),
    ]


async def test_a_line_over_the_limit_is_one_unreadable_line(nodes: Nodes) -> None:
    async with nodes.attached() as attachment:
        nodes.append(b"x" * (3 << 20) + b"\n" + SYNCED_LINE)
        await attachment.drain()

    event = nodes.records[0].event
    assert isinstance(event, UnreadableLine)
    assert (event.text, event.problem) == (
        "x" * 500,
        "longer than 1048576 bytes; only its beginning was kept",
    )
    assert nodes.delivered()[1:] == [(2, SyncStatusChanged("SYNCED"))]


async def test_a_busy_file_does_not_starve_the_others(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, 50)
    nodes.make_directories()
    nodes.append(SYNCED_LINE * 50_000)
    for node in range(1, 50):
        nodes.append(SYNCED_LINE, node)
    async with nodes.attached() as attachment:
        await attachment.drain()
        first_of_others = [
            next(index for index, record in enumerate(nodes.records) if record.node == node)
            for node in nodes.ids[1:]
        ]

    # All others come after a piece or two of the busy one, not after all of it.
    assert len(nodes.records) == 50_049
    assert max(first_of_others) < 5_000


@pytest.mark.parametrize(
    "line", [SYNCED_LINE, b"x\n", b"{}\n", b"\n"], ids=["events", "garbage", "braces", "blank"]
)
async def test_other_tasks_run_while_a_flood_is_read(nodes: Nodes, line: bytes) -> None:
    """A quarter of a megabyte of the shortest lines is read in many turns of the loop."""
    turns = 0
    nodes.append(line * ((1 << 18) // len(line)))

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with nodes.attached() as attachment, asyncio.TaskGroup() as group:
        counter = group.create_task(count_turns())
        await attachment.drain()
        counter.cancel()

    assert turns >= 4


async def test_a_log_that_cannot_be_read_is_told_with_its_node(nodes: Nodes) -> None:
    nodes.path(nodes.ids[0]).mkdir()
    with pytest.raises(EngineError, match=r"cannot read the log of node-1: .*directory"):
        async with nodes.attached() as attachment:
            await attachment.drain()


async def test_cancelling_the_block_cancels_the_block(nodes: Nodes) -> None:
    async def follow() -> None:
        async with nodes.attached():
            await nodes.arrived(1)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()


def open_descriptors() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir())


async def test_nothing_stays_open_afterwards(nodes: Nodes) -> None:
    before = open_descriptors()
    async with nodes.attached() as attachment:
        nodes.append(SYNCED_LINE)
        await attachment.drain()
    assert open_descriptors() == before


async def test_without_inotify_files_are_still_followed(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr("inotify_simple.INotify.__init__", refuse)
    async with nodes.attached():
        nodes.append(SYNCED_LINE)
        await nodes.arrived(1)


WRITER = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
line = sys.argv[2].encode() + b"\\n"
for number in range(int(sys.argv[3])):
    half = len(line) // 2
    os.write(file, line[:half]); os.write(file, line[half:])
"""


@pytest.mark.real
async def test_lines_of_another_process_are_each_delivered_once(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, 3)
    nodes.make_directories()
    async with nodes.attached() as attachment:
        writers = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", "-c", WRITER, nodes.path(node), SYNCED_LINE[:-1], "3000"
            )
            for node in nodes.ids
        ]
        for writer in writers:
            async with asyncio.timeout(SECONDS):
                assert await writer.wait() == 0
        await attachment.drain()

    for node in nodes.ids:
        numbers = [record.number for record in nodes.records if record.node == node]
        assert numbers == list(range(1, 3001))
