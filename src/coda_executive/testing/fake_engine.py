"""An engine in memory, in virtual time, whose daemons do what a test scripts."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, NodeSite, PlannedNode, Role
from coda_executive.engines.simulation.event_loop import run as run_in_virtual_time
from coda_executive.engines.simulation.log_engine import SimulatedLogEngine
from coda_executive.engines.simulation.node_log import NodeLog
from coda_executive.errors import DeployError
from coda_executive.events.event import LifecycleEvent
from coda_executive.interfaces.capabilities import ABILITIES
from coda_executive.interfaces.client import Peer
from coda_executive.interfaces.engine import Finding, RunContext, Session
from coda_executive.interfaces.log_engine import LogEngine
from coda_executive.interfaces.network_manager import DaemonBuild, Launch
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_executive.testing.fake_node import FakeNode
from coda_executive.testing.fake_process import Conduct, idle
from coda_protocol.structured_events import BY_NAME

T = TypeVar("T")

_EPOCH_NS = 1_900_000_000 * 1_000_000_000  # of virtual time, since the Unix epoch


class FakeOptions(msgspec.Struct, frozen=True, kw_only=True):
    boot_allowance: Annotated[
        float, msgspec.Meta(ge=0, description="virtual seconds from the start of the nodes to genesis")
    ] = 1.0


class FakeEngine:
    """Satisfies Engine. `conduct` is what the daemon under test does in each of its lives, `daemons` what those
    of other names do. With a `log_engine` of its own, what daemons write goes to the evidence only.
    """

    name = "fake"
    summary = "scripted daemons in memory, in virtual time"
    options_type: type[msgspec.Struct] = FakeOptions
    capabilities: tuple[type, ...] = ABILITIES

    def __init__(
        self,
        conduct: Conduct = idle,
        *,
        daemons: Mapping[str, Conduct] | None = None,
        log_engine: LogEngine | None = None,
    ) -> None:
        self._conducts: dict[str | None, Conduct] = {None: conduct}
        self._conducts.update((daemons or {}).items())
        self._log_engine = log_engine

    @property
    def make_manager(self) -> "type[FakeNetworkManager]":
        """For a subclass with a manager of its own."""
        return FakeNetworkManager

    def check(self) -> tuple[Finding, ...]:
        return (Finding("memory", True, "is all that it takes"),)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]], *, seed: int) -> T:
        del seed  # nothing is drawn
        return run_in_virtual_time(main)

    def open(self, context: RunContext, options: msgspec.Struct) -> Session:
        assert isinstance(options, FakeOptions)
        lines = SimulatedLogEngine()
        manager = self.make_manager(context, options, self._conducts, lines)
        return Session(manager, self._log_engine or lines)


class FakeNetworkManager:
    """Satisfies NetworkManager."""

    node_type: type[FakeNode] = FakeNode

    def __init__(
        self,
        context: RunContext,
        options: FakeOptions,
        conducts: Mapping[str | None, Conduct],
        lines: SimulatedLogEngine,
    ) -> None:
        self.context = context
        self.options = options
        self.lines = lines
        self.nodes: dict[NodeId, FakeNode] = {}
        self._conducts = conducts
        self._logs: list[NodeLog] = []
        self._addresses = itertools.count(1)
        self._genesis_ms: int | None = None  # once all were started
        self._loop = asyncio.get_running_loop()

    async def handshake(self) -> DaemonBuild:
        self._conduct_of(self.context.daemon)
        ids = {name: event.id for name, event in BY_NAME.items()}
        return DaemonBuild(self.context.daemon or "fake", "Commit 0 on branch fake", ids)

    async def sites(self, names: Sequence[NodeId]) -> Mapping[NodeId, NodeSite]:
        return {name: _site(name, f"10.0.0.{next(self._addresses)}") for name in names}

    async def deploy(self, plan: DeploymentPlan) -> Testnet:
        for planned in plan.nodes:
            self.nodes[planned.id] = self._node(planned)
        by_role = (tuple(node for node in self.nodes.values() if node.role is role) for role in Role)
        return Testnet(plan, *by_role)

    async def launch(self) -> Launch:
        genesis_ms = self._genesis_ms = self.now_ns() // 1_000_000 + round(self.options.boot_allowance * 1000)
        for node in self.nodes.values():
            node.genesis_ms = genesis_ms
            await node.start()
        return Launch(genesis_ms, self.options.boot_allowance)

    async def add(self, planned: PlannedNode) -> Node:
        if self._genesis_ms is None:
            raise DeployError(f"{planned.id} cannot be added: the others were not launched yet")
        node = self.nodes[planned.id] = self._node(planned)
        node.genesis_ms = self._genesis_ms
        return node

    async def remove(self, node: Node) -> None:
        await self.nodes[node.id].retire()

    async def destroy(self) -> None:
        for node in self.nodes.values():
            await node.stop()
            await node.stop_archive()
        for log in self._logs:
            log.close()

    async def leaks(self) -> tuple[str, ...]:
        return tuple(f"{node.id} still runs" for node in self.nodes.values() if node.is_running)

    def now_ns(self) -> int:
        """Nanoseconds since the Unix epoch, by the engine's own clock."""
        return _EPOCH_NS + round(self._loop.time() * 1e9)

    def _conduct_of(self, daemon: str | None) -> Conduct:
        if daemon not in self._conducts:
            raise DeployError(f"no fake daemon is named {daemon!r}; give FakeEngine one in daemons")
        return self._conducts[daemon]

    def _node(self, planned: PlannedNode) -> FakeNode:
        self._conduct_of(planned.daemon)
        path = self.context.directory / "nodes" / planned.id / "daemon.log"
        log = NodeLog(planned.id, path, self.lines.take)
        self._logs.append(log)
        for companion in planned.companions:
            path.with_name(companion.log_name).touch()
        conducts = {**self._conducts, None: self._conduct_of(self.context.daemon)}
        node = self.node_type(planned, conducts, log, self._publish, self.now_ns)
        node.client.find_peers = lambda: self._peers_of(node)
        return node

    def _publish(self, node: NodeId, event: LifecycleEvent) -> None:
        self.lines.deliver_all()  # what it wrote comes before what became of it
        self.context.publish(node, event)

    def _peers_of(self, node: FakeNode) -> tuple[Peer, ...]:
        """All that run and that no cut parts from it."""
        others = (other for other in self.nodes.values() if other is not node and other.is_running)
        return tuple(
            Peer(other.planned.site.host, other.planned.site.external_port, _identity(other.planned))
            for other in others
            if not (node.is_cut(other.id) or other.is_cut(node.id))
        )


def _site(name: NodeId, address: str) -> NodeSite:
    archive = {"archive_address": f"{address}:3086", "archive_uri": "memory"}
    return NodeSite(address, 8301, 3085, 8302, f"/nodes/{name}", **archive)


def _identity(planned: PlannedNode) -> str:
    return planned.peer_address.rpartition("/")[2]
