"""A nemesis over a small simulated testnet of nodes a to e that ping each other."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.coda_executive.engines.simulation import scenario

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import LifecycleEvent, NodeStarted
from coda_executive.nemesis.journal import JOURNAL_FILE
from coda_executive.nemesis.nemesis import Nemesis
from coda_executive.observation.history import FaultBegan, FaultEnded, HistoryRecord, HistoryWriter
from coda_executive.observation.router import Router


@dataclass
class Crashes:
    allowed: list[NodeId] = field(default_factory=list)

    def expect_crash(self, node: NodeId) -> None:
        self.allowed.append(node)

    def forbid_crash(self, node: NodeId) -> None:
        self.allowed.remove(node)


@dataclass
class Stage:
    """What a test's body is given. `recorded` is what came into the history."""

    run: Any
    nemesis: Nemesis
    router: Router
    crashes: Crashes
    recorded: list[HistoryRecord]
    directory: Path

    def node(self, name: str) -> Any:
        return self.run.testnet.node(name)

    @property
    def faults(self) -> list[tuple[str, int]]:
        """What the history tells of faults."""
        return [
            (type(record).__name__, record.number)
            for record in self.recorded
            if isinstance(record, FaultBegan | FaultEnded)
        ]


Publish = Callable[[NodeId, LifecycleEvent], None]
Body = Callable[[Stage], Awaitable[None]]
Play = Callable[..., Stage]


def also_to(router: Router, publish: Publish) -> Publish:
    """The scenario keeps a list of life-cycle events; the router wants them as well."""

    def both(node: NodeId, event: LifecycleEvent) -> None:
        publish(node, event)
        router.publish(node, event)

    return both


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a body in virtual time and answer its stage."""
    count = iter(range(100))

    def start(body: Body, *, seed: int = 1, daemon: Any = None) -> Stage:
        directory = tmp_path / str(next(count))
        stages: list[Stage] = []

        async def set_up(run: Any) -> None:
            recorded: list[HistoryRecord] = []
            with HistoryWriter(directory / "history") as history:
                router, crashes = Router(history, observer=recorded.append), Crashes()
                nemesis = Nemesis(
                    run.testnet, router, seed=seed, journal=directory / JOURNAL_FILE, crashes=crashes
                )
                for node in run.testnet.nodes:
                    router.publish(node.id, NodeStarted(fresh_state=False))
                    node._publish = also_to(router, node._publish)
                stages.append(Stage(run, nemesis, router, crashes, recorded, directory))
                await body(stages[0])

        scenario.simulate(set_up, directory, names="abcde", seed=seed, daemon=daemon)
        return stages[0]

    return start
