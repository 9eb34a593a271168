"""One node of a simulated testnet."""

import asyncio
import json
import posixpath
from collections.abc import Callable, Sequence

from coda_executive.client.daemon_client import DaemonClient
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import PlannedNode, Role
from coda_executive.engines.simulation.companion import SimulatedCompanion
from coda_executive.engines.simulation.daemons import SimulatedDaemon, find_daemon
from coda_executive.engines.simulation.faults import SimulatedFaults
from coda_executive.engines.simulation.host import VirtualMachine
from coda_executive.engines.simulation.hosted import End, HostedProcess, Life
from coda_executive.engines.simulation.http import SimulatedHttpTransport
from coda_executive.engines.simulation.node_archive import SimulatedNodeArchive
from coda_executive.engines.simulation.node_log import NodeLog, until_told
from coda_executive.engines.simulation.store import SimulatedStore
from coda_executive.errors import DeployError
from coda_executive.events.event import (
    LifecycleEvent,
    NodeCrashed,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.archive import NodeArchive
from coda_executive.interfaces.client import NodeClient


class SimulatedNode(SimulatedFaults):
    """Satisfies Node, Killable, Pausable, Upgradable and, by its base, what can be done to a machine.

    What is done to it is done to its companions, but that those which outlive it are left alone when it stops
    or is killed.
    """

    def __init__(
        self,
        planned: PlannedNode,
        daemon: SimulatedDaemon,
        machine: VirtualMachine,
        log: NodeLog,
        publish: Callable[[NodeId, LifecycleEvent], None],
        new_pid: Callable[[], int],
        stop_limit: float,
        companions: Sequence[SimulatedCompanion] = (),
    ) -> None:
        super().__init__(machine)
        self._planned = planned
        self._daemon = self._usual_daemon = daemon
        self._log = log
        self._publish = publish
        self._new_pid = new_pid
        self._is_retired = False
        self._companions = companions
        self._archive: SimulatedNodeArchive | None = None
        if planned.role is Role.ARCHIVE_NODE:
            (archive,) = companions
            self._archive = SimulatedNodeArchive(planned, archive, machine, lambda: self._daemon, new_pid)
        self._process = HostedProcess(
            planned.id, machine, machine.chance, log, stop_limit=stop_limit, ended=self._ended
        )
        transport = SimulatedHttpTransport(machine.network, machine.machine, planned.site.rest_port)
        self._client = DaemonClient(planned.id, transport)

    def __repr__(self) -> str:
        state = f"running, pid {self._process.pid}" if self.is_running else "stopped"
        paused = ", paused" if self._process.is_paused else ""
        return f"<SimulatedNode {self.id} {self._machine.machine.address} {state}{paused}>"

    @property
    def id(self) -> NodeId:
        return self._planned.id

    @property
    def role(self) -> Role:
        return self._planned.role

    @property
    def is_running(self) -> bool:
        return self._process.pid is not None

    @property
    def node_id_json(self) -> str:
        return json.dumps(
            {"node": self.id, "address": self._machine.machine.address, "pid": self._process.pid}
        )

    @property
    def client(self) -> NodeClient:
        return self._client

    @property
    def archive(self) -> NodeArchive | None:
        """Satisfies Archived."""
        return self._archive

    async def start(self, *, fresh_state: bool = False) -> None:
        if self.is_running:
            return
        if self._is_retired:
            raise DeployError(f"{self.id} was destroyed and cannot be started again; spawn another node")
        if fresh_state:
            self._empty_config_directory()
        for companion in self._companions:
            if companion.outlives_node:
                await companion.start(self._daemon)
        daemon, arguments = self._daemon, self._planned.arguments
        mortals = self._mortals()
        told = {
            companion.after: self._log.expect(companion.after)
            for companion in mortals
            if companion.after is not None
        }
        self._process.start(
            lambda host: daemon.run(arguments, host),
            self._new_pid(),
            {"HOME": self._planned.site.directory, **self._planned.environment},
            lambda: self._publish(self.id, NodeStarted(fresh_state)),
            task="daemon",
        )
        for companion in mortals:
            text = companion.after
            if text is None or await until_told(self.id, self._log, text, told[text]):
                await companion.start(daemon)

    async def retire(self) -> None:
        """Stop for good, with all its companions."""
        self._is_retired = True
        await self.stop()
        await self.stop_the_rest()

    async def stop(self) -> None:
        await asyncio.gather(self._process.stop(), *(companion.stop() for companion in self._mortals()))

    async def stop_the_rest(self) -> None:
        """Stop also the companions that outlive it."""
        await asyncio.gather(*(companion.stop() for companion in self._companions))

    async def kill(self) -> None:
        if self.is_running:
            self._machine.disk.lose_unsynced(self._machine.chance.stream("crash of the disk"))
        await self._process.kill()
        for companion in self._mortals():
            await companion.kill()

    async def pause(self) -> None:
        """Freeze its processes. Their connections stay open."""
        if self._process.pause():
            for companion in self._companions:
                companion.pause()
            self._publish(self.id, NodePaused())

    async def resume(self) -> None:
        if self._process.resume():
            for companion in self._companions:
                companion.resume()
            self._publish(self.id, NodeResumed())

    async def upgrade(self, daemon: str | None) -> None:
        self._daemon = self._usual_daemon if daemon is None else find_daemon(daemon)

    @property
    def has_companions(self) -> bool:
        return bool(self._companions)

    def left_running(self) -> list[str]:
        """What of it runs."""
        beside = [companion.id for companion in self._companions if companion.is_running]
        return [self.id, *beside] if self.is_running else beside

    def _mortals(self) -> list[SimulatedCompanion]:
        return [companion for companion in self._companions if not companion.outlives_node]

    def _ended(self, life: Life) -> None:
        self._log.expect_no_more()
        self._machine.cpu.reset()
        self._publish(self.id, self._last_event(life))

    def _last_event(self, life: Life) -> LifecycleEvent:
        match life.end:
            case End.ASKED:
                return NodeStopped(life.exit_code, forced=False)
            case End.FORCED:
                return NodeStopped(None, forced=True)
            case End.KILLED:
                return NodeKilled()
            case End.BY_ITSELF:
                # A daemon that let its own cancellation through left no exit code; an interpreter would end
                # with 1.
                exit_code = 1 if life.exit_code is None else life.exit_code
                return NodeCrashed(exit_code, None, self._log.last_lines)

    def _empty_config_directory(self) -> None:
        store = SimulatedStore(self._machine.disk)
        directory = config_directory(self._planned)
        mode = store.mode(directory) if store.exists(directory) else 0o700
        store.remove(directory)
        store.make_directory(directory, mode=mode)


def config_directory(node: PlannedNode) -> str:
    """Where the daemon keeps its state (daemon contract A.2, A.7)."""
    for flag, value in zip(node.arguments, node.arguments[1:], strict=False):
        if flag.lstrip("-") == "config-directory":
            return value
    return posixpath.join(node.site.directory, ".mina-config")
