"""The local engine's manager: a testnet of processes, from the handshake to the leak check."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from coda_executive.config.daemon_args import CONFIG_DIRECTORY
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, NodeSite, PlannedFile, PlannedNode, Role
from coda_executive.engines.local import leaks
from coda_executive.engines.local.archives import LocalArchives
from coda_executive.engines.local.boot import boot_allowance, genesis_document
from coda_executive.engines.local.companion import LocalCompanion
from coda_executive.engines.local.files import explained, make_private, place
from coda_executive.engines.local.guardian import ProcessEntry, process_table
from coda_executive.engines.local.handshake import REFERENCE_NAME, Handshake, daemon_command, shake_hands
from coda_executive.engines.local.host import HostWatch
from coda_executive.engines.local.journal import Journal, JournalContent, ProcessIdentity, read_journal
from coda_executive.engines.local.kept import refuse_kept_name
from coda_executive.engines.local.leftovers import kill_processes, labelled_processes, processes_of
from coda_executive.engines.local.links import NODE_HOST, PROXY_HOST, LinkProxies
from coda_executive.engines.local.node import LinkedLocalNode, LocalNode
from coda_executive.engines.local.node_archive import LocalNodeArchive
from coda_executive.engines.local.options import LocalOptions
from coda_executive.engines.local.ports import PortLease
from coda_executive.engines.local.process import Command, Guardian
from coda_executive.engines.local.sockets import ports_listened_on
from coda_executive.errors import DeployError, EngineError
from coda_executive.interfaces.capabilities import LinkShapeable, Partitionable, Resettable
from coda_executive.interfaces.engine import RunContext
from coda_executive.interfaces.host import HostLoad
from coda_executive.interfaces.network_manager import DaemonBuild, Launch
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_executive.support.clock import wall_time_ns

PORTS_PER_NODE = 4  # client, REST, external, archive
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")
SETTLE_ROUNDS, SETTLE_SECONDS = (
    25,
    0.02,
)  # a closed connection's descriptor takes some turns of the loop to go


class LocalManager:
    """Satisfies NetworkManager. Nothing is started or leased before the first call."""

    def __init__(self, context: RunContext, options: LocalOptions) -> None:
        self._context = context
        self._options = options
        self._nodes_directory = context.directory / "nodes"
        self._engine_directory = context.directory / "engine"
        self._journal: Journal | None = None
        self._guardian: Guardian | None = None
        self._lease: PortLease | None = None
        self._handshake: Handshake | None = None
        self._plan: DeploymentPlan | None = None
        self._nodes: tuple[LocalNode, ...] = ()
        self._genesis: PlannedFile | None = None  # once all were started
        self._descriptors = leaks.open_descriptors()
        self._shared_memory = leaks.shared_memory_files()
        self._used_shared_memory: set[str] = set()
        self._content = JournalContent()
        self._findings: list[str] = []
        self._proxies: LinkProxies | None = None
        if {Partitionable, LinkShapeable, Resettable} & set(context.needs):
            self._proxies = LinkProxies(seed=context.seed, sessions=self._sessions)
        self._archives = LocalArchives(
            context,
            options.archive_uri,
            self._environment(self._engine_directory, self._engine_directory / "tmp"),
            self._own_journal,
        )
        self._host = HostWatch()
        self._forced = False  # the guardian was told to end everything without us

    def log_path(self, node: NodeId) -> Path:
        """Where all that a node writes ends up."""
        return self._nodes_directory / node / "daemon.log"

    async def handshake(self) -> DaemonBuild:
        guardian = await self._begin()
        command = daemon_command(self._context.daemon)
        temporary = self._engine_directory / "tmp"
        await guardian.remove_at_end(temporary)
        with explained("make the engine's directory"):
            make_private(temporary)
        self._handshake = await shake_hands(
            guardian,
            command,
            shown=self._context.daemon or REFERENCE_NAME,
            environment=self._environment(self._engine_directory, temporary),
            directory=self._engine_directory,
            limit=self._options.handshake_limit,
        )
        return self._handshake.build

    async def sites(self, names: Sequence[NodeId]) -> Mapping[NodeId, NodeSite]:
        await self._begin()
        assert self._lease is not None
        ports = iter(self._lease.take(PORTS_PER_NODE * len(names)))
        return {
            name: NodeSite(
                PROXY_HOST,
                *(next(ports), next(ports), next(ports)),
                directory=str(self._nodes_directory / name),
                archive_address=f"{PROXY_HOST}:{next(ports)}",
                archive_uri=self._archives.uri(name),
                bind_host=NODE_HOST if self._proxies else None,
            )
            for name in names
        }

    async def deploy(self, plan: DeploymentPlan) -> Testnet:
        guardian = await self._begin()
        self._plan = plan
        for planned in plan.nodes:
            await self._put_in_place(planned, guardian)
        return Testnet(plan, *(self._of_role(role) for role in Role))

    async def launch(self) -> Launch:
        assert self._plan is not None
        self._host.start()
        allowance = self._options.boot_allowance
        if allowance is None:
            assert self._handshake is not None
            allowance = boot_allowance(
                cpu_seconds=self._handshake.cpu_seconds,
                slowdown=self._handshake.slowdown,
                nodes=len(self._nodes) + len(self._of_role(Role.ARCHIVE_NODE)),  # an archive starts as slowly
                cores=len(os.sched_getaffinity(0)),
                slot_seconds=self._plan.constants.slot_ms / 1000,
            )
        genesis_ms = wall_time_ns() // 1_000_000 + round(allowance * 1000)
        file = PlannedFile(self._plan.genesis_file, genesis_document(genesis_ms))
        self._genesis = file
        with explained("write the genesis time"):
            for planned in self._plan.nodes:
                place(Path(planned.site.directory), file)
        try:
            async with asyncio.TaskGroup() as group:
                for node in self._nodes:
                    group.create_task(node.start(), name=f"start {node.id}")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return Launch(genesis_ms, allowance)

    async def add(self, planned: PlannedNode) -> Node:
        if self._guardian is None or self._genesis is None:
            raise DeployError(f"{planned.id} cannot be added: the others were not launched yet")
        node = await self._put_in_place(planned, self._guardian)
        with explained(f"write the genesis time of {planned.id}"):
            place(Path(planned.site.directory), self._genesis)
        return node

    async def remove(self, node: Node) -> None:
        for each in self._nodes:
            if each.id == node.id:
                await each.retire()

    async def destroy(self) -> None:
        """Satisfies NetworkManager. When cancelled, the guardian finishes alone, and at once."""
        if self._journal is None or self._lease is None:
            return
        try:
            await self._destroy(self._journal, self._lease)
        except asyncio.CancelledError:
            if self._guardian is not None:
                self._guardian.force()
                self._forced = True
            raise

    def host_load(self) -> HostLoad:
        """Satisfies HostObserver."""
        return self._host.load()

    async def _destroy(self, journal: Journal, lease: PortLease) -> None:
        self._host.stop()
        self._read_journal()
        guardian = self._guardian
        if guardian is not None and not guardian.is_lost and not self._forced:
            self._used_shared_memory = leaks.shared_memory_of(self._living()[1])
            async with asyncio.TaskGroup() as group:
                for node in self._nodes:
                    group.create_task(self._stop(node), name=f"stop {node.id}")
        if not self._forced:
            try:
                await self._archives.close()
            except EngineError as error:
                self._findings.append(str(error))
        if guardian is not None:
            try:
                await guardian.aclose()
            except EngineError as error:
                self._findings.append(str(error))
            self._remove_leftovers()
        if self._forced:
            for node in self._nodes:
                node.lose()
        if self._proxies is not None:
            await self._proxies.aclose()
        lease.close()
        # Other programs may take a port as soon as its node has ended: they are none of ours.
        listened_on = ports_listened_on([os.getpid(), *self._living()[1]])
        self._findings += [f"port {port} is still listened on" for port in lease.ports if port in listened_on]
        if self._archives.is_closed:
            journal.remove()
        else:
            journal.let_go()  # a later clean-up goes on with it, unless the guardian had more luck
        self._journal = None

    async def keep_up(self, name: str, lease_seconds: float) -> None:
        """Satisfies Detachable."""
        journal, guardian, lease = self._journal, self._guardian, self._lease
        assert journal is not None
        assert guardian is not None
        assert lease is not None
        refuse_kept_name(name)
        if self._proxies is not None:
            raise DeployError(
                "the testnet cannot be kept up: its links go through proxies of this process. Leave Partitionable, "
                "LinkShapeable and Resettable out of the test's needs."
            )
        await guardian.keep(name, lease_seconds, journal.socket_path)
        lease.close()
        self._host.stop()
        journal.let_go()
        self._journal = None

    async def leaks(self) -> tuple[str, ...]:
        findings = list(self._findings)
        findings += leaks.left_processes(self._content)
        findings += leaks.left_files(self._content.temporary)
        remaining = leaks.shared_memory_files() & (self._used_shared_memory - self._shared_memory)
        findings += [f"memory-backed file {path}" for path in sorted(remaining)]
        for _ in range(SETTLE_ROUNDS):
            if not leaks.left_descriptors(self._descriptors, self._nodes_directory):
                break
            await asyncio.sleep(SETTLE_SECONDS)
        return (*findings, *leaks.left_descriptors(self._descriptors, self._nodes_directory))

    def _own_journal(self) -> Journal:
        assert self._journal is not None  # asked between the first call and destroy only
        return self._journal

    async def _begin(self) -> Guardian:
        """The guardian; with the first call it is started, and the journal begun."""
        if self._guardian is None:
            with explained("make the engine's directory"):
                make_private(self._engine_directory)
            self._journal = Journal.create(self._context.run_id, self._context.directory)
            self._lease = PortLease(self._journal)
            self._guardian = await Guardian.start(
                self._journal,
                self._engine_directory / "guardian.log",
                grace=self._options.stop_limit,
                on_lost=self._on_guardian_lost,
            )
        return self._guardian

    async def _put_in_place(self, planned: PlannedNode, guardian: Guardian) -> LocalNode:
        directory = Path(planned.site.directory)
        await guardian.remove_at_end(directory / "tmp")  # before it is there
        with explained(f"make the directory of {planned.id}"):
            for path in (directory, directory / CONFIG_DIRECTORY, directory / "tmp"):
                make_private(path)
            for log in (self.log_path(planned.id), *self._companion_logs(planned)):
                log.touch(mode=0o600)
            for file in planned.files:
                place(directory, file)
        if planned.role is Role.ARCHIVE_NODE:
            await self._archives.prepare(planned, guardian)
        node = self._node(planned, guardian)
        self._nodes += (node,)
        if self._proxies is not None:
            assert self._lease is not None
            self._lease.give_up([planned.site.external_port])
            await self._proxies.listen(planned.id, planned.site.external_port)
        return node

    def _node(self, planned: PlannedNode, guardian: Guardian) -> LocalNode:
        site, lease, archive = planned.site, self._lease, None
        assert lease is not None
        companions = [
            LocalCompanion(
                planned.id,
                companion,
                self._command(planned, companion.arguments, output, companion.environment),
                guardian=guardian,
                publish=partial(self._context.publish, planned.id),
                ready_limit=self._options.ready_limit,
            )
            for companion, output in zip(planned.companions, self._companion_logs(planned), strict=True)
        ]
        if planned.role is Role.ARCHIVE_NODE:
            archive = LocalNodeArchive(
                planned,
                companions[0],
                self._archives,
                guardian=guardian,
                command=partial(self._command, planned),
                stop_limit=self._options.stop_limit,
            )
        ports = [site.client_port, site.rest_port, site.external_port]
        if site.archive_address is not None:
            ports.append(int(site.archive_address.rpartition(":")[2]))
        make = partial(LinkedLocalNode, proxies=self._proxies) if self._proxies else LocalNode
        return make(
            planned,
            self._command(
                planned, ("daemon", *planned.arguments), self.log_path(planned.id), planned.environment
            ),
            guardian=guardian,
            publish=self._context.publish,
            release_ports=lambda: lease.give_up(ports),
            stop_limit=self._options.stop_limit,
            ready_limit=self._options.ready_limit,
            companions=companions,
            archive=archive,
        )

    def _command(
        self,
        planned: PlannedNode,
        arguments: Sequence[str],
        output: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Command:
        """Of a program beside or in a node, with all that it writes in one file."""
        directory = Path(planned.site.directory)
        surroundings = self._environment(directory, directory / "tmp")
        if planned.role is Role.ARCHIVE_NODE:
            surroundings |= self._archives.environment
        return Command(
            argv=(*daemon_command(planned.daemon or self._context.daemon), *arguments),
            environment={**surroundings, **environment},
            directory=directory,
            output=output,
            errors=output,
        )

    def _companion_logs(self, planned: PlannedNode) -> list[Path]:
        return [self._nodes_directory / planned.id / companion.log_name for companion in planned.companions]

    def _sessions(self) -> Mapping[int, NodeId]:
        """The running nodes by the session that their processes are in."""
        return {node.pid: node.id for node in self._nodes if node.pid is not None}

    def _of_role(self, role: Role) -> tuple[LocalNode, ...]:
        return tuple(node for node in self._nodes if node.role is role)

    def _environment(self, home: Path, temporary: Path) -> dict[str, str]:
        """Little of the user's: what a daemon writes by habit stays in the run's directory, and no variable
        of theirs changes a run.
        """
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        return {**kept, "HOME": str(home), "TMPDIR": str(temporary), "LANG": "C.UTF-8"}

    async def _stop(self, node: LocalNode) -> None:
        try:
            await node.stop()
            await node.stop_the_rest()
        except EngineError as error:
            self._findings.append(str(error))

    def _on_guardian_lost(self, error: EngineError) -> None:
        """Its work is done in its place at once; what the test asks of a node from now on raises
        EngineError.
        """
        self._context.fail(error)
        self._remove_leftovers()
        for node in self._nodes:
            node.lose()

    def _remove_leftovers(self) -> None:
        """Kill what a dead guardian left and remove temporary files. After a guardian that closed there is
        nothing.
        """
        self._read_journal()
        table, pids = self._living()
        try:
            kill_processes([ProcessIdentity(pid, table[pid].start) for pid in pids])
        except EngineError as error:
            self._findings.append(str(error))
        for path in self._content.temporary:
            shutil.rmtree(path, ignore_errors=True)

    def _read_journal(self) -> None:
        assert self._journal is not None
        try:
            self._content = read_journal(self._journal.path)
        except OSError as error:
            # The guardian's memory and the label of the processes still lead to all that was started.
            self._content.label = self._journal.label
            if not self._forced:  # else the guardian has removed it after its work
                self._findings.append(f"the journal {self._journal.path} cannot be read: {error.strerror}")

    def _living(self) -> tuple[dict[int, ProcessEntry], list[int]]:
        """The table of processes, and which of them the run has started."""
        table = process_table()
        return table, processes_of(
            self._content, table, labelled_processes(table).get(self._content.label, [])
        )
