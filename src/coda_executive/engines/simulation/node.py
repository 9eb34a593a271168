"""One node of a simulated testnet."""

import asyncio
import contextvars
import json
import posixpath
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto

from coda_executive.client.daemon_client import DaemonClient
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import PlannedNode, Role
from coda_executive.engines.simulation.daemons import SimulatedDaemon, find_daemon
from coda_executive.engines.simulation.faults import SimulatedFaults
from coda_executive.engines.simulation.host import SimulatedHost, VirtualMachine
from coda_executive.engines.simulation.http import SimulatedHttpTransport
from coda_executive.engines.simulation.node_log import NodeLog
from coda_executive.engines.simulation.process import Process
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
from coda_executive.interfaces.client import NodeClient

_PAUSED = "paused"


class _End(StrEnum):
    """Why a process ended, or is about to."""

    BY_ITSELF = auto()
    ASKED = auto()
    FORCED = auto()
    KILLED = auto()


@dataclass(slots=True)
class _Life:
    """One run of the daemon. `exited` is done once all of it is over."""

    process: Process
    host: SimulatedHost
    exited: asyncio.Future[None]
    end: _End = _End.BY_ITSELF
    exit_code: int | None = None
    is_paused: bool = False


class SimulatedNode(SimulatedFaults):
    """Satisfies Node, Killable, Pausable, Upgradable and, by its base, what can be done to a machine."""

    def __init__(
        self,
        planned: PlannedNode,
        daemon: SimulatedDaemon,
        machine: VirtualMachine,
        log: NodeLog,
        publish: Callable[[NodeId, LifecycleEvent], None],
        new_pid: Callable[[], int],
        stop_limit: float,
    ) -> None:
        super().__init__(machine)
        self._planned = planned
        self._daemon = self._usual_daemon = daemon
        self._loop = machine.network.loop
        self._log = log
        self._publish = publish
        self._new_pid = new_pid
        self._stop_limit = stop_limit
        self._life: _Life | None = None
        self._is_retired = False
        transport = SimulatedHttpTransport(machine.network, machine.machine, planned.site.rest_port)
        self._client = DaemonClient(planned.id, transport)

    def __repr__(self) -> str:
        state = f"running, pid {self._life.host.pid}" if self._life else "stopped"
        paused = ", paused" if self._life and self._life.is_paused else ""
        return f"<SimulatedNode {self.id} {self._machine.machine.address} {state}{paused}>"

    @property
    def id(self) -> NodeId:
        return self._planned.id

    @property
    def role(self) -> Role:
        return self._planned.role

    @property
    def is_running(self) -> bool:
        return self._life is not None

    @property
    def node_id_json(self) -> str:
        pid = self._life.host.pid if self._life else None
        return json.dumps({"node": self.id, "address": self._machine.machine.address, "pid": pid})

    @property
    def client(self) -> NodeClient:
        return self._client

    async def start(self, *, fresh_state: bool = False) -> None:
        if self._life is not None:
            return
        if self._is_retired:
            raise DeployError(f"{self.id} was destroyed and cannot be started again; spawn another node")
        if fresh_state:
            self._empty_config_directory()
        process = Process(self.id, self._log.write, self._log.write_line)
        environment = {"HOME": self._planned.site.directory, **self._planned.environment}
        host = SimulatedHost(self._machine, process, self._new_pid(), environment)
        life = self._life = _Life(process, host, self._loop.create_future())
        self._publish(self.id, NodeStarted(fresh_state))
        running = process.spawn(self._loop, self._run(life), "daemon")
        running.add_done_callback(lambda _task: self._ended(life), context=contextvars.Context())

    async def retire(self) -> None:
        """Stop for good."""
        self._is_retired = True
        await self.stop()

    async def stop(self) -> None:
        life = self._life
        if life is None:
            return
        if life.end is _End.BY_ITSELF:
            life.end = _End.ASKED
        life.host.interrupt("SIGTERM")
        try:
            async with asyncio.timeout(self._stop_limit):
                await asyncio.shield(life.exited)
        except TimeoutError:
            life.end = _End.FORCED
            await self._end(life)

    async def kill(self) -> None:
        life = self._life
        if life is None:
            return
        life.end = _End.KILLED
        self._machine.disk.lose_unsynced(self._machine.chance.stream("crash of the disk"))
        await self._end(life)

    async def pause(self) -> None:
        """Freeze the process: its timers, tasks and what it is sent wait until it is resumed. Its
        connections stay open.
        """
        life = self._life
        if life is not None and not life.is_paused:
            life.is_paused = True
            life.host.halt.begin(_PAUSED)
            self._publish(self.id, NodePaused())

    async def resume(self) -> None:
        life = self._life
        if life is not None and life.is_paused:
            life.is_paused = False
            life.host.halt.end(_PAUSED)
            self._publish(self.id, NodeResumed())

    async def upgrade(self, daemon: str | None) -> None:
        self._daemon = self._usual_daemon if daemon is None else find_daemon(daemon)

    async def _end(self, life: _Life) -> None:
        """End the process by force."""
        self._machine.machine.reset()
        self._loop.end(life.process)
        await life.exited

    async def _run(self, life: _Life) -> None:
        """The process's main task. Nothing of the process runs after its end."""
        try:
            life.exit_code = await self._daemon.run(self._planned.arguments, life.host)
        except SystemExit as error:
            life.exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except Exception:  # noqa: BLE001  the border to the daemon's code: it crashed, as an interpreter would end
            life.process.complain(traceback.format_exc())
            life.exit_code = 1
        finally:
            life.process.is_gone = True

    def _ended(self, life: _Life) -> None:
        self._machine.machine.reset()
        self._machine.cpu.reset()
        self._loop.end(life.process)
        self._life = None
        try:
            self._publish(self.id, self._last_event(life))
        finally:
            life.exited.set_result(None)

    def _last_event(self, life: _Life) -> LifecycleEvent:
        match life.end:
            case _End.ASKED:
                return NodeStopped(life.exit_code, forced=False)
            case _End.FORCED:
                return NodeStopped(None, forced=True)
            case _End.KILLED:
                return NodeKilled()
            case _End.BY_ITSELF:
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
