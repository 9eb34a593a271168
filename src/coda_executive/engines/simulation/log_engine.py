"""The simulation's log engine: lines come straight from the nodes' consoles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import PlainMessage
from coda_executive.events.parse import Parser
from coda_executive.interfaces.log_engine import Attachment, Coverage, Deliver, LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet
from coda_protocol.log_message import EncodedLine


class SimulatedLogEngine:
    """Satisfies LogEngine, and Attachment for its one attachment. Lines written while nobody is attached go
    to the files only.
    """

    def __init__(self) -> None:
        self._lines: list[tuple[NodeId, int, int, EncodedLine]] = []
        self._written = asyncio.Event()
        self._parser: Parser | None = None
        self._deliver: Deliver | None = None

    @property
    def coverage(self) -> Coverage:
        return Coverage.ALL

    def take(self, node: NodeId, number: int, offset: int, line: EncodedLine) -> None:
        """Called by the nodes' logs. The line is delivered later in the same instant, outside of the
        daemon's step.
        """
        if self._deliver is not None:
            if not self._lines:
                self._written.set()
            self._lines.append((node, number, offset, line))

    def attach(
        self, testnet: Testnet, queries: Queries, deliver: Deliver
    ) -> AbstractAsyncContextManager[Attachment]:
        """An error of `deliver` ends the block."""
        return self._attached(Parser(queries.event_ids), deliver)

    def follow(self, node: NodeId) -> None:
        """Nothing to do: all logs lead here."""

    async def drain(self) -> None:
        self.deliver_all()

    def deliver_all(self) -> None:
        """Deliver what was written so far: before a node's end is told, its last lines are."""
        while self._lines and self._deliver is not None:
            lines, self._lines = self._lines, []
            self._deliver(self._records(lines))

    def _records(self, lines: list[tuple[NodeId, int, int, EncodedLine]]) -> list[LogRecord]:
        assert self._parser is not None
        parsed = self._parser.parse_alike(line for _, _, _, line in lines)
        return [
            LogRecord(node, number, offset, timestamp, event)
            for (node, number, offset, _), (timestamp, event) in zip(lines, parsed, strict=True)
            if type(event) is not PlainMessage
        ]

    @asynccontextmanager
    async def _attached(self, parser: Parser, deliver: Deliver) -> AsyncIterator[Attachment]:
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
