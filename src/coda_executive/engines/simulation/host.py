"""What a simulated daemon process has for a machine: the daemon's ports, bundled."""

import asyncio
import contextvars
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from coda_executive.engines.simulation.archives import ArchiveDisk
from coda_executive.engines.simulation.children import SimulatedChildren
from coda_executive.engines.simulation.cpu import SimulatedCpu, Work
from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.halt import Halt
from coda_executive.engines.simulation.http import SimulatedHttp
from coda_executive.engines.simulation.network import Machine, Network, SimulatedTransport
from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.store import Disk, SimulatedStore
from coda_protocol.log_message import EncodedLine

EPOCH_NS = 1_893_456_000 * 1_000_000_000  # 2030-01-01T00:00:00Z: the wall clock when a simulation begins

_SLOW_DISK, _BUSY = "slow disk", "busy"


class SimulatedClock:
    """A node's wall clock: that of the simulated world, or a wrong one."""

    def __init__(self, loop: SimulatedEventLoop) -> None:
        self._loop = loop
        self._ahead_ns = 0  # at `_since_ns` of the loop's time
        self._since_ns = 0
        self._drift = 0.0

    def time_ns(self) -> int:
        if self._drift == 0:  # as nearly always, and asked for with each line of a log
            return EPOCH_NS + self._loop.now_ns + self._ahead_ns
        return EPOCH_NS + self._loop.now_ns + self.ahead_ns

    @property
    def ahead_ns(self) -> int:
        """How far it is ahead of the simulated world."""
        if self._drift == 0:
            return self._ahead_ns
        return self._ahead_ns + int((self._loop.now_ns - self._since_ns) * self._drift)

    def set(self, *, ahead_ns: int, drift: float) -> None:
        """`drift` is in seconds a second."""
        self._since_ns = self._loop.now_ns
        self._ahead_ns, self._drift = ahead_ns, drift


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

    def log(self, line: EncodedLine) -> None:
        process = self.process
        if not process.is_gone:  # `write_log`, without another call for each line
            process.take_log(line)

    def err(self, line: str) -> None:
        self.process.write(line)


@dataclass(slots=True)
class VirtualMachine:
    """What a node keeps while its daemon comes and goes."""

    network: Network
    machine: Machine
    chance: SimulatedChance
    disk: Disk
    archives: ArchiveDisk = field(default_factory=ArchiveDisk)
    clock: SimulatedClock = field(init=False)
    cpu: SimulatedCpu = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SimulatedClock(self.network.loop)
        self.cpu = SimulatedCpu(self.network.loop)


class SimulatedHost:
    """The `Host` of the daemon's ports for one process on a virtual machine."""

    def __init__(
        self,
        machine: VirtualMachine,
        process: Process,
        pid: int,
        environment: Mapping[str, str],
        *,
        chance: SimulatedChance | None = None,
    ) -> None:
        """`chance` is the machine's, unless given."""
        loop = machine.network.loop
        self.clock = machine.clock
        self.chance = chance or machine.chance
        self.console = SimulatedConsole(process)
        self.transport = SimulatedTransport(machine.network, machine.machine, process)
        self.http = SimulatedHttp(machine.machine, process)
        self.halt = Halt(loop, process)
        self.store = SimulatedStore(machine.disk, process, self._wait_for_disk)
        self.children = SimulatedChildren(
            lambda child, added: SimulatedHost(machine, child, pid, {**environment, **added}), process, loop
        )
        self.archive_stores = machine.archives
        self.at_end_of_step = loop.at_end_of_step
        self._cpu = machine.cpu
        self._loop = loop
        self._busy: Work | None = None  # the last of it
        self._disk_free_ns = 0
        self.pid = pid
        self.environment = environment
        self._signal: asyncio.Future[str] = loop.create_future()

    def process_is_alive(self, pid: int) -> bool:
        """A virtual machine runs one daemon at a time: another process id belongs to a dead one."""
        return pid == self.pid

    async def spend(self, label: str, seconds: float) -> None:
        """Do work that costs this much time of the node's one processor, such as a proof. Beyond the ports:
        a daemon looks whether its host has it.
        """
        del label  # for hosts that keep accounts
        await self._cpu.spend(seconds)

    def work(self, label: str, seconds: float) -> None:
        """The step that runs now costs this much time of a processor, such as applying a block: it goes on, and then
        the process has that time to make up for. Proofs are other processes' and go on. Beyond the ports, as `spend`.
        """
        del label
        if seconds > 0:
            self.halt.begin(_BUSY)
            self._busy = self._cpu.begin(seconds, self._worked, after=self._busy)

    def _worked(self) -> None:
        if self._busy is None or self._loop.now_ns >= self._busy.due_ns:
            self._busy = None
            self.halt.end(_BUSY)

    def _wait_for_disk(self, seconds: float) -> None:
        """The process stands still, from the end of this step on, until all its writes are done."""
        self._disk_free_ns = max(self._loop.now_ns, self._disk_free_ns) + int(seconds * 1e9)
        self.halt.begin(_SLOW_DISK)
        self._loop.call_at_ns(self._disk_free_ns, (self._disk_is_done,), contextvars.Context())

    def _disk_is_done(self) -> None:
        if self._loop.now_ns >= self._disk_free_ns:
            self.halt.end(_SLOW_DISK)

    async def interrupted(self) -> str:
        return await asyncio.shield(self._signal)

    def interrupt(self, signal_name: str) -> None:
        """Ask the process to end; called by the node. Further signals change nothing."""
        if not self._signal.done():
            self._signal.set_result(signal_name)
