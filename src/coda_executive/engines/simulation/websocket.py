"""A websocket to a simulated node: what the daemon's handler says to a client, and the way there and back.

Bytes take as long as a message between the executive and the machine, in order. The handler's part belongs to the
daemon's process: when that is gone, the client sees the end.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable

from coda_executive.client.websocket_frames import CLOSE, PING, PONG, ServerFrames, client_frame, text_frame
from coda_executive.engines.simulation.network import Network

# Deliveries belong to no process.
_AIR = contextvars.Context()


class Pipe:
    """Bytes from one end to the other; `check` raises at the end that writes once its process is gone."""

    def __init__(self, network: Network, source: str, target: str) -> None:
        self._loop = network.loop
        self._link = network.link(source, target)
        self._last_ns = 0
        self._arrived: deque[bytes] = deque()
        self._is_ended = False
        self._news = asyncio.Event()

    def send(self, data: bytes) -> None:
        """No bytes are the end."""
        self._last_ns = max(self._last_ns, self._link.arrival_ns(self._loop.now_ns, len(data)))
        self._loop.call_at_ns(self._last_ns, (self._arrive, data), _AIR)

    async def read(self) -> bytes:
        """Some bytes; none at the end, any number of times."""
        while not self._arrived and not self._is_ended:
            self._news.clear()
            await self._news.wait()
        return self._arrived.popleft() if self._arrived else b""

    def _arrive(self, data: bytes) -> None:
        if data:
            self._arrived.append(data)
        else:
            self._is_ended = True
        self._news.set()


class ServerChannel:
    """The `Channel` of the daemon's ports."""

    def __init__(self, inbound: Pipe, outbound: Pipe, check: Callable[[], None]) -> None:
        self._inbound = inbound
        self._outbound = outbound
        self._check = check

    async def read(self) -> bytes:
        self._check()
        return await self._inbound.read()

    async def write(self, data: bytes) -> None:
        self._check()
        self._outbound.send(data)


class ClientChannel:
    """Satisfies TextChannel."""

    def __init__(self, inbound: Pipe, outbound: Pipe) -> None:
        self._inbound = inbound
        self._outbound = outbound
        self._frames = ServerFrames()
        self._texts: deque[str] = deque()
        self._is_closed = False

    async def send(self, text: str) -> None:
        self._outbound.send(text_frame(text))

    async def receive(self) -> str | None:
        while not self._texts and not self._is_closed:
            data = await self._inbound.read()
            self._is_closed = not data
            for opcode, payload in self._frames.receive(data):
                if opcode == CLOSE:
                    self._is_closed = True
                elif opcode == PING:
                    self._outbound.send(client_frame(PONG, payload))
                elif opcode != PONG:
                    self._texts.append(payload.decode())
        return self._texts.popleft() if self._texts else None

    def close(self) -> None:
        self._outbound.send(client_frame(CLOSE, b""))
        self._outbound.send(b"")
