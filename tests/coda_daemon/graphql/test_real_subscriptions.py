"""A real process, subscribed to over a websocket while GraphQL cuts it off from its network and lets it back."""

import asyncio
import signal
from typing import Any

import aiohttp
import pytest
from tests.coda_daemon.test_real_network import (
    LIMIT,
    RealDaemon,
    agree,
    network,  # noqa: F401  a fixture
    wait_until,
)

pytestmark = pytest.mark.real

CUT = "mutation { setConnectionGatingConfig(input: {isolate: %s, trustedPeers: [], bannedPeers: []}) { isolate } }"


async def next_block(socket: aiohttp.ClientWebSocketResponse) -> str:
    async with asyncio.timeout(LIMIT):
        message: dict[str, Any] = await socket.receive_json()
    block: str = message["payload"]["data"]["newBlock"]["stateHash"]
    return block


async def test_blocks_are_told_and_the_gate_parts_and_heals_a_network(network: list[RealDaemon]) -> None:  # noqa: F811
    wait_until("common best tip of height 3", lambda: agree(network, above=2))
    seed, one, two = network
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{seed.rest_port}/graphql", protocols=["graphql-ws"]) as socket,
    ):
        await socket.send_json({"type": "connection_init"})
        assert await socket.receive_json() == {"type": "connection_ack"}
        query = "subscription { newBlock { stateHash } }"
        await socket.send_json({"type": "start", "id": "1", "payload": {"query": query}})
        assert await next_block(socket) != await next_block(socket)

        assert seed.query(CUT % "true") == {"setConnectionGatingConfig": {"isolate": True}}
        wait_until(
            "end of all links of the seed", lambda: seed.query("{ getPeers { host } }")["getPeers"] == []
        )
        cut_at = seed.tip_and_status()
        assert cut_at is not None
        wait_until("block without the seed", lambda: agree([one, two], above=cut_at[1] + 1))
        assert (seed.tip_and_status() or ("",))[0] == cut_at[0]

        seed.query(CUT % "false")
        wait_until("healed network", lambda: agree(network, above=cut_at[1] + 1))
        await next_block(socket)
        seed.process.send_signal(signal.SIGTERM)
        assert seed.process.wait(LIMIT) == 130
    assert all(daemon.complaints() == [] for daemon in network)
    assert (seed.directory / "stderr").read_text() == ""
