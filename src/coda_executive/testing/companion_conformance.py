"""The promises about what runs beside a node's daemon: SNARK workers and archives."""

import unittest
from collections.abc import Mapping

from coda_executive.config.network import ArchiveNodes, NetworkConfig, NodeSettings, SnarkCoordinators
from coda_executive.config.plan import PlannedCompanion
from coda_executive.errors import RequestFailed
from coda_executive.events.event import CompanionCrashed, CompanionStarted, NodeStarted
from coda_executive.interfaces.archive import Archived, NodeArchive
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_executive.testing.bench import Bench
from coda_executive.testing.promises import clause, promise

_CANONICAL = "SELECT height FROM blocks WHERE chain_status = $1"


class CompanionConformance:
    """The part of the kit on companions. `worker_crash` is what of a coordinator's environment makes its SNARK
    workers exit with a code above 0; `has_archive` is False for a daemon that comes without an archive.
    """

    worker_crash: Mapping[str, str] = {"CODA_PROVING_MS": "soon"}
    has_archive: bool = True

    @clause()
    async def test_companion_starts_after_its_node_and_ends_with_it(self, bench: Bench) -> None:
        """What it is, the plan says: here a SNARK worker beside its coordinator."""
        workers = SnarkCoordinators(count=1, workers_per_coordinator=1)
        beside = bench.another("beside", NetworkConfig(seeds=1, snark_coordinators=workers))
        try:
            testnet = await beside.running()
            (node,) = testnet.snark_coordinators
            (planned,) = testnet.plan.nodes[-1].companions
            for _ in range(2):
                await beside.until(
                    lambda: bool(beside.told_of(node)[1:]), f"{planned.id} never started beside {node.id}"
                )
                told = beside.told_of(node)
                promise(
                    told == [NodeStarted(fresh_state=False), CompanionStarted(planned.id)],
                    f"a daemon and then {planned.id} are started, once each; told was {told}",
                )
                beside.told.clear()
                await node.stop()
                ends = sorted(type(event).__name__ for event in beside.told_of(node))
                promise(
                    ends == ["CompanionStopped", "NodeStopped"],
                    f"{planned.id} ends with its node, once each; told was {beside.told_of(node)}",
                )
                beside.told.clear()
                await node.start()
            await beside.manager.destroy()
            log = beside.log_path(node).with_name(planned.log_name)
            promise(
                log.is_file(), f"what {planned.id} wrote is not in {log.name} beside the log of {node.id}"
            )
            leaks = await beside.manager.leaks()
            promise(not leaks, f"it left {leaks}")
        finally:
            await beside.aclose()

    @clause()
    async def test_crash_of_a_companion_is_told_once_and_is_not_its_nodes(self, bench: Bench) -> None:
        workers = SnarkCoordinators(count=1, workers_per_coordinator=1)
        settings = {"snark-coordinator-1": NodeSettings(environment=dict(self.worker_crash))}
        beside = bench.another("lost", NetworkConfig(seeds=1, snark_coordinators=workers, nodes=settings))
        try:
            testnet = await beside.running()
            (node,) = testnet.snark_coordinators
            (planned,) = testnet.plan.nodes[-1].companions
            await beside.until(
                lambda: bool(beside.told_of(node)[2:]), f"{planned.id} has ended, and nobody was told"
            )
            told = beside.told_of(node)
            crash = told[2]
            promise(
                told[1] == CompanionStarted(planned.id)
                and isinstance(crash, CompanionCrashed)
                and not told[3:],
                f"{planned.id} was started and crashed, once each; told was {told}",
            )
            assert isinstance(crash, CompanionCrashed)
            promise(
                crash.companion == planned.id and crash.exit_code not in (None, 0) and crash.signal is None,
                f"{planned.id} exited with a code above 0, told was {crash}",
            )
            promise(
                crash.last_lines, f"{planned.id} said why it ended, and its crash was told without last lines"
            )
            promise(node.is_running, f"{node.id} went down with {planned.id}")
            beside.told.clear()
            await node.stop()
            ends = [type(event).__name__ for event in beside.told_of(node)]
            promise(ends == ["NodeStopped"], f"{planned.id} had ended before its node; told was {ends}")
            await node.start()
            await beside.until(
                lambda: CompanionStarted(planned.id) in beside.told_of(node),
                f"{planned.id} was not started again with its node",
            )
        finally:
            await beside.aclose()

    @clause()
    async def test_archive_outlives_its_node_and_is_asked_by_sql(self, bench: Bench) -> None:
        """Skipped where the engine plans no archive process beside an archive node."""
        if not self.has_archive:
            raise unittest.SkipTest("its daemon comes without an archive")
        archived = bench.another("archived", NetworkConfig(seeds=1, archive_nodes=ArchiveNodes(count=1)))
        try:
            testnet = await archived.running()
            (node,) = testnet.archive_nodes
            archive, planned = _archive_of(testnet, node)
            (seed,) = testnet.seeds
            promise(not isinstance(seed, Archived) or seed.archive is None, f"{seed.id} has an archive")
            promise(archive.is_running, f"{planned.id} was not started with the testnet")
            told = archived.told_of(node)
            promise(
                told == [CompanionStarted(planned.id), NodeStarted(fresh_state=False)],
                f"what outlives a node is there before its start; told was {told}",
            )
            await node.stop()
            promise(archive.is_running, f"{planned.id} went down with its node")
            for _ in range(2):
                found = [tuple(row) for row in await archive.rows(_CANONICAL, "canonical")]
                promise(found == [(1,)], f"{planned.id} holds the genesis block alone, found {found}")
                await archive.stop()
                promise(not archive.is_running, f"{planned.id} runs after it was stopped")
            try:
                await archive.rows("SELECT height FROM nowhere")
            except RequestFailed:
                pass
            else:
                promise(False, "a query for a table that there is not was answered")
            for _ in range(2):
                await archive.start()
                promise(archive.is_running, f"{planned.id} does not run after its start")
            kinds = [type(event).__name__ for event in archived.told_of(node)[2:]]
            promise(
                kinds == ["NodeStopped", "CompanionStopped", "CompanionStarted"],
                f"a node's stop, its archive's, and a start are told once each; told was {kinds}",
            )
            await archived.manager.destroy()
            promise(not archive.is_running, f"{planned.id} runs after destroy")
            leaks = await archived.manager.leaks()
            promise(not leaks, f"it left {leaks}")
        finally:
            await archived.aclose()


def _archive_of(testnet: Testnet, node: Node) -> tuple[NodeArchive, PlannedCompanion]:
    companions = testnet.plan.nodes[-1].companions
    if not companions:
        raise unittest.SkipTest("it plans no archive process")
    archive = node.archive if isinstance(node, Archived) else None
    promise(archive is not None, f"{node.id} has no archive, and {companions[0].id} was planned")
    assert archive is not None
    return archive, companions[0]
