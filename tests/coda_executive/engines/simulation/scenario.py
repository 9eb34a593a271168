"""A small daemon and a run of it: used by the tests, and as a script in a fresh process (`scenario.py SEED
DIRECTORY`).
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from coda_executive.config.network import NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import (
    DeploymentPlan,
    NetworkConstants,
    NodeSite,
    PlannedFile,
    PlannedNode,
    Role,
)
from coda_executive.engines.simulation import ENGINE, daemons
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.events.event import LifecycleEvent
from coda_executive.interfaces.engine import RunContext, Session
from coda_executive.interfaces.log_engine import LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet
from coda_protocol.runtime_config import RuntimeConfig


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


class PingPong:
    """Serves `syncStatus`, counts its starts on disk, pings each of its peers at random intervals and logs
    each ping it gets.
    """

    def build(self) -> tuple[str, Mapping[str, str]]:
        return "ping-pong 1", {}

    async def run(self, arguments: Sequence[str], host: Any) -> int:
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        starts = f"{options['-config-directory']}/starts"
        count = int(host.store.read(starts)) if host.store.exists(starts) else 0
        host.store.write(starts, str(count + 1).encode())

        async def answer(_request: Any) -> Answer:
            return Answer(200, json.dumps({"data": {"syncStatus": "SYNCED"}}).encode(), {})

        async def accepted(connection: Any) -> None:
            while (frame := await connection.receive()) is not None:
                log(host, f"got {frame.decode()} from {connection.remote_host}")

        await host.http.serve("127.0.0.1", 3085, answer)
        await host.transport.listen("0.0.0.0", 8302, accepted)
        log(host, f"start {count + 1}")
        async with asyncio.TaskGroup() as group:
            pinging = [
                group.create_task(ping(host, peer)) for peer in options.get("-peer", "").split(",") if peer
            ]
            signal = await host.interrupted()
            log(host, f"interrupted by {signal}")
            for task in pinging:
                task.cancel()
        return 130


def log(host: Any, message: str) -> None:
    seconds, nanoseconds = divmod(host.clock.time_ns(), 1_000_000_000)
    line = {"timestamp": f"{seconds}.{nanoseconds:09}", "level": "Warn", "message": message, "metadata": {}}
    host.console.out(json.dumps(line))


async def ping(host: Any, peer: str) -> None:
    stream = host.chance.stream(f"ping {peer}")
    number = 0
    while True:
        try:
            connection = await host.transport.connect(peer, 8302)
            while True:
                await asyncio.sleep(stream.random())
                number += 1
                await connection.send(f"ping {number}".encode())
        except OSError:
            await asyncio.sleep(1)


def plan_of(sites: Mapping[NodeId, NodeSite]) -> DeploymentPlan:
    nodes = tuple(
        PlannedNode(
            id=name,
            role=Role.PLAIN,
            site=site,
            peer_address=site.host,
            peers=(),
            public_key=None,
            stake_share=0.0,
            arguments=(
                *("-config-directory", f"{site.directory}/config"),
                *("-peer", ",".join(other.host for other in sites.values() if other is not site)),
            ),
            environment={"MINA_LIBP2P_PASS": "x"},
            files=(PlannedFile("config/version", b"1"), PlannedFile("keys/libp2p", b"secret", 0o600)),
        )
        for name, site in sites.items()
    )
    return DeploymentPlan(
        network=NetworkConfig(plain_nodes=len(nodes)),
        runtime=RuntimeConfig(),
        constants=NetworkConstants(2000, 12, 0, 120, 2, 11, 40, "dev"),
        nodes=nodes,
        genesis_file="genesis.json",
    )


class FakeEntry:
    def __init__(self, name: str, daemon: Any) -> None:
        self.name = name
        self._daemon = daemon

    def load(self) -> Any:
        return self._daemon


@dataclass
class Simulated:
    """What a body gets: the testnet, and all that was observed, in order."""

    session: Session
    testnet: Testnet
    seen: list[tuple[float, NodeId, Any]]

    def events(self, node: str, kind: type) -> list[Any]:
        return [event for _, name, event in self.seen if name == node and isinstance(event, kind)]


def simulate(
    body: Callable[[Simulated], Awaitable[None]],
    directory: Path,
    *,
    daemon: Any = None,
    names: Sequence[str] = ("a", "b", "c"),
    seed: int = 1,
    plan: Callable[[Mapping[NodeId, NodeSite]], DeploymentPlan] = plan_of,
    **options: Any,
) -> Simulated:
    """Deploy, attach, launch, run the body, drain and destroy, as the executive does."""
    found: list[Simulated] = []

    async def main() -> None:
        seen: list[tuple[float, NodeId, Any]] = []
        loop = asyncio.get_running_loop()

        def publish(node: NodeId, event: LifecycleEvent) -> None:
            seen.append((loop.time(), node, event))

        def deliver(records: Sequence[LogRecord]) -> None:
            seen.extend((loop.time(), record.node, record) for record in records)

        context = RunContext("run", directory, seed, "fake", publish, lambda _error: None)
        session = ENGINE.open(context, SimulationOptions(**{"audit": True, **options}))
        manager = session.manager
        build = await manager.handshake()
        testnet = await manager.deploy(plan(await manager.sites([NodeId(name) for name in names])))
        run = Simulated(session, testnet, seen)
        try:
            async with session.log_engine.attach(testnet, Queries(build.event_ids), deliver) as attachment:
                await manager.launch()
                await body(run)
                await attachment.drain()
        finally:
            await manager.destroy()
        found.append(run)

    entries = [FakeEntry("fake", daemon or PingPong())]
    with patch.object(daemons, "entry_points", lambda group: entries if group == daemons.GROUP else []):
        ENGINE.run(main, seed=seed)
    return found[0]


async def eventful(run: Simulated) -> None:
    """Some of all that may happen to nodes."""
    a, b, c = run.testnet.nodes
    await asyncio.sleep(10)
    await b.kill()  # type: ignore[attr-defined]
    await asyncio.sleep(5)
    await c.pause()  # type: ignore[attr-defined]
    await b.start(fresh_state=True)
    await asyncio.sleep(5)
    await c.resume()  # type: ignore[attr-defined]
    await asyncio.wait([asyncio.ensure_future(node.client.sync_status()) for node in run.testnet.nodes])
    await a.stop()
    await asyncio.sleep(5)


def fingerprint(seed: int, directory: Path, daemon: Any = None) -> str:
    """All that an eventful run wrote and showed, as one hash; 20 virtual seconds, random order of ready
    callbacks.
    """
    run = simulate(
        eventful, directory, daemon=daemon, seed=seed, jitter=0.5, ready_order="random", trace=True
    )
    text = repr(run.seen)
    for node in run.testnet.nodes:
        text += (directory / "nodes" / node.id / "daemon.log").read_text()
    return sha256((text + (directory / "trace.json").read_text()).encode()).hexdigest()


if __name__ == "__main__":
    print(fingerprint(int(sys.argv[1]), Path(sys.argv[2])))
