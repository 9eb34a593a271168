"""HTTP without sockets: a request is handed to the node's handler in virtual time."""

import asyncio
import errno
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from coda_executive.engines.simulation.network import Listener, Machine, Network
from coda_executive.engines.simulation.process import Process
from coda_executive.interfaces.client import HttpReply

_EXECUTIVE = "executive"


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


class SimulatedHttp:
    """The `Http` of the daemon's ports for one process."""

    def __init__(self, machine: Machine, process: Process) -> None:
        self._machine = machine
        self._process = process

    async def serve(
        self, host: str, port: int, handler: Callable[[Request], Awaitable[Response]]
    ) -> Listener:
        self._process.check()

        async def answer(request: Request) -> HttpReply:
            try:
                response = await handler(request)
            except Exception:  # noqa: BLE001  the border to the daemon's code: a server answers and goes on
                self._process.complain(traceback.format_exc())
                return HttpReply(500, b"500 Internal Server Error")
            if response.status == 101:
                return HttpReply(501, b"The simulation carries no websockets; ask GraphQL instead")
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
        async with asyncio.timeout(seconds):
            await self._network.travel(_EXECUTIVE, self._machine.name)
            listener = self._machine.listeners.get(self._port)
            if listener is None or not listener.is_http:
                await self._network.travel(self._machine.name, _EXECUTIVE)
                raise ConnectionRefusedError(
                    errno.ECONNREFUSED, f"nothing listens on port {self._port} of {self._machine.name}"
                )
            url = urlsplit(path)
            headers = {"content-type": content_type, "content-length": str(len(body))}
            request = Request("POST", url.path, dict(parse_qsl(url.query)), headers, body)
            answering = listener.process.spawn(
                self._network.loop, listener.serve(request), f"POST {url.path}"
            )
            await asyncio.wait([answering])  # not cancelled with us: the request has arrived
            await self._network.travel(self._machine.name, _EXECUTIVE)
        if answering.cancelled():
            raise ConnectionResetError(
                errno.ECONNRESET, f"{self._machine.name} ended before it had answered {path}"
            )
        reply: HttpReply = answering.result()
        return reply
