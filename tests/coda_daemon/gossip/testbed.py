"""What the tests of gossip share: nodes on a simulated network, and a machine that speaks frames by hand."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.coda_daemon.worlds import Machine, World, memory_log

from coda_daemon.gossip.frames import (
    Addresses,
    Frame,
    Graft,
    decode,
)
from coda_daemon.gossip.handshake import Self, greet
from coda_daemon.gossip.network import Gossip, Limits, Peer, RequestFailed
from coda_daemon.gossip.peer import parse_multiaddress
from coda_daemon.gossip.trust_file import TrustFile
from coda_daemon.ports import Connection
from coda_daemon.profile import dev
from coda_executive.engines.simulation.event_loop import run
from coda_protocol.structured_events import Level


class GossipNode:
    """A node that keeps what it receives and answers requests with their payload."""

    def __init__(
        self,
        world: World,
        name: str,
        seeds: Sequence["GossipNode"] = (),
        *,
        chain_id: str = "chain",
        limits: Limits | None = None,
        machine: Machine | None = None,
        is_isolated: bool = False,
        is_flooding: bool = False,
        direct: Sequence["GossipNode | Impostor"] = (),
    ) -> None:
        self.machine = machine or world.machine(name)
        self.name = name
        self.received: list[bytes] = []
        self.is_good = True
        host = self.machine.host()
        self.process = self.machine.process
        self.log, self.sink = memory_log(host)
        self.gossip = Gossip(
            host=host,
            identity=self.machine.identity,
            chain_id=chain_id,
            bind_ip=self.machine.address,
            external_ip="0.0.0.0",
            external_port=8302,
            seeds=[parse_multiaddress(seed.machine.multiaddress) for seed in seeds],
            profile=dev(2_000),
            log=self.log,
            serve=self.serve,
            receive=self.receive,
            limits=limits,
            direct=[node.peer for node in direct],
            is_isolated=is_isolated,
            is_flooding=is_flooding,
            trust_file=TrustFile("/node/config", host, self.log),
        )
        self.task = self.process.spawn(world.network.loop, self.gossip.run(), "gossip")

    async def serve(self, peer: Peer, kind: str, payload: bytes) -> bytes:
        match kind:
            case "echo":
                return payload
            case "never":
                await asyncio.sleep(1e6)
            case "bug":
                raise ZeroDivisionError
        raise RequestFailed(f"nobody knows {kind}")

    def receive(self, peer: Peer, topic: str, payload: bytes) -> bool:
        self.received.append(payload)
        if payload == b"bug":
            raise ZeroDivisionError
        return self.is_good

    @property
    def peer(self) -> Peer:
        return parse_multiaddress(self.machine.multiaddress)

    @property
    def peer_names(self) -> set[str]:
        return {peer.host for peer in self.gossip.peers}

    def complaints(self) -> list[str]:
        return self.sink.messages(Level.ERROR)


def in_world(check: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await check(World())

    run(main)


GREETINGS = (Addresses, Graft)  # what a node says by itself on a new link


class Impostor:
    """A machine that speaks frames by hand."""

    def __init__(self, world: World, name: str = "impostor") -> None:
        self.machine = world.machine(name)
        self.host = self.machine.host()
        self.own = Self(self.machine.identity, "chain", "", 8302)

    @property
    def peer(self) -> Peer:
        return parse_multiaddress(self.machine.multiaddress)

    async def link(self, node: GossipNode) -> Connection:
        """A link that the node takes for a peer's."""
        connection = await self.host.transport.connect(node.machine.address, 8302)
        await greet(connection, self.own, bytes(32), expected=node.peer.peer_id)
        return connection


async def next_frame(connection: Connection, *, skipping: tuple[type, ...] = ()) -> Frame | None:
    while True:
        data = await connection.receive()
        frame = None if data is None else decode(data)
        if not isinstance(frame, skipping):
            return frame
