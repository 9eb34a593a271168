"""An archive that a test fills itself, and the node that it is beside."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from tests.coda_daemon.archive.chains import GENESIS, diffs

from coda_daemon.archive.archive import Archive
from coda_daemon.archive.block_diff import genesis_diff
from coda_daemon.archive.schema import schema
from coda_daemon.consensus.building import Built
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role
from coda_executive.engines.simulation.archives import SimulatedArchiveStore
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.archive import Replay
from coda_executive.interfaces.node import Node


class FilledArchive:
    """Satisfies NodeArchive."""

    address = "10.0.0.1:3086"
    is_running = True

    def __init__(self, store: SimulatedArchiveStore) -> None:
        self._store = store
        self.archive = Archive(store, k=2)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def fill(self, *blocks: Built) -> None:
        for diff in (genesis_diff(GENESIS), *diffs(blocks)):
            await self.archive.add(diff)

    async def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        try:
            return await self._store.fetch(sql, *values)
        except OSError as error:
            raise RequestFailed(str(error), definite=True) from error

    async def replay(self, state_hash: str) -> Replay:
        raise NotImplementedError


class ArchiveNode:
    """Satisfies Archived."""

    id = NodeId("archive-node-1")
    role = Role.ARCHIVE_NODE

    def __init__(self, archive: FilledArchive | None) -> None:
        self.archive = archive

    @property
    def as_node(self) -> Node:
        return cast(Node, self)


@contextmanager
def filled_archive() -> Iterator[FilledArchive]:
    """An archive without a block, whose tables are there."""
    store = SimulatedArchiveStore()
    store._connection.executescript(schema("sqlite"))
    try:
        yield FilledArchive(store)
    finally:
        store.discard()
