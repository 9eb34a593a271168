"""Processes beside simulated nodes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import CompanionRole, DeploymentPlan, NodeSite, PlannedCompanion
from coda_executive.engines.simulation.manager import SimulatedNetworkManager
from coda_executive.errors import DeployError
from coda_executive.events.event import (
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.log_engine import LogRecord

MORTAL, LASTING = "a-mortal", "a-lasting"


def companion(id: str, *words: str, outlives_node: bool = False) -> PlannedCompanion:
    return PlannedCompanion(
        id, CompanionRole.SNARK_WORKER, f"{id}.log", (id, *words), {"WORD": id}, outlives_node
    )


def beside(scenario: ModuleType, *companions: PlannedCompanion) -> Any:
    def plan(sites: Mapping[NodeId, NodeSite]) -> DeploymentPlan:
        made: DeploymentPlan = scenario.plan_of(sites)
        first, *others = made.nodes
        return replace(made, nodes=(replace(first, companions=companions), *others))

    return plan


@pytest.fixture
def ticker(scenario: ModuleType) -> Any:
    """A daemon whose companions print their draws once a second, one of them on a port of its own."""

    class WithTicker(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run_beside(self, arguments: Sequence[str], host: Any) -> int:
            host.console.out(f"up {host.environment['WORD']} in {host.environment['HOME']}")
            if "dies" in arguments:
                await asyncio.sleep(2)
                return 3
            if "listens" in arguments:
                await host.transport.listen("0.0.0.0", 9000, serve)
            ended = asyncio.ensure_future(host.interrupted())
            while not ended.done():
                host.console.out(f"draw {host.chance.stream('ticks').random()}")
                await asyncio.wait([ended], timeout=1)
            host.console.out(f"interrupted by {ended.result()}")
            return 0

    async def serve(connection: Any) -> None:
        await connection.receive()

    return WithTicker()


def of_a(run: Any) -> list[Any]:
    return [event for _, name, event in run.seen if name == "a" and not isinstance(event, LogRecord)]


def log(directory: Path, id: str) -> list[str]:
    return (directory / "nodes" / "a" / f"{id}.log").read_text().splitlines()


def test_companions_start_and_end_with_their_node_or_outlive_it(
    scenario: ModuleType, ticker: Any, tmp_path: Path
) -> None:
    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(1)
        await node.stop()
        await node.start()
        await asyncio.sleep(1)
        await node.kill()
        await asyncio.sleep(1)
        (listening,) = node._machine.machine.listeners
        assert listening == 9000, "the daemon's end closed its own ports only"

    plan = beside(scenario, companion(MORTAL), companion(LASTING, "listens", outlives_node=True))
    run = scenario.simulate(body, tmp_path, daemon=ticker, names=["a"], plan=plan)

    events = of_a(run)
    assert events[:3] == [CompanionStarted(LASTING), NodeStarted(False), CompanionStarted(MORTAL)]
    assert {type(event) for event in events[3:5]} == {NodeStopped, CompanionStopped}
    assert events[5:7] == [NodeStarted(False), CompanionStarted(MORTAL)]
    assert events[7:] == [
        NodeKilled(),
        CompanionStopped(MORTAL, None, forced=True),
        CompanionStopped(LASTING, 0, forced=False),
    ]
    assert [line for line in log(tmp_path, MORTAL) if "draw" not in line] == [
        *("up a-mortal in /nodes/a", "interrupted by SIGTERM", "up a-mortal in /nodes/a"),
    ]


def test_a_companion_that_ends_by_itself_has_crashed(
    scenario: ModuleType, ticker: Any, tmp_path: Path
) -> None:
    async def body(run: Any) -> None:
        await asyncio.sleep(5)
        assert run.testnet.node("a").is_running

    run = scenario.simulate(
        body, tmp_path, daemon=ticker, names=["a"], plan=beside(scenario, companion(MORTAL, "dies"))
    )
    crashes = run.events("a", CompanionCrashed)
    assert crashes == [CompanionCrashed(MORTAL, 3, None, ("up a-mortal in /nodes/a",))]


def test_node_starts_once_what_outlives_it_is_ready_and_the_others_after_a_line_of_its_log(
    scenario: ModuleType, ticker: Any, tmp_path: Path
) -> None:
    async def body(run: Any) -> None:
        await asyncio.sleep(1)

    class Slow(type(ticker)):  # type: ignore[misc]
        async def run(self, arguments: Sequence[str], host: Any) -> int:
            await asyncio.sleep(3)
            host.console.out("here I am")
            return int(await super().run(arguments, host))

        async def run_beside(self, arguments: Sequence[str], host: Any) -> int:
            await asyncio.sleep(5)
            return int(await super().run_beside(arguments, host))

    plan = beside(
        scenario,
        replace(companion(MORTAL), after="here I am"),
        replace(companion(LASTING, outlives_node=True), ready=f"up {LASTING}"),
    )
    run = scenario.simulate(body, tmp_path, daemon=Slow(), names=["a"], plan=plan)

    started = (NodeStarted, CompanionStarted)
    times = [round(at) for at, _, event in run.seen if isinstance(event, started)]
    assert times == [0, 5, 8]


def test_companion_that_never_gets_ready_is_told_with_its_last_lines(
    scenario: ModuleType, ticker: Any, tmp_path: Path
) -> None:
    async def body(_run: Any) -> None:
        raise AssertionError("it was launched")

    plan = beside(scenario, replace(companion(LASTING, outlives_node=True), ready="at your service"))
    with pytest.raises(DeployError, match=f"{LASTING} was started .*'at your service'.* / draw "):
        scenario.simulate(body, tmp_path, daemon=ticker, names=["a"], plan=plan)


def test_companions_are_frozen_with_their_node(scenario: ModuleType, ticker: Any, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(2.5)
        await node.pause()
        await asyncio.sleep(100)
        await node.resume()
        await asyncio.sleep(2)

    run = scenario.simulate(
        body, tmp_path, daemon=ticker, names=["a"], plan=beside(scenario, companion(MORTAL))
    )
    assert [type(event) for event in of_a(run)][2:4] == [NodePaused, NodeResumed]
    assert 5 <= len([line for line in log(tmp_path, MORTAL) if "draw" in line]) <= 6


def test_companions_draw_from_streams_of_their_own(scenario: ModuleType, ticker: Any, tmp_path: Path) -> None:
    async def body(_run: Any) -> None:
        await asyncio.sleep(3)

    draws = []
    for number, companions in enumerate(([MORTAL], [MORTAL, LASTING])):
        directory = tmp_path / str(number)
        plan = beside(scenario, *(companion(id) for id in companions))
        scenario.simulate(body, directory, daemon=ticker, names=["a"], plan=plan)
        draws.append(log(directory, MORTAL))
    assert draws[0] == draws[1], "another one beside it changes nothing"
    assert log(directory, LASTING)[1] != draws[1][1]


def test_a_companion_that_runs_on_is_a_leak(scenario: ModuleType, ticker: Any, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        manager = run.session.manager
        assert isinstance(manager, SimulatedNetworkManager)
        await run.testnet.node("a").stop()
        assert await manager.leaks() == (f"{LASTING} still runs",)

    plan = beside(scenario, companion(LASTING, outlives_node=True))
    run = scenario.simulate(body, tmp_path, daemon=ticker, names=["a"], plan=plan)
    assert asyncio.run(run.session.manager.leaks()) == ()
