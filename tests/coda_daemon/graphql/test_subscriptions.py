"""Subscriptions over a real websocket, spoken by aiohttp's client as the independent peer; and, in virtual
time, on a daemon that follows a chain.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from tests.coda_daemon.chain_testbed import genesis_of, key, make_config, next_block
from tests.coda_daemon.graphql.test_queries import PRODUCER, with_network
from tests.coda_daemon.test_websocket import HEADERS, frame
from tests.coda_daemon.worlds import RunningDaemon

from coda_daemon.announcements import Announcement, Announcements, BlockAdded, Reorganized, SyncChanged
from coda_daemon.graphql import subscriptions
from coda_daemon.http_server import HttpServer
from coda_daemon.rest import Rest
from coda_daemon.sync_status import SyncStatus
from coda_daemon.web import Request

LIMIT = 20.0  # seconds until a wait gives up
GENESIS = genesis_of(make_config(1000))
BLOCK = next_block(GENESIS, GENESIS.built).block


class Talk:
    """A client's side, in one of the two protocols."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, announcements: Announcements) -> None:
        self.socket = socket
        self.announcements = announcements

    async def say(self, kind: str, name: str | None = None, payload: Any = None) -> None:
        message = {"type": kind, "id": name, "payload": payload}
        await self.socket.send_json({key: value for key, value in message.items() if value is not None})

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT):
            message: dict[str, Any] = await self.socket.receive_json()
        return message

    async def close_code(self) -> int | None:
        async with asyncio.timeout(LIMIT):
            async for _message in self.socket:
                pass
        return self.socket.close_code

    def tell(self, *announcements: Announcement) -> None:
        for announcement in announcements:
            self.announcements.tell(announcement)


@asynccontextmanager
async def talking(protocol: str | None) -> AsyncIterator[Talk]:
    announcements = Announcements()
    node = SimpleNamespace(announcements=announcements, sync_status=SyncStatus.LISTENING)
    view: Any = SimpleNamespace(node=node, genesis=GENESIS)
    server = await HttpServer().serve("127.0.0.1", 0, Rest(view).handle)
    host, port = server.sockets[0].getsockname()
    protocols = () if protocol is None else (protocol,)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/graphql", protocols=protocols) as socket,
        ):
            assert socket.protocol == protocol
            yield Talk(socket, announcements)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.real
@pytest.mark.parametrize("protocol", ["graphql-ws", None])
async def test_the_older_protocol_subscribes_and_stops(protocol: str | None) -> None:
    async with talking(protocol) as talk:
        await talk.say("connection_init")
        assert await talk.next() == {"type": "connection_ack"}
        await talk.say("start", "1", {"query": "subscription { newSyncUpdate }"})
        assert await talk.next() == {
            "type": "data",
            "id": "1",
            "payload": {"data": {"newSyncUpdate": "LISTENING"}},
        }
        talk.tell(SyncChanged(SyncStatus.SYNCED), Reorganized())
        assert (await talk.next())["payload"] == {"data": {"newSyncUpdate": "SYNCED"}}

        await talk.say("stop", "1")
        assert await talk.next() == {"type": "complete", "id": "1"}
        talk.tell(SyncChanged(SyncStatus.OFFLINE))
        await talk.say("connection_terminate")
        assert await talk.close_code() == 1000


@pytest.mark.real
async def test_the_newer_protocol_subscribes_pings_and_completes() -> None:
    query = "subscription($key: PublicKey) { newBlock(publicKey: $key) { stateHash creator } }"
    async with talking("graphql-transport-ws") as talk:
        await talk.say("connection_init", payload={"token": "ignored"})
        assert await talk.next() == {"type": "connection_ack"}
        await talk.say("subscribe", "all", {"query": query})
        await talk.say("subscribe", "mine", {"query": query, "variables": {"key": key(1)}})
        await talk.say("subscribe", "other", {"query": query, "variables": {"key": key(2)}})
        await talk.say("subscribe", "turn", {"query": "subscription { chainReorganization }"})
        await talk.say("ping", payload={"n": 1})
        assert await talk.next() == {"type": "pong", "payload": {"n": 1}}

        talk.tell(BlockAdded(BLOCK), Reorganized())

        block = {"data": {"newBlock": {"stateHash": BLOCK.state_hash, "creator": key(1)}}}
        assert await talk.next() == {"type": "next", "id": "all", "payload": block}
        assert await talk.next() == {"type": "next", "id": "mine", "payload": block}
        assert (await talk.next())["payload"] == {"data": {"chainReorganization": "CHANGED"}}
        await talk.say("complete", "all")
        await talk.say("ping")
        assert await talk.next() == {"type": "pong"}
        talk.tell(BlockAdded(BLOCK))
        assert (await talk.next())["id"] == "mine"


@pytest.mark.real
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("subscription {", "Syntax Error"),
        ("subscription { nothing }", "Field 'nothing' is not defined on type 'subscription'"),
        ("subscription { newSyncUpdate chainReorganization }", "exactly one selection"),
        ("subscription { __typename }", "exactly one selection"),
        ("subscription($key: PublicKey!) { newBlock(publicKey: $key) { creator } }", "key"),
        ('subscription { newBlock(publicKey: "B62") { creator } }', "Argument `publicKey`"),
    ],
)
async def test_a_document_with_a_fault_gets_an_error_and_the_connection_stays(
    query: str, message: str
) -> None:
    for protocol, start in (("graphql-ws", "start"), ("graphql-transport-ws", "subscribe")):
        async with talking(protocol) as talk:
            await talk.say("connection_init")
            await talk.next()
            await talk.say(start, "1", {"query": query})
            answer = await talk.next()
            assert (answer["type"], answer["id"]) == ("error", "1")
            assert isinstance(answer["payload"], list) == (start == "subscribe")
            assert message in str(answer["payload"])
            await talk.say(start, "2", {"query": "query { syncStatus }"})
            assert (await talk.next())["payload"] == {"data": {"syncStatus": "LISTENING"}}
            assert await talk.next() == {"type": "complete", "id": "2"}


