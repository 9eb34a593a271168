"""Processes beside nodes of the local engine."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.coda_executive.engines.local.testnets import Recorded, plan_of, stub, until

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import CompanionRole, PlannedCompanion
from coda_executive.engines.local import kept
from coda_executive.engines.local.guardian import process_entry
from coda_executive.engines.local.manager import LocalManager
from coda_executive.engines.local.node import LocalNode
from coda_executive.engines.local.options import LocalOptions
from coda_executive.errors import DeployError
from coda_executive.events.event import (
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    NodeCrashed,
    NodeKilled,
    NodeStarted,
    NodeStopped,
)

pytestmark = pytest.mark.real

NODE = NodeId("node-1")
MORTAL, LASTING = "node-1-mortal", "node-1-lasting"


def companion(id: str, *, outlives_node: bool = False) -> PlannedCompanion:
    return PlannedCompanion(
        id, CompanionRole.SNARK_WORKER, f"{id}.log", ("daemon", id), {"A_WORD": id}, outlives_node
    )


async def deploy(manager: LocalManager, *beside: PlannedCompanion) -> LocalNode:
    plan = plan_of(dict(await manager.sites([NODE])))
    beside = beside or (companion(MORTAL), companion(LASTING, outlives_node=True))
    testnet = await manager.deploy(replace(plan, nodes=(replace(plan.nodes[0], companions=beside),)))
    (node,) = testnet.nodes
    assert isinstance(node, LocalNode)
    return node


def log(directory: Path, id: str) -> str:
    return (directory / "nodes" / NODE / f"{id}.log").read_text()


async def until_up(directory: Path, id: str, times: int = 1) -> int:
    """Its pid."""
    await until(lambda: log(directory, id).count("up ") >= times)
    return int(log(directory, id).rpartition("up ")[2].split()[0])


async def test_companions_start_and_end_with_their_node_or_outlive_it(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    node = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    for id in (MORTAL, LASTING):
        await until_up(run_directory, id)

    await node.stop()
    after_stop = list(run.of(node))
    await node.start()
    await until_up(run_directory, MORTAL, times=2)
    await run.until_up(node, times=2)
    await node.kill()
    after_kill = run.of(node)[len(after_stop) :]
    await manager.destroy()

    assert after_stop[:3] == [CompanionStarted(LASTING), NodeStarted(False), CompanionStarted(MORTAL)]
    ends = [NodeStopped(130, forced=False), CompanionStopped(MORTAL, 130, forced=False)]
    assert sorted(after_stop[3:], key=str) == sorted(ends, key=str)
    assert after_kill[:2] == [NodeStarted(False), CompanionStarted(MORTAL)]
    assert NodeKilled() in after_kill
    assert CompanionStopped(MORTAL, None, forced=True) in after_kill
    assert run.of(node)[-1] == CompanionStopped(LASTING, 130, forced=False), "with the testnet"
    assert await manager.leaks() == ()
    assert run.processes() == []


async def test_a_companion_that_dies_unasked_has_crashed_and_starts_again_with_its_node(
    run_directory: Path,
) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    node = await deploy(manager)
    await manager.launch()
    pid = await until_up(run_directory, MORTAL)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: any(isinstance(event, CompanionCrashed) for event in run.of(node)))
    assert node.is_running
    await run.until_up(node)
    await node.stop()
    await node.start()
    await until_up(run_directory, MORTAL, times=2)
    await manager.destroy()

    [crash] = [event for event in run.of(node) if isinstance(event, CompanionCrashed)]
    assert (crash.companion, crash.exit_code, crash.signal) == (MORTAL, None, "SIGKILL")
    assert crash.last_lines[-1].startswith("up ")
    assert not [event for event in run.of(node) if isinstance(event, NodeCrashed)]
    assert await manager.leaks() == ()


async def test_node_starts_once_what_outlives_it_is_ready_and_the_others_after_a_line_of_its_log(
    run_directory: Path,
) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    seen = []
    publish = manager._context.publish

    def note(node: NodeId, event: Any) -> None:
        logs = [log(run_directory, LASTING), log(run_directory, "daemon")]
        seen.append((type(event).__name__, ["up " in text for text in logs]))
        publish(node, event)

    manager._context = replace(manager._context, publish=note)
    await deploy(
        manager,
        replace(companion(MORTAL), after="up "),
        replace(companion(LASTING, outlives_node=True), ready="up "),
    )
    await manager.launch()
    await manager.destroy()

    assert seen[0] == ("CompanionStarted", [False, False])
    assert seen[1][0] == "NodeStarted"
    assert seen[1][1][0], "the node was started before what it needs was ready"
    assert seen[2] == ("CompanionStarted", [True, True])
    assert await manager.leaks() == ()


async def test_companion_that_never_gets_ready_is_told_with_its_last_lines(run_directory: Path) -> None:
    run = Recorded(
        run_directory, stub("obeys"), LocalOptions(stop_limit=5.0, boot_allowance=0.0, ready_limit=1.0)
    )
    manager = run.manager()
    await deploy(manager, replace(companion(LASTING, outlives_node=True), ready="at your service"))

    with pytest.raises(DeployError, match=f"{LASTING} was started 1 s ago .*'at your service'.*: up "):
        await manager.launch()

    await manager.destroy()
    assert await manager.leaks() == ()


async def test_companion_of_a_node_that_dies_before_its_line_is_not_started(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("dies"))
    manager = run.manager()
    node = await deploy(manager, replace(companion(MORTAL), after="never"))

    await manager.launch()

    await manager.destroy()
    assert [type(event) for event in run.of(node)] == [NodeStarted, NodeCrashed]


async def test_companions_of_a_kept_testnet_follow_their_node(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    await deploy(manager)
    await manager.launch()
    for id in (MORTAL, LASTING):
        await until_up(run_directory, id)
    await manager.keep_up("mine", 3600.0)

    def pids() -> list[int | None]:
        ((node,),) = [testnet.nodes for testnet in kept.kept_testnets()]
        return [node.pid, *(node.companions[id] for id in (MORTAL, LASTING))]

    assert None not in pids()
    kept.stop("mine", [NODE])
    assert pids() == [None, None, None]
    kept.start("mine", [NODE])
    assert None not in pids()
    node, mortal, lasting = (process_entry(pid or 0) for pid in pids())
    assert node is not None
    assert mortal is not None
    assert lasting is not None
    assert lasting.start <= node.start <= mortal.start, "in the order of their first start"
    kept.destroy("mine")
    assert run.processes() == []
