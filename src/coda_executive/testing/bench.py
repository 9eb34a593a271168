"""One testnet of an engine under the conformance kit, and all that was told about it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from zlib import crc32

import msgspec

from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import NetworkConfig, NodeSettings
from coda_executive.config.node_id import NodeId
from coda_executive.config.one_more_node import one_more, plan_one_more
from coda_executive.config.plan import DeploymentPlan, Role
from coda_executive.config.roster import node_names
from coda_executive.errors import EngineError, RequestFailed
from coda_executive.events.event import DaemonEvent, LifecycleEvent, OtherEvent
from coda_executive.interfaces.engine import Engine, RunContext
from coda_executive.interfaces.log_engine import Attachment, Coverage, LogRecord, Queries
from coda_executive.interfaces.network_manager import DaemonBuild, Launch
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_executive.testing.promises import promise
from coda_executive.testing.records import compare, expected_records
from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import sample_ledger
from coda_protocol.runtime_config import GenesisSection, ProofSection, RuntimeConfig

SEED = 7
_LOOK_SECONDS = 0.02
_ANSWER_SECONDS = 0.5  # that a request may take before it is asked again

# Of a network that waits: nobody can make a block.
WAITING_NETWORK = NetworkConfig(seeds=1, plain_nodes=1)
_RUNTIME = RuntimeConfig(
    genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
    proof=ProofSection(level="none", block_window_duration_ms=2000),
    ledger=sample_ledger([Balance.of_coda("1000")] * 2),
)


class Bench:
    """A session of an engine. `told` are life-cycle events, `records` log records, both as they came.

    Make it on the engine's loop. `aclose` destroys the testnet; idempotent.
    """

    def __init__(
        self,
        engine: Engine,
        options: msgspec.Struct,
        directory: Path,
        *,
        daemon: str | None = None,
        needs: tuple[type, ...] = (),
        network: NetworkConfig = WAITING_NETWORK,
    ) -> None:
        self.directory = directory
        self.network = network
        self.told: list[tuple[NodeId, LifecycleEvent]] = []
        self.records: list[LogRecord] = []
        self.failures: list[EngineError] = []
        self._opening = (engine, options, daemon, needs)
        directory.mkdir(parents=True, exist_ok=True)
        self.run_id = f"conformance-{crc32(str(directory).encode()):08x}"
        context = RunContext(
            run_id=self.run_id,
            directory=directory,
            seed=SEED,
            daemon=daemon,
            publish=lambda node, event: self.told.append((node, event)),
            fail=self.failures.append,
            needs=needs,
        )
        session = engine.open(context, options)
        self.manager, self.log_engine = session.manager, session.log_engine
        self.build: DaemonBuild | None = None
        self.launched: Launch | None = None

    def another(
        self, name: str, network: NetworkConfig | None = None, *, needs: tuple[type, ...] | None = None
    ) -> "Bench":
        """A second session of the same engine, beside this one."""
        engine, options, daemon, own_needs = self._opening
        needs = own_needs if needs is None else needs
        directory = self.directory.with_name(f"{self.directory.name}-{name}")
        return Bench(engine, options, directory, daemon=daemon, needs=needs, network=network or self.network)

    async def aclose(self) -> None:
        await self.manager.destroy()

    async def plan(self) -> DeploymentPlan:
        """Shake hands, reserve places and plan."""
        self.build = await self.manager.handshake()
        sites = await self.manager.sites(node_names(self.network))
        return make_plan(self.network, _RUNTIME, sites, seed=SEED)

    async def deploy(self) -> Testnet:
        return await self.manager.deploy(await self.plan())

    @asynccontextmanager
    async def attached(self, testnet: Testnet) -> AsyncIterator[Attachment]:
        assert self.build is not None
        queries = Queries(self.build.event_ids)
        async with self.log_engine.attach(testnet, queries, self.records.extend) as attachment:
            yield attachment

    async def launch(self, testnet: Testnet) -> None:
        """Start all nodes, and return once each answers."""
        self.launched = await self.manager.launch()
        for node in testnet.nodes:
            await self.until_it_answers(node)

    async def running(self) -> Testnet:
        """A testnet whose nodes all answer."""
        testnet = await self.deploy()
        await self.launch(testnet)
        return testnet

    async def join(self, testnet: Testnet, attachment: Attachment) -> Node:
        """Add one more plain node, whose log is followed; it is not started."""
        wanted = one_more(testnet.plan.network, Role.PLAIN, NodeSettings(), None)
        sites = await self.manager.sites([wanted.member.id])
        plan = plan_one_more(testnet.plan, _RUNTIME, wanted, sites[wanted.member.id], seed=SEED)
        node = await self.manager.add(plan.nodes[-1])
        attachment.follow(node.id)
        testnet.join(node, plan)
        return node

    async def until(self, holds: Callable[[], bool | Awaitable[bool]], what: str) -> None:
        """Return once it holds. If the clause's time runs out before, that it did not is what was broken."""
        try:
            while True:
                found = holds()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(_LOOK_SECONDS)
        except asyncio.CancelledError as cancelled:
            raise asyncio.CancelledError(f"waited in vain: {what}") from cancelled

    async def until_it_answers(self, node: Node) -> None:
        await self.until(lambda: self.answers(node), f"{node.id} never answered GraphQL after its start")

    async def answers(self, node: Node) -> bool:
        """Whether it answers within half a second."""
        with suppress(RequestFailed, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                await node.client.sync_status()
                return True
        return False

    def told_of(self, node: Node) -> list[LifecycleEvent]:
        return [event for name, event in self.told if name == node.id]

    def log_path(self, node: Node) -> Path:
        return self.directory / "nodes" / node.id / "daemon.log"

    def lines(self, node: Node) -> list[bytes]:
        """What the node's evidence holds; complete once the testnet was destroyed."""
        path = self.log_path(node)
        promise(path.is_file(), f"what {node.id} wrote is not in {path.relative_to(self.directory)}")
        return path.read_bytes().splitlines(keepends=True)

    def check_records(self, node: Node) -> None:
        """Compare what the log engine delivered of a node with the node's evidence, line by line."""
        assert self.build is not None
        written = expected_records(node.id, b"".join(self.lines(node)), self.build.event_ids)
        promise(written, f"{node.id} wrote no line that a log engine delivers, so nothing can be compared")
        delivered = [record for record in self.records if record.node == node.id]
        if self.log_engine.coverage is Coverage.ALL:
            compare(written, delivered, node.id)
        else:
            wanted = [record.event for record in written if _is_wanted(record.event)]
            compare(wanted, [record.event for record in delivered if _is_wanted(record.event)], node.id)


def _is_wanted(event: DaemonEvent) -> bool:
    """Whether a log engine that was asked for all ids of the build has to deliver it."""
    return not (isinstance(event, OtherEvent) and event.name is None)
