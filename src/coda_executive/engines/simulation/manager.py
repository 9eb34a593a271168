"""Puts a testnet on virtual machines, one for each node, and takes it away again."""

import asyncio
import itertools
import json
import posixpath
from collections.abc import Mapping, Sequence
from functools import partial

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, NodeSite, PlannedNode, Role
from coda_executive.engines.simulation.archives import ArchiveDisk
from coda_executive.engines.simulation.companion import SimulatedCompanion
from coda_executive.engines.simulation.daemons import REFERENCE_DAEMON, SimulatedDaemon, find_daemon
from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.host import EPOCH_NS, SimulatedChance, VirtualMachine
from coda_executive.engines.simulation.log_engine import SimulatedLogEngine
from coda_executive.engines.simulation.network import Network
from coda_executive.engines.simulation.node import SimulatedNode
from coda_executive.engines.simulation.node_log import NodeLog
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.engines.simulation.store import Disk, SimulatedStore
from coda_executive.errors import DeployError, EngineError, ExecutiveError
from coda_executive.events.event import LifecycleEvent, NodeCrashed
from coda_executive.interfaces.capabilities import LinkShape
from coda_executive.interfaces.engine import RunContext
from coda_executive.interfaces.network_manager import DaemonBuild, Launch
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_protocol.log_message import EncodedLine
from coda_protocol.timestamp import Timestamp

# Each node has a machine of its own, so all use the daemon's default ports (daemon contract A.2).
CLIENT_PORT, REST_PORT, EXTERNAL_PORT, ARCHIVE_PORT = 8301, 3085, 8302, 3086

_FIRST_PID = 1001
_NS_PER_MS = 1_000_000


