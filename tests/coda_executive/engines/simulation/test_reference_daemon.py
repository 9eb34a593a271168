"""The reference daemon's production code in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from coda_executive.catalogue.block_production import block_production
from coda_executive.config.make_plan import make_plan
from coda_executive.config.roster import node_names
from coda_executive.engines.simulation import ENGINE
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    LifecycleEvent,
    NodeInitialized,
    NodeStopped,
)
from coda_executive.interfaces.engine import RunContext
from coda_executive.interfaces.log_engine import LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet

SLOT_SECONDS = 120


class Run:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.testnet: Testnet
        self.seen: list[tuple[str, Any]] = []

    def events(self, node: str, kind: type) -> list[Any]:
        return [event for name, event in self.seen if name == node and isinstance(event, kind)]

    def best_tip(self, node: str) -> str:
        return self.events(node, BestTipFormed)[-1].added[-1]  # type: ignore[no-any-return]

    def logs(self) -> dict[str, bytes]:
        return {
            node.id: (self.directory / "nodes" / node.id / "daemon.log").read_bytes()
            for node in self.testnet.nodes
        }


def simulate(directory: Path, seed: int, body: Callable[[Run], Awaitable[None]]) -> Run:
    run = Run(directory)

    async def main() -> None:
        def publish(node: str, event: LifecycleEvent) -> None:
            run.seen.append((node, event))

        def deliver(records: Sequence[LogRecord]) -> None:
            run.seen.extend((record.node, record.event) for record in records)

        context = RunContext("run", directory, seed, None, publish, lambda _error: None)
        session = ENGINE.open(context, SimulationOptions(audit=True, jitter=0.05))
        build = await session.manager.handshake()
        network, runtime = block_production.network, block_production.runtime
        assert runtime.proof is not None
        runtime = replace(runtime, proof=replace(runtime.proof, block_window_duration_ms=1000 * SLOT_SECONDS))
        sites = await session.manager.sites(node_names(network))
        run.testnet = await session.manager.deploy(make_plan(network, runtime, sites, seed=seed))
        try:
            async with session.log_engine.attach(run.testnet, Queries(build.event_ids), deliver):
                await session.manager.launch()
                await body(run)
        finally:
            await session.manager.destroy()

    ENGINE.run(main, seed=seed)
    return run


async def twenty_slots(_run: Run) -> None:
    await asyncio.sleep(20.5 * SLOT_SECONDS)


def test_five_nodes_produce_blocks_and_agree_and_a_seed_repeats_every_byte(tmp_path: Path) -> None:
    first = simulate(tmp_path / "1", 1, twenty_slots)
    for node in first.testnet.nodes:
        assert len(first.events(node.id, NodeInitialized)) == 1
        assert len(first.events(node.id, BestTipFormed)) > 10
    produced = [
        event for node in first.testnet.block_producers for event in first.events(node.id, BlockProduced)
    ]
    assert len(produced) > 12
    assert len({first.best_tip(node.id) for node in first.testnet.nodes}) == 1

    assert simulate(tmp_path / "2", 1, twenty_slots).logs() == first.logs()
    assert simulate(tmp_path / "3", 2, twenty_slots).logs() != first.logs()


@pytest.mark.parametrize("way", ["stop", "kill", "pause"])
def test_a_producer_that_was_away_for_ten_slots_adopts_the_best_tip(tmp_path: Path, way: str) -> None:
    async def body(run: Run) -> None:
        away: Any = run.testnet.block_producers[0]
        await asyncio.sleep(5.5 * SLOT_SECONDS)
        await getattr(away, way)()
        await asyncio.sleep(10 * SLOT_SECONDS)
        await (away.resume() if way == "pause" else away.start())
        await asyncio.sleep(5 * SLOT_SECONDS)

    run = simulate(tmp_path, 1, body)
    assert len({run.best_tip(node.id) for node in run.testnet.nodes}) == 1
    if way == "stop":
        assert run.events("block-producer-1", NodeStopped)[0] == NodeStopped(130, forced=False)
