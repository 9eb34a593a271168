"""Frames that nobody ought to send to an archive: an answer or a closed connection, and the rows stay whole."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from tests.coda_daemon.archive.chains import FIRST, GENESIS, SECOND, all_rows, diffs

from coda_daemon.archive.archive import Archive
from coda_daemon.archive.block_diff import genesis_diff
from coda_daemon.archive.frames import Refused, Reply, Stored, decode_reply, encode
from coda_daemon.archive.replay import replayed
from coda_daemon.archive.schema import schema
from coda_daemon.archive.server import ArchiveServer
from coda_daemon.archive.sqlite import SqliteStore
from coda_daemon.files import Files
from coda_daemon.log import Log
from coda_daemon.process import SystemClock
from coda_daemon.trust_list import TrustList

SEEDS = range(150)
ODD: tuple[Any, ...] = (0, -1, 2**63, 2**64 - 1, "", "\0", "x" * 70, b"", None, [], True, 1.5)


class OneFrame:
    """A connection that brings one frame and takes the answer."""

    remote_host = "127.0.0.1"

    def __init__(self, frame: bytes) -> None:
        self._frames = [frame]
        self.answers: list[bytes] = []

    async def send(self, frame: bytes) -> None:
        self.answers.append(frame)

    def offer(self, frame: bytes) -> bool:
        raise NotImplementedError

    async def receive(self, limit: int = 0) -> bytes | None:
        return self._frames.pop() if self._frames else None

    async def deliver(self, take: Callable[[bytes], float]) -> None:
        raise NotImplementedError

    def close(self) -> None: ...


def mutants(frame: bytes, seed: int) -> Iterator[bytes]:
    """Bytes changed, cut or added; and a value of the decoded frame replaced by an odd one."""
    chance = random.Random(seed)
    at = chance.randrange(len(frame))
    yield frame[:at] + bytes([chance.randrange(256)]) + frame[at + 1 :]
    yield frame[:at]
    yield frame + bytes([chance.randrange(256)])
    value = msgspec.msgpack.decode(frame)
    yield msgspec.msgpack.encode(_changed(value, chance))


def _changed(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]
    return chance.choice(ODD)


async def fresh() -> tuple[SqliteStore, ArchiveServer]:
    """An archive that holds the genesis block."""
    store = SqliteStore(":memory:")
    await store.script(schema("sqlite"))
    archive = Archive(store, k=30)
    await archive.add(genesis_diff(GENESIS))
    trusted = TrustList({}, Files(), None, own="127.0.0.1")
    return store, ArchiveServer(archive, trusted=trusted, kept=None, log=Log(SystemClock(), [], pid=1))


async def replies_to(server: ArchiveServer, frame: bytes) -> list[Reply]:
    connection = OneFrame(frame)
    await server.serve(connection)
    return [decode_reply(answer) for answer in connection.answers]


async def test_no_frame_breaks_an_archive() -> None:
    good, after = (encode(diff) for diff in diffs([FIRST, SECOND]))
    store, server = await fresh()
    before, stored = await all_rows(store), 0
    for seed in SEEDS:
        for frame in mutants(good, seed):
            replies = await replies_to(server, frame)
            if replies == [Stored(is_new=True)]:
                # What accounts hold is the daemon's word; that is why only trusted daemons are heard.
                stored += 1
                await store.close()
                store, server = await fresh()
            else:
                assert not replies or isinstance(replies[0], Refused)
                assert await all_rows(store) == before, frame

    assert stored
    for frame in (good, after):
        assert await replies_to(server, frame) == [Stored(is_new=True)]
    assert (await replayed(store, GENESIS, SECOND.block.state_hash)).blocks == 2
    await store.close()