class SimulatedNetworkManager:
    """Satisfies NetworkManager. All of it lives in memory, but for the nodes' logs."""

    def __init__(
        self,
        context: RunContext,
        options: SimulationOptions,
        loop: SimulatedEventLoop,
        log_engine: SimulatedLogEngine,
    ) -> None:
        self._context = context
        self._options = options
        self._loop = loop
        self._log_engine = log_engine
        self._network = Network(
            loop,
            seed=context.seed,
            shape=LinkShape(
                options.latency, options.jitter, options.spread, options.loss, options.bandwidth or None
            ),
        )
        self._pids = itertools.count(_FIRST_PID)
        self._plan: DeploymentPlan | None = None
        self._nodes: dict[NodeId, SimulatedNode] = {}
        self._disks: dict[NodeId, Disk] = {}
        self._logs: list[NodeLog] = []
        self._archives: dict[NodeId, ArchiveDisk] = {}
        self._addresses = itertools.count(1)
        self._genesis: bytes | None = None  # the file, once all were started

    async def handshake(self) -> DaemonBuild:
        name = self._daemon_name
        version, event_ids = self._daemon().build()
        return DaemonBuild(f"simulated daemon {name}", version, event_ids)

    async def sites(self, names: Sequence[NodeId]) -> Mapping[NodeId, NodeSite]:
        return {name: _site(name, _address(next(self._addresses))) for name in names}

    async def deploy(self, plan: DeploymentPlan) -> Testnet:
        for planned in plan.nodes:
            self._put_in_place(planned)
        self._plan = plan
        return Testnet(
            plan,
            seeds=self._with_role(Role.SEED),
            block_producers=self._with_role(Role.BLOCK_PRODUCER),
            snark_coordinators=self._with_role(Role.SNARK_COORDINATOR),
            archive_nodes=self._with_role(Role.ARCHIVE_NODE),
            plain_nodes=self._with_role(Role.PLAIN),
        )

    async def launch(self) -> Launch:
        if self._plan is None:
            raise DeployError("nothing is deployed yet; call deploy before launch")
        now_ns = EPOCH_NS + self._loop.now_ns
        genesis_ns = now_ns + round(self._options.boot_allowance * 1e9)
        genesis_ms = -(-genesis_ns // _NS_PER_MS)
        configuration = {"genesis": {"genesis_state_timestamp": Timestamp(genesis_ms).text}}
        self._genesis = json.dumps(configuration).encode()
        for planned in self._plan.nodes:
            self._write_genesis(planned, self._genesis)
        nodes = list(self._nodes.values())
        for node in nodes:
            if not node.has_companions:
                await node.start()  # in no time
        try:
            async with asyncio.TaskGroup() as group:
                for node in nodes:
                    if node.has_companions:
                        group.create_task(node.start(), name=f"start {node.id}")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return Launch(genesis_ms, (genesis_ms * _NS_PER_MS - now_ns) / 1e9)

    async def add(self, planned: PlannedNode) -> Node:
        if self._genesis is None:
            raise DeployError(f"{planned.id} cannot be added: the others were not launched yet")
        node = self._put_in_place(planned)
        self._write_genesis(planned, self._genesis)
        return node

    async def remove(self, node: Node) -> None:
        await self._nodes[node.id].retire()

    async def destroy(self) -> None:
        failures: list[ExecutiveError] = []
        await asyncio.gather(*(node.stop() for node in self._nodes.values()))
        await asyncio.gather(*(node.stop_the_rest() for node in self._nodes.values()))
        for log in self._logs:
            try:
                log.close()
            except EngineError as error:
                failures.append(error)
        self._logs.clear()
        for name, archives in self._archives.items():
            try:
                archives.discard(dump=self._context.directory / "nodes" / name / "archive.sql")
            except OSError as error:
                failures.append(EngineError(f"the archive of {name} cannot be written: {error}"))
        self._write_trace()
        if failures:
            raise failures[0]

    async def leaks(self) -> tuple[str, ...]:
        return tuple(f"{id} still runs" for node in self._nodes.values() for id in node.left_running())

    @property
    def _daemon_name(self) -> str:
        return self._context.daemon or REFERENCE_DAEMON

    def _daemon(self) -> SimulatedDaemon:
        return find_daemon(self._daemon_name)

    def _write_genesis(self, planned: PlannedNode, content: bytes) -> None:
        assert self._plan is not None
        store = SimulatedStore(self._disks[planned.id])
        store.write(posixpath.join(planned.site.directory, self._plan.genesis_file), content)

    def _put_in_place(self, planned: PlannedNode) -> SimulatedNode:
        if planned.id in self._nodes:
            raise DeployError(f"two nodes are named {planned.id!r}; names must be unique")
        daemon = self._daemon() if planned.daemon is None else find_daemon(planned.daemon)
        disk = self._disks[planned.id] = Disk()
        store = SimulatedStore(disk)
        store.make_directory(planned.site.directory, mode=0o700)
        for file in planned.files:
            path = posixpath.join(planned.site.directory, file.path)
            store.make_directory(posixpath.dirname(path), mode=0o700)
            store.write(path, file.content, mode=file.mode)
        logs = self._context.directory / "nodes" / planned.id
        keeps = self._context.keeps_logs
        log = NodeLog(planned.id, logs / "daemon.log" if keeps else None, self._log_engine.take)
        self._logs.append(log)
        archives = ArchiveDisk()
        self._archives[planned.id] = archives
        machine = VirtualMachine(
            self._network,
            self._network.join(planned.id, planned.site.host),
            SimulatedChance(self._context.seed, planned.id),
            disk,
            archives,
        )

        def publish(node: NodeId, event: LifecycleEvent) -> None:
            # What it wrote comes before what became of it, and a crash is when somebody looks at the file.
            self._log_engine.deliver_all()
            self._context.publish(node, event)
            if isinstance(event, NodeCrashed):
                log.flush()

        def new_pid() -> int:
            return next(self._pids)

        companions = []
        for companion in planned.companions:
            beside = NodeLog(planned.id, logs / companion.log_name if keeps else None, _unheard)
            self._logs.append(beside)
            companions.append(
                SimulatedCompanion(
                    companion,
                    machine,
                    planned.site.directory,
                    beside,
                    partial(publish, planned.id),
                    new_pid,
                    self._options.stop_limit,
                )
            )
        node = self._nodes[planned.id] = SimulatedNode(
            planned, daemon, machine, log, publish, new_pid, self._options.stop_limit, companions
        )
        return node

    def _with_role(self, role: Role) -> tuple[SimulatedNode, ...]:
        return tuple(node for node in self._nodes.values() if node.role is role)

    def _write_trace(self) -> None:
        trace = self._loop.trace
        if trace is None:
            return
        trace.write_out()
        path = self._context.directory / "trace.json"
        found = {"seed": self._context.seed, "digest": trace.digest, "checkpoints": trace.checkpoints}
        try:
            path.write_text(json.dumps(found, indent=1) + "\n")
        except OSError as error:
            raise EngineError(f"the trace cannot be written to {path}: {error.strerror}") from error


def _unheard(_node: NodeId, _number: int, _offset: int, _line: EncodedLine) -> None:
    """The log engine follows daemons only."""


def _site(name: NodeId, address: str) -> NodeSite:
    return NodeSite(
        address,
        CLIENT_PORT,
        REST_PORT,
        EXTERNAL_PORT,
        f"/nodes/{name}",
        archive_address=f"{address}:{ARCHIVE_PORT}",
        archive_uri=f"sqlite:///nodes/{name}/archive.sqlite",
    )


def _address(number: int) -> str:
    """10.0.0.1 for the first, and on through 10.0.0.0/8."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
