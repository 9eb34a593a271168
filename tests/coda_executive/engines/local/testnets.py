"""What the tests of the local engine share: a plan by hand, a manager over stub daemons, waiting for a
condition.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import msgspec

from coda_executive.config.network import NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import (
    DeploymentPlan,
    NetworkConstants,
    NodeSite,
    PlannedFile,
    PlannedNode,
    Role,
)
from coda_executive.engines.local.guardian import process_table
from coda_executive.engines.local.leftovers import labelled_processes
from coda_executive.engines.local.manager import LocalManager
from coda_executive.engines.local.node import LocalNode
from coda_executive.engines.local.options import LocalOptions
from coda_executive.errors import EngineError
from coda_executive.events.event import LifecycleEvent
from coda_executive.interfaces.engine import RunContext
from coda_executive.interfaces.testnet import Testnet
from coda_protocol.runtime_config import RuntimeConfig

STUB = Path(__file__).with_name("stub_daemon.py")
WAIT_SECONDS = 30.0


def stub(conduct: str) -> str:
    """The command of a stub daemon."""
    return f"{sys.executable} -I -S {STUB} {conduct}"


def wrapped(directory: Path, command: str) -> str:
    """The same daemon behind a shell script that does not use `exec`."""
    script = directory / "wrapper.sh"
    script.write_text('#!/bin/sh\n"$@"\ncode=$?\nexit $code\n')
    script.chmod(0o755)
    return f"{script} {command}"


def run_id() -> str:
    """A name for the runs of one test: others may go on at the same time."""
    return f"a-run-{crc32(os.environ['XDG_RUNTIME_DIR'].encode()):08x}"


async def until(condition: Callable[[], bool]) -> None:
    """Return once it holds; TimeoutError long after it should."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


@dataclass
class Recorded:
    """A manager, and the life-cycle events that it published."""

    directory: Path
    daemon: str | None
    options: LocalOptions = field(default_factory=lambda: LocalOptions(stop_limit=5.0, boot_allowance=0.0))
    events: list[tuple[NodeId, LifecycleEvent]] = field(default_factory=list)
    failures: list[EngineError] = field(default_factory=list)

    def manager(self) -> LocalManager:
        context = RunContext(
            run_id(),
            self.directory,
            7,
            self.daemon,
            lambda node, event: self.events.append((node, event)),
            self.failures.append,
        )
        return LocalManager(context, self.options)

    def of(self, node: LocalNode) -> list[LifecycleEvent]:
        return [event for id, event in self.events if id == node.id]

    def log(self, node: LocalNode) -> str:
        return (self.directory / "nodes" / node.id / "daemon.log").read_text(errors="replace")

    async def until_up(self, node: LocalNode, times: int = 1) -> None:
        await until(lambda: self.log(node).count("up ") >= times)

    def processes(self) -> list[int]:
        """The living processes with the label of any run of this name, guardians included."""
        labelled = labelled_processes(process_table())
        return [pid for label, pids in labelled.items() if label.startswith(f"{run_id()}.") for pid in pids]


def plan_of(sites: dict[NodeId, NodeSite]) -> DeploymentPlan:
    """A plan of plain nodes whose daemon has nothing to read but its genesis time."""
    nodes = tuple(
        PlannedNode(
            id=name,
            role=Role.PLAIN,
            site=site,
            peer_address="",
            peers=(),
            public_key=None,
            stake_share=0.0,
            arguments=("-rest-port", str(site.rest_port)),
            environment={"PASSWORD": "naughty"},
            files=(
                PlannedFile("keys/libp2p", b"secret", 0o600),
                PlannedFile("config/daemon.json", b"{}"),
                PlannedFile("runtime_config.json", b"{}"),
            ),
        )
        for name, site in sites.items()
    )
    constants = NetworkConstants(2000, 10, 0, 60, 7, 11, 10, "dev")
    return DeploymentPlan(NetworkConfig(), RuntimeConfig(), constants, nodes, "genesis.json")


async def deploy(manager: LocalManager, count: int = 1) -> tuple[Testnet, list[LocalNode]]:
    """A testnet of that many nodes, in place, not started."""
    sites = await manager.sites([NodeId(f"node-{number + 1}") for number in range(count)])
    testnet = await manager.deploy(plan_of(dict(sites)))
    nodes = [node for node in testnet.nodes if isinstance(node, LocalNode)]
    return testnet, nodes


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def proc(pid: int, name: str) -> bytes:
    """A file of a process in /proc."""
    return Path(f"/proc/{pid}/{name}").read_bytes()


def pid_of(node: LocalNode) -> int:
    pid = msgspec.json.decode(node.node_id_json)["pid"]
    assert isinstance(pid, int)
    return pid
