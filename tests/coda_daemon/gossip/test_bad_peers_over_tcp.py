"""Bad peers over real sockets: whatever bytes come, a node goes on serving the peers that behave."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from tests.coda_daemon.log_testbed import RecordingSink

from coda_daemon.gossip.frames import Message, Request, encode
from coda_daemon.gossip.handshake import Self, greet
from coda_daemon.gossip.network import Gossip
from coda_daemon.gossip.peer import Peer
from coda_daemon.log import Log
from coda_daemon.process import SystemChance, SystemClock
from coda_daemon.profile import dev
from coda_daemon.tcp import TcpConnection, TcpTransport
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.structured_events import PEER_BANNED, Level

pytestmark = pytest.mark.real
LIMIT = 30.0  # seconds until a wait gives up


class Node:
    """A node on loopback, under a name that is its key's seed."""

    def __init__(self, name: str, port: int, seeds: list[Peer]) -> None:
        self.identity = libp2p_keypair_from_seed(name)
        self.peer = Peer("127.0.0.1", port, self.identity.peer_id)
        self.sink = RecordingSink()
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.news = (f"news {number}".encode() for number in itertools.count())
        host: Any = SimpleNamespace(transport=TcpTransport(), chance=SystemChance(), clock=SystemClock())
        self.gossip = Gossip(
            host=host,
            identity=self.identity,
            chain_id="chain",
            bind_ip="127.0.0.1",
            external_ip="127.0.0.1",
            external_port=port,
            seeds=seeds,
            profile=dev(2_000),
            log=Log(host.clock, [self.sink], pid=1),
            serve=self._serve,
            receive=self._receive,
        )

    async def _serve(self, _peer: Peer, _kind: str, payload: bytes) -> bytes:
        return payload

    def _receive(self, _peer: Peer, _topic: str, payload: bytes) -> bool:
        self.received.put_nowait(payload)
        return True


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@asynccontextmanager
async def two_nodes() -> AsyncIterator[tuple[Node, Node]]:
    """A node and its friend, linked."""
    ports = free_ports(2)
    node = Node("node", ports[0], [])
    friend = Node("friend", ports[1], [node.peer])
    tasks = [asyncio.create_task(each.gossip.run()) for each in (node, friend)]
    try:
        async with asyncio.timeout(LIMIT):
            await friend.gossip.wait_for_peers(1)
            await node.gossip.wait_for_peers(1)
            yield node, friend
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connected(node: Node) -> TcpConnection:
    return await TcpTransport().connect("127.0.0.1", node.peer.port)


async def linked(node: Node, name: str = "impostor") -> TcpConnection:
    connection = await connected(node)
    own = Self(libp2p_keypair_from_seed(name), "chain", "", 9)
    await greet(connection, own, bytes(32), expected=node.peer.peer_id)
    return connection


async def serves(node: Node, friend: Node) -> bool:
    news = next(node.news)
    friend.gossip.publish("block", news)
    answer = await friend.gossip.request(node.peer, "echo", b"alive", seconds=LIMIT)
    return answer == b"alive" and await node.received.get() == news


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x00", b"\xff" * 100, b"\x00\x00\x00\x05hi"]
)
async def test_bytes_that_are_no_handshake_end_their_connection_only(data: bytes) -> None:
    async with two_nodes() as (node, friend):
        connection = await connected(node)
        connection._writer.write(data)
        connection._writer.write_eof()

        while await connection.receive() is not None:
            pass
        assert await serves(node, friend)
        connection.close()


async def test_an_announced_giant_before_the_proof_is_not_waited_for() -> None:
    async with two_nodes() as (node, friend):
        connection = await connected(node)
        connection._writer.write((1025).to_bytes(4, "big"))

        assert await connection.receive() is None, "though the other 1025 bytes never came"
        assert await serves(node, friend)
        connection.close()


async def test_a_peer_that_announces_too_much_is_banned() -> None:
    async with two_nodes() as (node, friend):
        connection = await linked(node)
        connection._writer.write(b"\xff\xff\xff\xff")

        while await connection.receive() is not None:
            pass
        assert PEER_BANNED.message in node.sink.messages(Level.FAULTY_PEER)
        assert await serves(node, friend)
        connection.close()


async def test_a_flood_over_tcp_delays_nobody_else() -> None:
    """20,000 repeated messages and 1,000 requests whose answers nobody reads, as fast as the socket takes them."""
    async with two_nodes() as (node, friend):
        connection = await linked(node)
        frames = [encode(Message("flood", bytes(100)))] * 20_000
        frames += [encode(Request(number, "echo", bytes(1000))) for number in range(1000)]
        connection._writer.write(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames))

        assert await node.received.get() == bytes(100)
        assert await serves(node, friend)
        connection.close()


async def test_a_peer_that_dribbles_delays_nobody_else() -> None:
    async with two_nodes() as (node, friend):
        connection = await linked(node)
        connection._writer.write((1_000_000).to_bytes(4, "big"))
        for _ in range(10):
            connection._writer.write(b"\x95")
            assert await serves(node, friend)
        connection.close()
