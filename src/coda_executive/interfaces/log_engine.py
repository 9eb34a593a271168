"""Turns what nodes write into events."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import DaemonEvent
from coda_executive.interfaces.testnet import Testnet


class Coverage(StrEnum):
    ALL = "all lines"
    MATCHING = "matching lines"


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """One observed line: `number` counts the node's lines from 1, `offset` is where it begins in the node's
    log, in bytes.

    `timestamp` is the daemon's own text, or None for a line without one.
    """

    node: NodeId
    number: int
    offset: int
    timestamp: str | None
    event: DaemonEvent


# Takes lines in, in the order in which they were read. It is called on the event loop and must not block.
Deliver = Callable[[Sequence[LogRecord]], None]


@dataclass(frozen=True, slots=True)
class Queries:
    """Which events are wanted: structured event ids by name, as the daemon's build numbers them.

    Error lines and unreadable lines are always delivered.
    """

    event_ids: Mapping[str, str]


class Attachment(Protocol):
    """A log engine at work."""

    def follow(self, node: NodeId) -> None:
        """Follow one more node from its first line on, which is not written yet."""

    async def drain(self) -> None:
        """Return once every line that was written before this call has been delivered, unfinished last lines
        included.
        """


class LogEngine(Protocol):
    """Delivers each line once, in order per node, numbered from the daemon's first line over all its
    restarts.
    """

    @property
    def coverage(self) -> Coverage: ...

    def attach(
        self, testnet: Testnet, queries: Queries, deliver: Deliver
    ) -> AbstractAsyncContextManager[Attachment]:
        """Follow all nodes for the length of a block; `deliver` is given lines as they come, several at once."""
