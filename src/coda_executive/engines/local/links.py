"""The links between local nodes, where a test wants to cut or shape them: proxies in the executive, without
root.

Each node listens for gossip at an address of its own, 127.0.0.2, and its peers are given 127.0.0.1 with the
same port, where its proxy listens. Who dials is found out from the kernel's tables, so that every direction
between two nodes is a link of its own.

TCP stays reliable: bytes over a cut link wait and arrive after it was mended; a loss is the time until they
would have been sent again (0.2 s, 0.4 s, …), and those behind them wait. A dial over a cut link succeeds, and
then nothing comes.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from random import Random

from coda_executive.config.node_id import NodeId
from coda_executive.engines.local.sockets import session_of_connection
from coda_executive.errors import DeployError
from coda_executive.interfaces.capabilities import LinkShape

PROXY_HOST, NODE_HOST = "127.0.0.1", "127.0.0.2"

_CHUNK = 1 << 16  # bytes
_CHUNKS_ON_THE_WAY = 64
_FIRST_RETRY, _MOST_RETRIES = 0.2, 10  # seconds, and how often the interval doubles
_UNSHAPED = LinkShape()


class ProxiedLink:
    """One direction between two nodes."""

    def __init__(self, stream: Random) -> None:
        self._stream = stream
        self._opened = asyncio.Event()
        self._opened.set()
        self._free = 0.0
        self.shape: LinkShape | None = None
        self.connections: dict[asyncio.Task[None], None] = {}  # that carry it, also in the other direction

    def cut(self) -> None:
        self._opened.clear()

    def mend(self) -> None:
        self._opened.set()

    async def wait_until_open(self) -> None:
        await self._opened.wait()

    def arrival(self, now: float, size: int) -> float:
        """When what is sent now arrives, by the loop's time; cuts left aside."""
        shape = self.shape or _UNSHAPED
        sent = now
        if shape.bandwidth is not None:
            sent = max(now, self._free) + size / shape.bandwidth
        self._free = sent
        for retry in range(_MOST_RETRIES):
            if self._stream.random() >= shape.loss:
                break
            sent += _FIRST_RETRY * 2**retry
        return sent + shape.draw_delay(self._stream)


class LinkProxies:
    """The proxies of one testnet. `sessions` tells which session (its leader's pid) is which node's now."""

    def __init__(self, *, seed: int, sessions: Callable[[], Mapping[int, NodeId]]) -> None:
        self._seed = seed
        self._sessions = sessions
        self._links: dict[tuple[NodeId | None, NodeId | None], ProxiedLink] = {}
        self._servers: list[asyncio.Server] = []
        self._carried: dict[asyncio.Task[None], None] = {}

    def link(self, source: NodeId | None, target: NodeId | None) -> ProxiedLink:
        """None is anybody who is no node."""
        link = self._links.get((source, target))
        if link is None:
            link = self._links[source, target] = ProxiedLink(Random(f"{self._seed}:link:{source}:{target}"))  # noqa: S311
        return link

    async def listen(self, node: NodeId, port: int) -> None:
        """Take the place of a node's port from now on. Raises DeployError."""

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._carried[task] = None
            try:
                await self._carry(node, port, reader, writer)
            except asyncio.CancelledError:
                pass  # a reset or the end; the task is asyncio's own, which would tell it as an error
            finally:
                self._carried.pop(task)
                for link in self._links.values():
                    link.connections.pop(task, None)
                writer.transport.abort()

        try:
            self._servers.append(await asyncio.start_server(accepted, PROXY_HOST, port))
        except OSError as error:
            raise DeployError(
                f"the proxy of {node} cannot listen on {PROXY_HOST}:{port}: {error.strerror}"
            ) from error

    async def aclose(self) -> None:
        """Stop listening and break off what is open. Idempotent."""
        for server in self._servers:
            server.close()
        tasks = tuple(self._carried)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    async def _carry(
        self, node: NodeId, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        sessions = self._sessions()
        dialled_from = writer.get_extra_info("peername")[1]
        session = session_of_connection(from_port=dialled_from, to_port=port, sessions=sessions)
        dialler = None if session is None else sessions[session]
        there, back = self.link(dialler, node), self.link(node, dialler)
        task = asyncio.current_task()
        assert task is not None
        there.connections[task] = back.connections[task] = None
        # A node that does not listen refuses: the dialler sees its connection break.
        with contextlib.suppress(OSError):
            near, far = await asyncio.open_connection(NODE_HOST, port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(there, reader, far), name=f"{dialler} to {node}")
                    group.create_task(_pump(back, near, writer), name=f"{node} to {dialler}")
            except* OSError:
                pass  # either side broke it off; both do now
            finally:
                far.transport.abort()


async def _pump(link: ProxiedLink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until the end of them, which is carried too."""
    loop = asyncio.get_running_loop()
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_ON_THE_WAY)

    async def take() -> None:
        while True:
            data = await reader.read(_CHUNK)
            await on_the_way.put((link.arrival(loop.time(), len(data)), data))
            if not data:
                return

    async def hand_on() -> None:
        while True:
            arrival, data = await on_the_way.get()
            if (rest := arrival - loop.time()) > 0:
                await asyncio.sleep(rest)
            await link.wait_until_open()
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(take(), name="take")
        group.create_task(hand_on(), name="hand on")


class LinkedNode:
    """What proxies let be done to a node. Satisfies Partitionable, LinkShapeable and Resettable."""

    def __init__(self, name: NodeId, proxies: LinkProxies) -> None:
        self._name = name
        self._proxies = proxies

    async def cut_links(self, to: Collection[NodeId]) -> None:
        for other in to:
            self._proxies.link(self._name, other).cut()

    async def mend_links(self, to: Collection[NodeId]) -> None:
        for other in to:
            self._proxies.link(self._name, other).mend()

    async def probe_link(self, to: NodeId, *, seconds: float) -> bool:
        """Tried on the proxy, which all that the nodes say to each other goes through."""
        link = self._proxies.link(self._name, to)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(link.arrival(loop.time(), 0) - loop.time())
                await link.wait_until_open()
        except TimeoutError:
            return False
        return True

    async def shape_link(self, to: NodeId, shape: LinkShape | None) -> None:
        self._proxies.link(self._name, to).shape = shape

    async def link_shape(self, to: NodeId) -> LinkShape | None:
        return self._proxies.link(self._name, to).shape

    async def reset_connections(self, to: Collection[NodeId]) -> None:
        carrying = [
            task
            for other in to
            for task in self._proxies.link(self._name, other).connections
            if not task.done()
        ]
        for task in dict.fromkeys(carrying):
            task.cancel()
