"""What the tests of the daemon's edges share: machines in virtual time, whole daemons on them, a log in memory."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.coda_daemon.log_testbed import RecordingSink

from coda_daemon.log import Log
from coda_daemon.simulated import DAEMON
from coda_executive.engines.simulation.event_loop import running_loop
from coda_executive.engines.simulation.host import (
    EPOCH_NS,
    SimulatedChance,
    SimulatedHost,
    VirtualMachine,
)
from coda_executive.engines.simulation.http import SimulatedHttpTransport
from coda_executive.engines.simulation.network import Network
from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.store import Disk
from coda_protocol.currency import Balance
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.runtime_config import (
    Account,
    GenesisLedger,
    GenesisSection,
    ProofSection,
    RuntimeConfig,
    encode,
)
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.timestamp import Timestamp

SLOT_MS = 2_000


def config_for(producers: int, *, genesis_in_ms: int = 1_000, slot_ms: int = SLOT_MS) -> RuntimeConfig:
    """A network where sample keys 1 to `producers` have equal stakes; genesis counts from the simulation's begin."""
    return RuntimeConfig(
        genesis=GenesisSection(
            k=12,
            delta=0,
            slots_per_epoch=120,
            slots_per_sub_window=2,
            grace_period_slots=30,
            genesis_state_timestamp=Timestamp(EPOCH_NS // 1_000_000 + genesis_in_ms),
        ),
        proof=ProofSection(
            level="none", sub_windows_per_window=3, ledger_depth=10, block_window_duration_ms=slot_ms
        ),
        ledger=GenesisLedger(
            accounts=tuple(
                Account(pk=str(sample_keypair(index).public), balance=Balance(1000 * 10**9))
                for index in range(1, producers + 1)
            ),
            add_genesis_winner=False,
        ),
    )


class Machine:
    """A machine on the simulated network; `start` runs a daemon on it, `host` gives its ports to the test itself."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.lines: list[str] = []
        self.identity = libp2p_keypair_from_seed(name)
        self._network = network
        self._machine = VirtualMachine(network, network.join(name, address), SimulatedChance(1, name), Disk())
        self._pids = 0

    @property
    def multiaddress(self) -> str:
        return f"/ip4/{self.address}/tcp/8302/p2p/{self.identity.peer_id}"

    def host(self, environment: Mapping[str, str] | None = None) -> SimulatedHost:
        self._pids += 1
        self.process = Process(self.name, self.lines.append)
        return self.process.context.run(
            SimulatedHost, self._machine, self.process, self._pids, {"HOME": "/", **(environment or {})}
        )

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        store = self.host().store
        store.make_directory(path.rpartition("/")[0] or "/", mode=0o700)
        store.write(path, data, mode=mode)

    def start(self, *arguments: str, **environment: str) -> "RunningDaemon":
        """Run a daemon with these arguments and the environment, under the profile `dev` unless told otherwise."""
        host = self.host({"CODA_PROFILE": "dev", **environment})
        task = self.process.spawn(self._network.loop, DAEMON.run(arguments, host), "daemon")
        return RunningDaemon(self, host, task)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The JSON lines that the machine's console got."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]


@dataclass
class RunningDaemon:
    machine: Machine
    host: SimulatedHost
    task: "asyncio.Task[int]"

    async def stop(self) -> int:
        self.host.interrupt("SIGTERM")
        return await self.task

    async def post(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """The body that a GraphQL request is answered with."""
        status, body = await self.post_raw(json.dumps({"query": query, "variables": variables}).encode())
        assert status == 200, body
        return json.loads(body)

    async def post_raw(self, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
        transport = SimulatedHttpTransport(self.machine._network, self.machine._machine.machine, 3085)
        reply = await transport.post("/graphql", body, content_type=content_type, seconds=10)
        return reply.status, reply.body


class World:
    """A simulated network; make it inside the simulation's loop."""

    def __init__(self) -> None:
        self.network = Network(running_loop(), seed=1, latency_ns=1_000_000, jitter_ns=0)
        self._machines: list[Machine] = []

    def machine(self, name: str) -> Machine:
        machine = Machine(self.network, name, f"10.0.0.{len(self._machines) + 1}")
        self._machines.append(machine)
        return machine

    def testnet(self, config: RuntimeConfig, producers: int) -> list[tuple[Machine, Sequence[str]]]:
        """A seed and block producers: machines with all files in place, and the daemon's arguments for each."""
        seed = self.machine("seed")
        nodes: list[tuple[Machine, Sequence[str]]] = []
        for machine in (seed, *(self.machine(f"producer-{index + 1}") for index in range(producers))):
            machine.write("/node/config.json", encode(config))
            arguments = [
                *("-config-directory", "/node/config"),
                *("-config-file", "/node/config.json"),
                *("-libp2p-keypair", machine.identity.reveal()),
                *("-external-ip", machine.address),
                *("-log-json", "-log-level", "Trace"),
            ]
            arguments += ["-seed"] if machine is seed else ["-peer", seed.multiaddress]
            nodes.append((machine, arguments))
        return nodes


def producer_environment(index: int) -> dict[str, str]:
    """Makes a daemon produce with a sample key."""
    return {"MINA_BP_PRIVKEY": sample_keypair(index).private.reveal()}


def memory_log(host: SimulatedHost) -> tuple[Log, RecordingSink]:
    sink = RecordingSink()
    return Log(host.clock, [sink], pid=host.pid), sink
