"""Gating, added peers and trust through GraphQL, on whole daemons in virtual time (daemon contract D.5)."""

import asyncio
from typing import Any

from tests.coda_daemon.graphql.test_queries import with_network
from tests.coda_daemon.worlds import RunningDaemon

CONFIG = "trustedPeers { host libp2pPort peerId } bannedPeers { host libp2pPort peerId } isolate"
SET = f"mutation($input: SetConnectionGatingConfigInput!) {{ setConnectionGatingConfig(input: $input) {{ {CONFIG} }} }}"
ADD = "mutation($peers: [NetworkPeer!]!) { addPeers(peers: $peers) { host } }"


def as_input(daemon: RunningDaemon) -> dict[str, Any]:
    machine = daemon.machine
    return {"host": machine.address, "libp2pPort": 8302, "peerId": machine.identity.peer_id}


async def peer_count(daemon: RunningDaemon) -> int:
    return len((await daemon.post("{ getPeers { host } }"))["data"]["getPeers"])


def test_the_gating_configuration_parts_a_network_and_heals_it() -> None:
    async def check(seed: RunningDaemon, producer: RunningDaemon) -> None:
        found = await producer.post(f"{{ connectionGatingConfig {{ {CONFIG} }} }}")
        start = {"trustedPeers": [as_input(seed)], "bannedPeers": [], "isolate": False}
        assert found["data"]["connectionGatingConfig"] == start

        wanted = {"trustedPeers": [], "bannedPeers": [], "isolate": True}
        answer = await producer.post(SET, {"input": wanted})
        assert answer["data"]["setConnectionGatingConfig"] == wanted
        assert [await peer_count(node) for node in (seed, producer)] == [0, 0]
        await asyncio.sleep(30)
        tips = [(await node.post("{ daemonStatus { stateHash } }"))["data"] for node in (seed, producer)]
        assert tips[0] != tips[1]

        await producer.post(SET, {"input": start})
        await asyncio.sleep(10)
        tips = [(await node.post("{ daemonStatus { stateHash } }"))["data"] for node in (seed, producer)]
        assert tips[0] == tips[1]

    with_network(check)


def test_banned_peers_are_shown_and_kept_out() -> None:
    async def check(seed: RunningDaemon, producer: RunningDaemon) -> None:
        wanted = {"trustedPeers": [], "bannedPeers": [as_input(producer)], "isolate": False}
        answer = await seed.post(SET, {"input": {**wanted, "cleanAddedPeers": True}})
        assert answer["data"]["setConnectionGatingConfig"] == wanted
        await asyncio.sleep(20)
        assert await peer_count(seed) == 0

    with_network(check)


def test_added_peers_are_dialled_and_bad_ones_named() -> None:
    async def check(seed: RunningDaemon, producer: RunningDaemon) -> None:
        answer = await seed.post(ADD, {"peers": [as_input(producer)]})
        assert answer["data"]["addPeers"] == [{"host": producer.machine.address}]
        for peers, message in (
            ([], "Empty peers list"),
            ([{**as_input(producer), "host": "nonsense"}], "Invalid format for NetworkPeer.host"),
            ([{**as_input(producer), "peerId": "nonsense"}], "Invalid format for NetworkPeer.peerId"),
            ([{**as_input(producer), "libp2pPort": 0}], "Invalid format for NetworkPeer.libp2pPort"),
        ):
            answer = await seed.post(ADD, {"peers": peers})
            assert answer["errors"][0]["message"].startswith(message)
            assert answer["errors"][0]["path"] == ["addPeers"]

    with_network(check)


def test_nobody_was_blamed_in_peace() -> None:
    async def check(seed: RunningDaemon, _producer: RunningDaemon) -> None:
        query = '{ trustStatusAll { ipAddr } trustStatus(ipAddress: "10.0.0.2") { trust bannedStatus } }'
        assert (await seed.post(query))["data"] == {"trustStatusAll": [], "trustStatus": []}

    with_network(check)
