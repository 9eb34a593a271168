"""What a simulated daemon process has for a machine: the daemon's ports, bundled."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.http import SimulatedHttp
from coda_executive.engines.simulation.network import Machine, Network, SimulatedTransport
from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.store import Disk, SimulatedStore

EPOCH_NS = 1_893_456_000 * 1_000_000_000  # 2030-01-01T00:00:00Z: the wall clock when a simulation begins


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """Wall time of the simulated world."""

    loop: SimulatedEventLoop

    def time_ns(self) -> int:
        return EPOCH_NS + self.loop.now_ns


@dataclass(slots=True)
class SimulatedChance:
    """A node's streams, one for each label. They go on after a restart, so that a node does not repeat
    itself.
    """

    seed: int
    node: str
    _streams: dict[str, Random] = field(default_factory=dict)

    def stream(self, label: str) -> Random:
        stream = self._streams.get(label)
        if stream is None:
            stream = self._streams[label] = Random(f"{self.seed}:{self.node}:{label}")  # noqa: S311  repeatable on purpose
        return stream

    def token_bytes(self, size: int) -> bytes:
        return self.stream("token bytes").randbytes(size)


@dataclass(frozen=True, slots=True)
class SimulatedConsole:
    """Standard output and error, both into the node's log."""

    process: Process

    def out(self, line: str) -> None:
        self.process.write(line)

    def err(self, line: str) -> None:
        self.process.write(line)


@dataclass(slots=True)
class VirtualMachine:
    """What a node keeps while its daemon comes and goes."""

    network: Network
    machine: Machine
    chance: SimulatedChance
    disk: Disk


class SimulatedHost:
    """The `Host` of the daemon's ports for one process on a virtual machine."""

    def __init__(
        self, machine: VirtualMachine, process: Process, pid: int, environment: Mapping[str, str]
    ) -> None:
        loop = machine.network.loop
        self.clock = SimulatedClock(loop)
        self.chance = machine.chance
        self.console = SimulatedConsole(process)
        self.transport = SimulatedTransport(machine.network, machine.machine, process)
        self.http = SimulatedHttp(machine.machine, process)
        self.store = SimulatedStore(machine.disk, process)
        self.pid = pid
        self.environment = environment
        self._signal: asyncio.Future[str] = loop.create_future()

    def process_is_alive(self, pid: int) -> bool:
        """A virtual machine runs one daemon at a time: another process id belongs to a dead one."""
        return pid == self.pid

    async def interrupted(self) -> str:
        return await asyncio.shield(self._signal)

    def interrupt(self, signal_name: str) -> None:
        """Ask the process to end; called by the node. Further signals change nothing."""
        if not self._signal.done():
            self._signal.set_result(signal_name)