@pytest.mark.real
@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["not json"], 4400),
        (['{"type": "riddle"}'], 4400),
        (["[" * 100_000], 4400),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "subscription { newSyncUpdate }"}}'], 4401),
        (['{"type": "connection_init"}'] * 2, 4429),
        (
            ['{"type": "connection_init"}']
            + ['{"type": "subscribe", "id": "1", "payload": {"query": "subscription { newSyncUpdate }"}}']
            * 2,
            4409,
        ),
        (['{"type": "connection_init"}', '{"type": "subscribe", "id": "1", "payload": 5}'], 4400),
    ],
)
async def test_the_newer_protocol_closes_on_misuse(messages: list[str], code: int) -> None:
    async with talking("graphql-transport-ws") as talk:
        for message in messages:
            await talk.socket.send_str(message)
        assert await talk.close_code() == code


@pytest.mark.real
async def test_the_older_protocol_complains_and_goes_on() -> None:
    async with talking("graphql-ws") as talk:
        for bad in ("not json", '{"type": "riddle"}', '{"type": "start"}'):
            await talk.socket.send_str(bad)
            assert (await talk.next())["type"] == "connection_error"
        await talk.say("start", "1", {"query": "subscription { newSyncUpdate }"})
        assert (await talk.next())["type"] == "data"


@pytest.mark.real
async def test_a_client_that_breaks_the_frames_is_closed_with_the_reason() -> None:
    async with talking("graphql-ws") as talk:
        await talk.socket.send_bytes(b"binary")
        assert await talk.close_code() == 1003


@pytest.mark.real
async def test_too_many_subscriptions_are_refused() -> None:
    async with talking("graphql-ws") as talk:
        for number in range(subscriptions.MAX_SUBSCRIPTIONS + 1):
            await talk.say("start", str(number), {"query": "subscription { newSyncUpdate }"})
            answer = await talk.next()
        assert answer["type"] == "error"


class MemoryChannel:
    """A `ports.Channel` whose client is the test. It takes `room` writes, then it blocks."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self.written: list[bytes] = []
        self.room = room

    async def read(self) -> bytes:
        return await self.incoming.get()

    async def write(self, data: bytes) -> None:
        if len(self.written) >= self.room:
            await asyncio.Event().wait()
        self.written.append(data)

    def say(self, message: dict[str, Any]) -> None:
        self.incoming.put_nowait(frame(1, json.dumps(message).encode()))

    def texts(self) -> list[dict[str, Any]]:
        """What came as text; short frames and long ones up to 64 kB."""
        frames = [data for data in self.written if data[0] == 0x81]
        return [json.loads(data[4:] if data[1] == 126 else data[2:]) for data in frames]


def on_a_daemon(check: Any, *, room: int = 1_000_000) -> None:
    """Call `check(channel, talking)` with a websocket to a producer in virtual time, 10 s after its start."""
    seen: list[Rest] = []
    handle = Rest.handle

    async def spying(self: Rest, request: Any) -> Any:
        seen.append(self)
        return await handle(self, request)

    async def body(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        await producer.post("{ version }")
        response = await handle(seen[0], Request("GET", "/graphql", headers=HEADERS))
        assert response.status == 101
        assert response.talk is not None
        channel = MemoryChannel(room)
        talking = asyncio.ensure_future(response.talk(channel))
        await check(channel, talking)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rest, "handle", spying)
        with_network(body, after=10)


def test_each_block_of_a_running_chain_is_told_once() -> None:
    async def check(channel: MemoryChannel, talking: "asyncio.Task[None]") -> None:
        wanted = "protocolState { consensusState { blockHeight } }"
        query = f'subscription {{ newBlock(publicKey: "{PRODUCER}") {{ {wanted} }} }}'
        channel.say({"type": "start", "id": "b", "payload": {"query": query}})
        await asyncio.sleep(40)
        channel.incoming.put_nowait(b"")
        await talking

        heights = [
            int(text["payload"]["data"]["newBlock"]["protocolState"]["consensusState"]["blockHeight"])
            for text in channel.texts()
        ]
        assert len(heights) > 10
        assert heights == list(range(heights[0], heights[0] + len(heights)))

    on_a_daemon(check)


def test_a_silent_client_is_pinged_and_left() -> None:
    async def check(channel: MemoryChannel, talking: "asyncio.Task[None]") -> None:
        channel.say({"type": "connection_init"})
        began = asyncio.get_running_loop().time()
        await talking
        assert asyncio.get_running_loop().time() - began == pytest.approx(2 * subscriptions.SILENCE_LIMIT)
        assert channel.written[-2][:2] == b"\x89\x00"
        assert channel.written[-1][2:4] == (1001).to_bytes(2, "big")

    on_a_daemon(check)


def test_who_never_initialises_is_left() -> None:
    async def check(channel: MemoryChannel, talking: "asyncio.Task[None]") -> None:
        await talking
        assert channel.written[-1][2:4] == (4408).to_bytes(2, "big")

    on_a_daemon(check)


def test_a_client_that_does_not_read_is_cut_off_and_the_node_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_PENDING", 3)

    async def check(channel: MemoryChannel, talking: "asyncio.Task[None]") -> None:
        channel.say(
            {"type": "start", "id": "1", "payload": {"query": "subscription { newBlock { creator } }"}}
        )
        async with asyncio.timeout(120):
            await talking
        assert len(channel.written) == 1

    on_a_daemon(check, room=1)
