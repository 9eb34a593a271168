"""HTTP without sockets: a request is handed to the node's handler in virtual time."""

import asyncio
import contextvars
import errno
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from coda_executive.engines.simulation.network import Listener, Machine, Network
from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.websocket import ClientChannel, Pipe, ServerChannel
from coda_executive.interfaces.client import HttpReply

_EXECUTIVE = "executive"
_SWITCHING = 101
_KEY = "c2ltdWxhdGVkIG5ldHdvcg=="  # any 16 bytes: nobody in between has to be told apart


@dataclass(frozen=True, slots=True)
class Request:
    """A `Request` of the daemon's ports."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Response(Protocol):
    """What a handler answers with."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def talk(self) -> Callable[[Any], Awaitable[None]] | None: ...


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The answer of a handler that goes on over a channel."""

    talk: Callable[[Any], Awaitable[None]]


class SimulatedHttp:
    """The `Http` of the daemon's ports for one process."""

    def __init__(self, machine: Machine, process: Process) -> None:
        self._machine = machine
        self._process = process

    async def serve(
        self, host: str, port: int, handler: Callable[[Request], Awaitable[Response]]
    ) -> Listener:
        self._process.check()

        async def answer(request: Request) -> HttpReply | Upgraded:
            try:
                response = await handler(request)
            except Exception:  # noqa: BLE001  the border to the daemon's code: a server answers and goes on
                self._process.complain(traceback.format_exc())
                return HttpReply(500, b"500 Internal Server Error")
            if response.status == _SWITCHING:
                assert response.talk is not None, "who leaves HTTP says what follows"
                return Upgraded(response.talk)
            return HttpReply(response.status, response.body)

        return self._machine.bind(host, port, self._process, answer, is_http=True)


class SimulatedHttpTransport:
    """The executive's way to a node's REST port; it reaches ports bound to loopback too. Satisfies
    HttpTransport.
    """

    def __init__(self, network: Network, machine: Machine, port: int) -> None:
        self._network = network
        self._machine = machine
        self._port = port

    async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply:
        url = urlsplit(path)
        headers = {"content-type": content_type, "content-length": str(len(body))}
        request = Request("POST", url.path, dict(parse_qsl(url.query)), headers, body)
        _, reply = await self._exchange(request, seconds)
        assert isinstance(reply, HttpReply), "only a GET is upgraded"
        return reply

    @asynccontextmanager
    async def websocket(self, path: str, *, protocol: str, seconds: float) -> AsyncIterator[ClientChannel]:
        """Satisfies WebsocketTransport."""
        headers = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": _KEY,
            "sec-websocket-protocol": protocol,
        }
        listener, reply = await self._exchange(Request("GET", path, {}, headers), seconds)
        if isinstance(reply, HttpReply):
            raise ConnectionResetError(errno.ECONNRESET, f"{self._machine.name} answered {reply.status}")
        there = Pipe(self._network, _EXECUTIVE, self._machine.name)
        back = Pipe(self._network, self._machine.name, _EXECUTIVE)
        process = listener.process
        channel = ServerChannel(there, back, process.check)
        talking = process.spawn(self._network.loop, reply.talk(channel), f"websocket {path}")
        talking.add_done_callback(lambda _: back.send(b""), context=contextvars.Context())
        client = ClientChannel(back, there)
        try:
            yield client
        finally:
            client.close()

    async def _exchange(self, request: Request, seconds: float) -> tuple[Listener, "HttpReply | Upgraded"]:
        async with asyncio.timeout(seconds):
            await self._network.travel(_EXECUTIVE, self._machine.name)
            listener = self._machine.listeners.get(self._port)
            if listener is None or not listener.is_http:
                await self._network.travel(self._machine.name, _EXECUTIVE)
                raise ConnectionRefusedError(
                    errno.ECONNREFUSED, f"nothing listens on port {self._port} of {self._machine.name}"
                )
            answering = listener.process.spawn(
                self._network.loop, listener.serve(request), f"{request.method} {request.path}"
            )
            await asyncio.wait([answering])  # not cancelled with us: the request has arrived
            await self._network.travel(self._machine.name, _EXECUTIVE)
        if answering.cancelled():
            raise ConnectionResetError(
                errno.ECONNRESET, f"{self._machine.name} ended before it had answered {request.path}"
            )
        reply: HttpReply | Upgraded = answering.result()
        return listener, reply
