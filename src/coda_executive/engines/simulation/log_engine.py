"""The simulation's log engine: lines come straight from the nodes' consoles."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import copy_context
from functools import partial

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
        self._deliver_soon: Callable[[], object] | None = None
        self._parser: Parser | None = None
        self._deliver: Deliver | None = None

    @property
    def coverage(self) -> Coverage:
        return Coverage.ALL

    def take(self, node: NodeId, number: int, offset: int, line: EncodedLine) -> None:
        """Called by the nodes' logs. The line is delivered later in the same instant, outside of the
        daemon's step.
        """
        if self._deliver_soon is not None:
            if not self._lines:
                self._deliver_soon()
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
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[None] = loop.create_future()
        # From a callback, which takes half of the steps of a task; in this context, for a writer may be frozen.
        self._deliver_soon = partial(loop.call_soon, self._deliver_written, failed, context=copy_context())
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                delivering = group.create_task(_raised(failed), name="deliver log lines")
                yield self
                delivering.cancel()
        except BaseExceptionGroup as errors:
            if len(errors.exceptions) > 1:
                raise
            failure = errors.exceptions[0]
        finally:
            self._parser = self._deliver = self._deliver_soon = None
            self._lines.clear()
        if failure is not None:
            raise failure  # the body's own error reaches its caller as it is, not as a member of our group

    def _deliver_written(self, failed: asyncio.Future[None]) -> None:
        if failed.done():
            return
        try:
            self.deliver_all()
        except Exception as error:  # noqa: BLE001  it ends the block
            failed.set_exception(error)


async def _raised(failed: asyncio.Future[None]) -> None:
    await failed
