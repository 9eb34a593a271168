"""A log engine for nodes whose logs are files on this machine.

Two tasks: one is woken by inotify or by a slow sweep and reads, a piece of one file at a time, whatever files
have news; the other sweeps. All reading happens under one lock, so that `drain` can read along without two
readers meeting in one file.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import chain, islice
from pathlib import Path

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.events.event import PlainMessage
from coda_executive.events.parse import Parser, unreadable
from coda_executive.interfaces.log_engine import Attachment, Coverage, Deliver, LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet
from coda_executive.log_engines.changes import DirectoryChanges
from coda_executive.log_engines.followed_file import (
    LONGEST_LINE,
    PIECE,
    FollowedFile,
    Lines,
    OverlongLine,
)

_POLLING_SECONDS = 0.1  # between two looks at a file that nothing watches
_SWEEP_SECONDS = 1.0  # between two looks at all, in case a watch missed something
_LONGEST_TURN_SECONDS = 0.002  # of the event loop before others get theirs
_LINES_AT_ONCE = 16  # are delivered between two looks at the clock


class FileTail:
    """Follows one log file per node from its first byte; `path_of` tells which, and it need not exist yet."""

    def __init__(self, path_of: Callable[[NodeId], Path]) -> None:
        self._path_of = path_of

    @property
    def coverage(self) -> Coverage:
        return Coverage.ALL

    def attach(
        self, testnet: Testnet, queries: Queries, deliver: Deliver
    ) -> AbstractAsyncContextManager[Attachment]:
        """Follow all nodes for the length of a block; see `interfaces.log_engine`.

        An error of `deliver`, or EngineError when a log cannot be read, ends the block.
        """
        paths = {node.id: self._path_of(node.id) for node in testnet.nodes}
        return _attached(paths, Parser(queries.event_ids), deliver, self._path_of)


@asynccontextmanager
async def _attached(
    paths: dict[NodeId, Path],
    parser: Parser,
    deliver: Deliver,
    path_of: Callable[[NodeId], Path],
) -> AsyncIterator["_Tail"]:
    tail = _Tail(paths, parser, deliver, path_of)
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(tail.read_news(), name="read node logs"),
                group.create_task(tail.sweep(), name="look for unnoticed log lines"),
            ]
            yield tail
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) > 1:
            raise
        failure = errors.exceptions[0]
    finally:
        tail.close()
    if failure is not None:
        # The body's own error must reach its caller as it is, not as a member of our group.
        raise failure


class _Tail:
    """All files of one testnet, being followed."""

    def __init__(
        self,
        paths: dict[NodeId, Path],
        parser: Parser,
        deliver: Deliver,
        path_of: Callable[[NodeId], Path],
    ) -> None:
        self._path_of = path_of
        self._files = {node: FollowedFile(path) for node, path in paths.items()}
        self._in_directory: dict[Path, list[NodeId]] = {}
        for node, path in paths.items():
            self._in_directory.setdefault(path.parent, []).append(node)
        self._parser = parser
        self._deliver = deliver
        self._buffer = bytearray(PIECE)
        self._turn = asyncio.Lock()
        self._under_way: dict[NodeId, Iterator[LogRecord | None]] = {}
        self._news: dict[NodeId, None] = dict.fromkeys(paths)  # a queue without repetitions
        self._has_news = asyncio.Event()
        self._has_news.set()
        self._changes = DirectoryChanges(self._directory_changed)
        self._turn_ends = 0.0
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        self._changes.close()
        for file in self._files.values():
            file.close()

    def follow(self, node: NodeId) -> None:
        path = self._path_of(node)
        self._files[node] = FollowedFile(path)
        self._in_directory.setdefault(path.parent, []).append(node)
        self._changes.watch(path.parent)  # if it cannot, the sweep looks after it
        self._note_news([node])

    async def drain(self) -> None:
        unread = list(self._files)
        while unread:
            unread = [node for node in unread if await self._read_piece(node)]
        for node, file in list(self._files.items()):
            async with self._turn:
                await self._deliver_all(node, file.flush())

    async def read_news(self) -> None:
        """Read for ever, a piece of each file that has news in turn."""
        while True:
            await self._has_news.wait()
            while self._news:
                node = next(iter(self._news))
                del self._news[node]
                if await self._read_piece(node):
                    self._news[node] = None  # at the end of the queue, with more to read
            self._has_news.clear()

    async def sweep(self) -> None:
        """Look at all files again and again, often while some cannot be watched."""
        while True:
            watched = [self._changes.watch(directory) for directory in self._in_directory]
            # A directory that is watched only from now on may have a file already.
            self._note_news(self._files)
            await asyncio.sleep(_SWEEP_SECONDS if all(watched) else _POLLING_SECONDS)

    def _directory_changed(self, directory: Path) -> None:
        self._note_news(self._in_directory[directory])

    def _note_news(self, nodes: Iterable[NodeId]) -> None:
        for node in nodes:
            self._news.setdefault(node, None)
        self._has_news.set()

    async def _read_piece(self, node: NodeId) -> bool:
        """Read and deliver the next piece of a node's log; False when there was none."""
        async with self._turn:
            if node in self._under_way:
                completed: list[Lines | OverlongLine] | None = []
            else:
                completed = self._read(node)
            if completed is None:
                return False
            await self._deliver_all(node, completed)
            return True

    def _read(self, node: NodeId) -> list[Lines | OverlongLine] | None:
        try:
            return self._files[node].read(self._buffer)
        except OSError as error:
            raise EngineError(
                f"cannot read the log of {node}: {error}. Its events are lost from here on; "
                f"check the file and its directory."
            ) from error

    async def _deliver_all(self, node: NodeId, completed: list[Lines | OverlongLine]) -> None:
        # A cancelled `drain` leaves its piece half delivered: the rest is kept, and goes first.
        before = self._under_way.pop(node, iter(()))
        records = self._under_way[node] = chain(before, self._records(node, completed))
        while lines := tuple(islice(records, _LINES_AT_ONCE)):
            if wanted := [record for record in lines if record is not None]:
                self._deliver(wanted)
            await self._yield_when_due()
        del self._under_way[node]

    def _records(self, node: NodeId, completed: list[Lines | OverlongLine]) -> Iterator[LogRecord | None]:
        """A record for each line, None for one that nobody wants."""
        for part in completed:
            if isinstance(part, OverlongLine):
                problem = f"longer than {LONGEST_LINE} bytes; only its beginning was kept"
                yield LogRecord(node, part.number, part.offset, None, unreadable(part.excerpt, problem))
                continue
            for line in self._parser.parse_chunk(part.data):
                if isinstance(line.event, PlainMessage):
                    yield None
                else:
                    number, offset = part.number + line.index, part.offset + line.start
                    yield LogRecord(node, number, offset, line.timestamp, line.event)

    async def _yield_when_due(self) -> None:
        if self._loop.time() >= self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = self._loop.time() + _LONGEST_TURN_SECONDS
