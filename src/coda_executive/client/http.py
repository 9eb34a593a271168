"""HTTP to a daemon's REST port over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from coda_executive.interfaces.client import HttpReply


class AiohttpTransport:
    """Satisfies HttpTransport. Connections are not kept: a test's requests are few, and a kept one would
    outlive its node.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def websocket(self, path: str, *, protocol: str, seconds: float) -> AsyncIterator["AiohttpChannel"]:
        """Satisfies WebsocketTransport."""
        async with aiohttp.ClientSession() as session:
            try:
                async with asyncio.timeout(seconds):
                    socket = await session.ws_connect(self._url + path, protocols=[protocol])
            except aiohttp.ClientConnectorError as error:
                raise ConnectionRefusedError(str(error)) from error
            except aiohttp.ClientError as error:
                raise ConnectionResetError(f"{type(error).__name__}: {error}") from error
            async with socket:
                yield AiohttpChannel(socket)

    async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.post(
                    self._url + path, data=body, headers={"Content-Type": content_type}
                ) as reply:
                    return HttpReply(reply.status, await reply.read())
            except aiohttp.ClientConnectorError as error:
                raise ConnectionRefusedError(str(error)) from error
            except aiohttp.ClientError as error:
                raise ConnectionResetError(f"{type(error).__name__}: {error}") from error


class AiohttpChannel:
    """Satisfies TextChannel."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        await self._socket.send_str(text)

    async def receive(self) -> str | None:
        message = await self._socket.receive()
        return str(message.data) if message.type is aiohttp.WSMsgType.TEXT else None
