"""A log engine that plays a script into a run: lines or events, each at its time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import DaemonEvent, PlainMessage
from coda_executive.events.parse import Parser
from coda_executive.interfaces.log_engine import Attachment, Coverage, Deliver, LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet

Played = DaemonEvent | bytes


class ScriptedLogEngine:
    """Satisfies LogEngine, and Attachment for its one attachment.

    `script` has (seconds since the attachment, node, event or line), in any order. A line is parsed as a
    daemon's would be; an event stands for a line of one byte. `write` adds what is written now.
    """

    def __init__(self, script: Iterable[tuple[float, str, Played]] = ()) -> None:
        self._to_come = sorted(script, key=lambda entry: entry[0])
        self._written: list[tuple[NodeId, int, int, Played]] = []
        self._places: dict[NodeId, tuple[int, int]] = {}
        self._parser: Parser | None = None
        self._deliver: Deliver | None = None
        self._has_news = asyncio.Event()

    @property
    def coverage(self) -> Coverage:
        return Coverage.ALL

    def write(self, node: str, *played: Played) -> None:
        """Have a node write these now; before the attachment they wait for it."""
        name = NodeId(node)
        for one in played:
            number, offset = self._places.get(name, (1, 0))
            self._written.append((name, number, offset, one))
            self._places[name] = number + 1, offset + (len(one) if isinstance(one, bytes) else 0) + 1
        self._has_news.set()

    def attach(
        self, testnet: Testnet, queries: Queries, deliver: Deliver
    ) -> AbstractAsyncContextManager[Attachment]:
        """An error of `deliver` ends the block."""
        return self._attached(Parser(queries.event_ids), deliver)

    def follow(self, node: NodeId) -> None:
        """Nothing to do: the script may name any node."""

    async def drain(self) -> None:
        """The script's lines that are due by now included."""
        self._write_due()
        self._deliver_written()

    @asynccontextmanager
    async def _attached(self, parser: Parser, deliver: Deliver) -> AsyncIterator[Attachment]:
        self._parser, self._deliver = parser, deliver
        self._began = asyncio.get_running_loop().time()
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._play()), group.create_task(self._deliver_news())]
                yield self
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as errors:
            if len(errors.exceptions) > 1:
                raise
            failure = errors.exceptions[0]
        finally:
            self._deliver = None
        if failure is not None:
            raise failure

    async def _play(self) -> None:
        while self._to_come:
            await asyncio.sleep(self._to_come[0][0] - self._time())
            self._write_due()

    async def _deliver_news(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            self._deliver_written()

    def _time(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    def _write_due(self) -> None:
        while self._to_come and self._to_come[0][0] <= self._time():
            _, node, played = self._to_come.pop(0)
            self.write(node, played)

    def _deliver_written(self) -> None:
        while self._written and self._deliver is not None:
            node, number, offset, played = self._written.pop(0)
            assert self._parser is not None
            timestamp, event = self._parser.parse(played) if isinstance(played, bytes) else (None, played)
            if not isinstance(event, PlainMessage):
                self._deliver((LogRecord(node, number, offset, timestamp, event),))


def read_script(path: Path, node: str) -> list[tuple[float, str, Played]]:
    """A node's log as a script, at the pace of its own time stamps from its first one on.

    A line without one, or with one that goes back, comes with the line before it.
    """
    parser = Parser({})
    script: list[tuple[float, str, Played]] = []
    first: datetime | None = None
    seconds = 0.0
    for line in path.read_bytes().split(b"\n"):
        timestamp, _ = parser.parse(line)
        try:
            moment = datetime.fromisoformat(timestamp or "")
        except ValueError:
            moment = None
        if moment is not None:
            first = first or moment
            seconds = max(seconds, (moment - first).total_seconds())
        script.append((seconds, node, line))
    if script and script[-1][2] == b"":
        script.pop()  # what follows the last newline: nothing
    return script
