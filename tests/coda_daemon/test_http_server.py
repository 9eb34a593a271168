"""The HTTP server over real sockets on loopback: what clients send, well and badly."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coda_daemon import http_server, ports
from coda_daemon.http_server import MAX_BODY, MAX_HEAD, HttpServer
from coda_daemon.web import Request, Response

pytestmark = pytest.mark.real


async def echo(request: ports.Request) -> Response:
    assert isinstance(request, Request)
    if request.path == "/bug":
        raise ZeroDivisionError
    text = f"{request.method} {request.path} {dict(request.query)} {len(request.body)}"
    return Response(200, text.encode(), {"x-kind": request.headers.get("content-type", "none")})


@asynccontextmanager
async def server() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that tells what it got."""
    listening = await HttpServer().serve("127.0.0.1", 0, echo)
    try:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()
    finally:
        listening.close()
        await listening.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(line for line in head.lower().splitlines() if line.startswith("content-length"))
    return int(head.split()[1]), await reader.readexactly(int(length.split(":")[1]))


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with server() as (reader, writer):
        writer.write(b"GET /a%20b?x=1&x=2&y= HTTP/1.1\r\nHost: h\r\n\r\n")
        assert await answer(reader) == (200, b"GET /a b {'y': '', 'x': '1'} 0")
        writer.write(b"POST /g HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\n\r\n")
        assert await answer(reader) == (200, b"POST /g {} 3")
        assert await answer(reader) == (200, b"GET /next {} 0")


async def test_bodies_come_in_chunks_too() -> None:
    async with server() as (reader, writer):
        writer.write(b"POST /g HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n")
        assert await answer(reader) == (200, b"POST /g {} 13")


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async with server() as (reader, writer):
        writer.write(b"POST /g HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ab")
        assert await answer(reader) == (200, b"POST /g {} 2")


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"])
async def test_the_connection_closes_when_the_client_wants_it(head: bytes) -> None:
    async with server() as (reader, writer):
        writer.write(head)
        assert (await answer(reader))[0] == 200
        assert await reader.read() == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n", 413),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n", 431),
        (b"GET /?" + b"a=1&" * 101 + b" HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_bad_requests_get_an_answer_and_an_end(data: bytes, status: int) -> None:
    async with server() as (reader, writer):
        writer.write(data)
        assert (await answer(reader))[0] == status
        assert await reader.read() == b""


async def test_a_bug_in_a_handler_is_told_and_the_server_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    async with server() as (reader, writer):
        writer.write(b"GET /bug HTTP/1.1\r\n\r\nGET /fine HTTP/1.1\r\n\r\n")
        assert await answer(reader) == (500, b"Internal server error")
        assert (await answer(reader))[0] == 200
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_a_client_that_leaves_in_the_middle_harms_nothing() -> None:
    async with server() as (_reader, writer):
        writer.write(b"POST /g HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
        writer.close()
        await writer.wait_closed()


async def test_endless_trailers_are_cut_off() -> None:
    async with server() as (reader, writer):
        writer.write(b"POST /g HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: 1\r\n" * MAX_HEAD)
        assert (await answer(reader))[0] == 431


async def test_connections_beyond_the_most_are_closed_and_the_others_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 1)
    listening = await HttpServer().serve("127.0.0.1", 0, echo)
    address = listening.sockets[0].getsockname()
    first, second = [await asyncio.open_connection(*address) for _ in range(2)]
    try:
        assert await second[0].read() == b""
        first[1].write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await answer(first[0]))[0] == 200
    finally:
        for _, writer in (first, second):
            writer.close()
            await writer.wait_closed()
        listening.close()
        await listening.wait_closed()


async def test_a_client_that_does_not_read_its_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "IDLE_LIMIT", 0.2)

    async def much(_request: ports.Request) -> Response:
        return Response(200, bytes(64 * 1024 * 1024))

    listening = await HttpServer().serve("127.0.0.1", 0, much)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname(), limit=1024)
    read = 0
    try:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(30):
            await listening_is_idle(listening)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                read += len(data)
        assert read < 64 * 1024 * 1024
    finally:
        writer.close()
        listening.close()


async def listening_is_idle(server: asyncio.Server) -> None:
    """Until the server holds no connection any more: what `wait_closed` of Python 3.12 waits for."""
    while server._active_count:  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
