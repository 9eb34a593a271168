"""The operating system as the tiny daemon's host: sockets, files, the clock, signals."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Clock:
    def time_ns(self) -> int:
        return time.time_ns()


class Console:
    """Line by line, straight out: a log that somebody follows."""

    def out(self, line: str) -> None:
        os.write(1, line.encode() + b"\n")

    def err(self, line: str) -> None:
        os.write(2, line.encode() + b"\n")


class Store:
    def read(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        temporary = Path(f"{path}.new")
        temporary.write_bytes(data)
        temporary.rename(path)

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def make_directory(self, path: str) -> None:
        Path(path).mkdir(parents=True, exist_ok=True)

    def list_directory(self, path: str) -> list[str]:
        return sorted(entry.name for entry in Path(path).iterdir()) if Path(path).is_dir() else []

    def remove(self, path: str) -> None:
        if Path(path).is_dir():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


class Connection:
    """Frames of bytes, each after its length in four bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, frame: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionError("closed")
        self._writer.write(len(frame).to_bytes(4, "big") + frame)
        await self._writer.drain()

    async def receive(self) -> bytes | None:
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    def close(self) -> None:
        self._writer.close()


@dataclass
class Transport:
    async def listen(self, host: str, port: int, accepted: Callable[[Connection], Awaitable[None]]) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await accepted(Connection(reader, writer))
            except (OSError, ValueError):
                writer.close()
            except asyncio.CancelledError:
                pass  # the loop ends

        return await asyncio.start_server(serve, host, port)

    async def connect(self, host: str, port: int) -> Connection:
        return Connection(*await asyncio.open_connection(host, port))


@dataclass
class Request:
    method: str
    path: str
    body: bytes


class Http:
    """One request a connection, and nothing but what is needed."""

    async def serve(self, host: str, port: int, handler: Callable[[Request], Awaitable[Any]]) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                reply = await handler(Request(method, path.partition("?")[0], body))
                first = f"HTTP/1.1 {reply.status} Whatever\r\nConnection: close\r\nContent-Length: {len(reply.body)}"
                writer.write(f"{first}\r\n\r\n".encode() + reply.body)
                await writer.drain()
            except (OSError, ValueError, asyncio.IncompleteReadError):
                pass
            except asyncio.CancelledError:
                return
            finally:
                writer.close()

        return await asyncio.start_server(serve, host, port)


@dataclass
class Host:
    clock: Clock = field(default_factory=Clock)
    console: Console = field(default_factory=Console)
    store: Store = field(default_factory=Store)
    transport: Transport = field(default_factory=Transport)
    http: Http = field(default_factory=Http)
    pid: int = field(default_factory=os.getpid)
    environment: Any = field(default_factory=lambda: os.environ)

    async def interrupted(self) -> str:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[str] = loop.create_future()

        def tell(name: str) -> None:
            if not told.done():
                told.set_result(name)

        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, tell, each.name)
        return await told


def start(run: Callable[..., Awaitable[int]], arguments: list[str]) -> int:
    async def main() -> int:
        return await run(arguments, Host())

    return asyncio.run(main())
