"""The simulation's log engine: lines come straight from the nodes' consoles."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import PlainMessage
from coda_executive.events.parse import Parser
from coda_executive.interfaces.log_engine import Attachment, Coverage, LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet


class SimulatedLogEngine:
    """Satisfies LogEngine, and Attachment for its one attachment. Lines written while nobody is attached go
    to the files only.
    """

    def __init__(self) -> None:
        self._lines: deque[tuple[NodeId, int, int, bytes, bytes | None]] = deque()
        self._written = asyncio.Event()
        self._parser: Parser | None = None
        self._deliver: Callable[[LogRecord], None] | None = None

    @property
    def coverage(self) -> Coverage:
        return Coverage.ALL

    def take(self, node: NodeId, number: int, offset: int, line: bytes, likeness: bytes | None) -> None:
        """Called by the nodes' logs. The line is delivered later in the same instant, outside of the
        daemon's step.
        """
        if self._deliver is not None:
            if not self._lines:
                self._written.set()
            self._lines.append((node, number, offset, line, likeness))

    def attach(
        self, testnet: Testnet, queries: Queries, deliver: Callable[[LogRecord], None]
    ) -> AbstractAsyncContextManager[Attachment]:
        """An error of `deliver` ends the block."""
        return self._attached(Parser(queries.event_ids), deliver)

    def follow(self, node: NodeId) -> None:
        """Nothing to do: all logs lead here."""

    async def drain(self) -> None:
        self.deliver_all()

    def deliver_all(self) -> None:
        """Deliver what was written so far: before a node's end is told, its last lines are."""
        lines = self._lines
        while lines and self._deliver is not None:
            node, number, offset, line, likeness = lines.popleft()
            assert self._parser is not None
            timestamp, event = self._parser.parse_alike(line, likeness)
            if type(event) is not PlainMessage:
                self._deliver(LogRecord(node, number, offset, timestamp, event))

    @asynccontextmanager
    async def _attached(
        self, parser: Parser, deliver: Callable[[LogRecord], None]
    ) -> AsyncIterator[Attachment]:
        self._parser, self._deliver = parser, deliver
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                delivering = group.create_task(self._deliver_as_written(), name="deliver log lines")
                yield self
                delivering.cancel()
        except BaseExceptionGroup as errors:
            if len(errors.exceptions) > 1:
                raise
            failure = errors.exceptions[0]
        finally:
            self._parser = self._deliver = None
            self._lines.clear()
        if failure is not None:
            raise failure  # the body's own error reaches its caller as it is, not as a member of our group

    async def _deliver_as_written(self) -> None:
        while True:
            await self._written.wait()
            self._written.clear()
            self.deliver_all()
