"""A small HTTP/1.1 server on asyncio streams, for the REST port (daemon contract D.1).

Why not aiohttp: importing `aiohttp.web` costs a quarter of a second of CPU and 16 MB, more than all the rest
of a node's start. Fifty nodes on two cores would wait six seconds for it. What is needed here is small:
requests with a length or in chunks, answers with a length, connections kept alive.
"""

import asyncio
import contextlib
import functools
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from coda_daemon import ports
from coda_daemon.web import Request, Response, text_response

MAX_HEAD = 32 * 1024  # bytes of request line and headers
MAX_BODY = 8 * 1024 * 1024
MAX_CONNECTIONS = 512
FLUSH_LIMIT = 5.0  # seconds for the last of a conversation to be read
IDLE_LIMIT = 75.0  # seconds that a connection may sit between requests, or take over one or over its answer

Handler = Callable[[ports.Request], Awaitable[ports.Response]]


class _Refused(Exception):
    """A request that gets an error answer, after which the connection is closed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.response = text_response(status, text)


class HttpServer:
    """A `ports.Http` on sockets."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def serve(self, host: str, port: int, handler: Handler) -> asyncio.Server:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(self._tasks) >= MAX_CONNECTIONS:
                writer.close()
                return
            task = asyncio.get_running_loop().create_task(_serve_connection(reader, writer, handler))
            self._tasks[task] = None
            task.add_done_callback(functools.partial(self._tasks.pop))

        return await asyncio.start_server(connected, host, port, limit=MAX_HEAD)


async def _serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
) -> None:
    try:
        is_open = True
        while is_open:
            try:
                async with asyncio.timeout(IDLE_LIMIT):
                    request = await _read_request(reader, writer)
                if request is None:
                    return
                is_open = request.headers.get("connection", "").lower() != "close"
                response = await _handled(handler, request)
            except _Refused as refusal:
                is_open, response = False, refusal.response
            writer.write(_encoded(response, keep_alive=is_open))
            async with asyncio.timeout(IDLE_LIMIT):
                await writer.drain()
            if response.talk is not None:
                await _talked(response.talk, reader, writer)
                return
    except TimeoutError:
        # It said nothing for long, or does not read: what waits for it would wait for ever.
        writer.transport.abort()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client is gone
    finally:
        writer.close()


@dataclass(frozen=True, slots=True)
class _StreamChannel:
    """A `ports.Channel` on a connection's streams."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        return await self.reader.read(64 * 1024)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


async def _talked(
    talk: Callable[[ports.Channel], Awaitable[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    try:
        await talk(_StreamChannel(reader, writer))
    except ConnectionError:
        pass  # the client is gone
    except Exception:  # noqa: BLE001  as in `_handled`
        print(f"A conversation failed:\n{traceback.format_exc()}", file=sys.stderr)
    with contextlib.suppress(ConnectionError):
        writer.transport.set_write_buffer_limits(0)
        async with asyncio.timeout(FLUSH_LIMIT):
            await writer.drain()


async def _handled(handler: Handler, request: Request) -> ports.Response:
    try:
        return await handler(request)
    except Exception:  # noqa: BLE001  a bug in one answer must be seen, and must not end the server
        print(f"{request.method} {request.path} failed:\n{traceback.format_exc()}", file=sys.stderr)
        return text_response(500, "Internal server error")


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request, or None when the client closed before one began. Raises _Refused for a bad one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise _Refused(400, "The request ended in its headers") from None
        return None
    except asyncio.LimitOverrunError:
        raise _Refused(431, f"Headers of more than {MAX_HEAD} bytes") from None
    lines = head.decode("latin-1").strip("\r\n").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Refused(400, "Expected a request line such as GET /graphql HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _Refused(400, "A header is no NAME: VALUE")
        headers[name.lower()] = value.strip()
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    path, _, query = words[1].partition("?")
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _read_body(reader, headers)
    return Request(words[0], unquote(path), _first_values(query), headers, body)


def _first_values(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise _Refused(400, "More than 100 query parameters") from None
    return dict(reversed(pairs))


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise _Refused(400, "Expected a body with Content-Length, or chunked")
        return await _read_chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise _Refused(400, "Content-Length is no number")
    if int(length) > MAX_BODY:
        raise _Refused(413, f"A body of more than {MAX_BODY} bytes")
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int((await reader.readuntil(b"\r\n")).partition(b";")[0].strip() or b"-", 16)
        except (ValueError, asyncio.LimitOverrunError):
            raise _Refused(400, "A chunk's size is no hexadecimal number") from None
        if size < 0 or len(body) + size > MAX_BODY:
            raise _Refused(413, f"A body of more than {MAX_BODY} bytes")
        if size == 0:
            await _skip_trailers(reader)
            return bytes(body)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise _Refused(400, "A chunk is longer than its size")


async def _skip_trailers(reader: asyncio.StreamReader) -> None:
    read = 0
    try:
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            read += len(line)
            if read > MAX_HEAD:
                raise _Refused(431, f"Trailers of more than {MAX_HEAD} bytes")
    except asyncio.LimitOverrunError:
        raise _Refused(431, f"Trailers of more than {MAX_HEAD} bytes") from None


def _encoded(response: ports.Response | Response, *, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [] if response.status == 101 else [f"content-length: {len(response.body)}"]
    lines += [] if keep_alive else ["connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body
