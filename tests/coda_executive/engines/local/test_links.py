"""Proxies between local nodes, on real sockets: who dials is found out, and each direction can be cut and shaped."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.engines.local.links import NODE_HOST, PROXY_HOST, LinkedNode, LinkProxies
from coda_executive.engines.local.sockets import session_of_connection
from coda_executive.errors import DeployError
from coda_executive.interfaces.capabilities import LinkShape, LinkShapeable, Partitionable, Resettable

pytestmark = pytest.mark.real

A, B = NodeId("a"), NodeId("b")


@dataclass
class Ends:
    """A connection from a to b through b's proxy; `a` and `b` are what can be done to the nodes."""

    proxies: LinkProxies
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    a: LinkedNode
    b: LinkedNode
    port: int

    async def echo(self, text: bytes) -> bytes:
        self.writer.write(text)
        return await self.reader.readexactly(len(text))


@asynccontextmanager
async def connected(*, listens: bool = True) -> AsyncIterator[Ends]:
    """This process is node a; b answers with whatever it is sent."""

    answering: list[asyncio.Task[None] | None] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.current_task())
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
            writer.write_eof()
            await writer.drain()
        writer.transport.abort()

    proxies = LinkProxies(seed=1, sessions=lambda: {os.getsid(0): A})
    with socket.socket() as holder:
        holder.bind((NODE_HOST, 0))
        port = holder.getsockname()[1]
    server = await asyncio.start_server(answer, NODE_HOST, port) if listens else None
    await proxies.listen(B, port)
    reader, writer = await asyncio.open_connection(PROXY_HOST, port)
    ends = Ends(proxies, reader, writer, LinkedNode(A, proxies), LinkedNode(B, proxies), port)
    try:
        if listens:
            assert await ends.echo(b"?") == b"?"  # all three sockets are open now, and who dialled is known
        yield ends
    finally:
        writer.transport.abort()
        await proxies.aclose()
        await proxies.aclose()
        await asyncio.gather(*filter(None, answering))
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn
        if server is not None:
            server.close()
            await server.wait_closed()


async def hears_nothing(ends: Ends) -> bool:
    """Looked at for long enough that an answer would have come."""
    try:
        async with asyncio.timeout(0.2):
            await ends.reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_bytes_go_both_ways_and_so_does_the_end() -> None:
    async with connected() as ends:
        assert all(isinstance(ends.a, kind) for kind in (Partitionable, LinkShapeable, Resettable))
        assert await ends.echo(b"hello") == b"hello"
        ends.writer.write_eof()
        with suppress(ConnectionResetError):  # the other end aborts once all is said
            assert await ends.reader.read() == b""


@pytest.mark.parametrize("direction", ["there", "back"])
async def test_bytes_over_a_cut_link_come_after_it_was_mended(direction: str) -> None:
    async with connected() as ends:
        cutter, other = (ends.a, B) if direction == "there" else (ends.b, A)
        await cutter.cut_links([other])
        assert not await cutter.probe_link(other, seconds=0.05)
        ends.writer.write(b"late")
        assert await hears_nothing(ends)
        await cutter.mend_links([other])
        assert await ends.reader.readexactly(4) == b"late"
        assert await cutter.probe_link(other, seconds=5)


async def test_a_link_that_nobody_asked_about_is_not_cut() -> None:
    async with connected() as ends:
        await ends.a.cut_links([NodeId("c")])
        assert await ends.echo(b"still there") == b"still there"


async def test_delay_loss_and_bandwidth_cost_time_and_no_bytes() -> None:
    async with connected() as ends:
        shape = LinkShape(delay=0.05, jitter=0.01, loss=0.2, bandwidth=1e6)
        await ends.a.shape_link(B, shape)
        assert await ends.a.link_shape(B) == shape
        began = asyncio.get_running_loop().time()
        assert await ends.echo(bytes(1000)) == bytes(1000)
        assert asyncio.get_running_loop().time() - began >= 0.05
        await ends.a.shape_link(B, None)
        assert await ends.a.link_shape(B) is None


async def test_large_content_arrives_whole_and_in_order() -> None:
    content = os.urandom(3 << 20)
    async with connected() as ends:
        await ends.a.shape_link(B, LinkShape(jitter=0.005))
        async with asyncio.TaskGroup() as group:
            group.create_task(ends.writer.drain())
            ends.writer.write(content)
            echoed = await ends.reader.readexactly(len(content))
        assert echoed == content


async def test_a_reset_breaks_the_connection_off() -> None:
    async with connected() as ends:
        await ends.b.reset_connections([A])
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await ends.reader.readexactly(1)


async def test_a_node_that_does_not_listen_breaks_the_dial_off() -> None:
    async with connected(listens=False) as ends:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await ends.reader.readexactly(1)


async def test_a_port_in_use_is_told() -> None:
    async with connected() as ends:
        with pytest.raises(DeployError, match=f"cannot listen on 127.0.0.1:{ends.port}"):
            await ends.proxies.listen(A, ends.port)


async def test_a_connection_is_found_by_its_ports_and_only_among_the_sessions_asked_for() -> None:
    async with connected() as ends:
        ours = ends.writer.get_extra_info("sockname")[1]
        session = os.getsid(0)
        assert session_of_connection(from_port=ours, to_port=ends.port, sessions=[session]) == session
        assert session_of_connection(from_port=ours, to_port=ends.port, sessions=[]) is None
        assert session_of_connection(from_port=1, to_port=ends.port, sessions=[session]) is None
