"""Gossip channels over TCP: a frame is its length in four bytes, most significant first, and its content."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from coda_daemon.gossip.frames import MAX_FRAME
from coda_daemon.ports import Connection

_LENGTH_BYTES = 4


class TcpConnection:
    """A `ports.Connection` on a pair of asyncio streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        peer = writer.get_extra_info("peername")
        self._remote_host: str = peer[0] if peer else ""

    @property
    def remote_host(self) -> str:
        return self._remote_host

    async def send(self, frame: bytes) -> None:
        self._write(frame)
        await self._writer.drain()

    def offer(self, frame: bytes) -> bool:
        # While the kernel takes what it is given, nothing is buffered here.
        if self._writer.transport.get_write_buffer_size():
            return False
        self._write(frame)
        return True

    async def receive(self, limit: int = MAX_FRAME) -> bytes | None:
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
            if length > limit:
                raise ConnectionAbortedError(
                    f"expected a frame of at most {limit} bytes, {self._remote_host} announced {length}"
                )
            return await self._reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return None
        except ConnectionResetError:
            if self._writer.is_closing():
                return None
            raise

    async def deliver(self, take: Callable[[bytes], float]) -> None:
        while (frame := await self.receive()) is not None:
            if (pause := take(frame)) > 0:
                await asyncio.sleep(pause)

    def _write(self, frame: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError(f"the connection to {self._remote_host} is closed")
        self._writer.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)

    def close(self) -> None:
        # A peer that does not read would hold an orderly close up for as long as data waits for it.
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()
        else:
            self._writer.close()


class TcpTransport:
    """A `ports.Transport` on sockets. Tasks of accepted connections end with the loop, at the latest."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def listen(
        self, host: str, port: int, accepted: Callable[[Connection], Awaitable[None]]
    ) -> asyncio.Server:
        async def serve(connection: TcpConnection) -> None:
            try:
                await accepted(connection)
            finally:
                connection.close()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(serve(TcpConnection(reader, writer)))
            self._tasks[task] = None
            task.add_done_callback(functools.partial(self._tasks.pop))

        return await asyncio.start_server(connected, host, port)

    async def connect(self, host: str, port: int) -> TcpConnection:
        return TcpConnection(*await asyncio.open_connection(host, port))
