"""Puts a testnet on an infrastructure and takes it away again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, NodeSite, PlannedNode
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet


@dataclass(frozen=True, slots=True)
class DaemonBuild:
    """What the handshake with the daemon's binary or image found out, before anything is deployed.

    `event_ids` maps a structured event's name to its id in this build: ids change between builds, names do
    not.
    """

    command: str
    version: str
    event_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Launch:
    """A start of all nodes: genesis in milliseconds since the Unix epoch, and the seconds from the start
    until then.
    """

    genesis_ms: int
    boot_allowance: float


class NetworkManager(Protocol):
    """One testnet's life: `handshake`, `sites`, `deploy`, `launch`, `destroy`, in this order. Between the last two
    nodes may come and go: `sites` and `add`, `remove`.
    """

    async def handshake(self) -> DaemonBuild:
        """Ask the daemon's binary or image what it is. Raises DeployError with the command and what it said."""

    async def sites(self, names: Sequence[NodeId]) -> Mapping[NodeId, NodeSite]:
        """Reserve a place for each node: addresses, ports, directories. Raises DeployError."""

    async def deploy(self, plan: DeploymentPlan) -> Testnet:
        """Put everything in place; no daemon runs yet. Raises DeployError; `destroy` then clears what is
        there.
        """

    async def launch(self) -> Launch:
        """Write the genesis time, now plus the engine's boot allowance, and start all nodes together.

        Raises DeployError when a process cannot be started.
        """

    async def add(self, planned: PlannedNode) -> Node:
        """Put one more node in place, with the genesis time of the others; its daemon does not run yet. Raises
        DeployError.
        """

    async def remove(self, node: Node) -> None:
        """Stop the node for good: it cannot be started again. Its evidence stays. Raises EngineError."""

    async def destroy(self) -> None:
        """Stop everything and free what `sites` reserved. Idempotent, also after half a deploy. Evidence
        stays.
        """

    async def leaks(self) -> tuple[str, ...]:
        """What of the run is still there after `destroy`, each named in one line; empty when nothing outlived
        it.

        Processes, ports, descriptors, temporary and memory-backed files, and what went wrong while
        destroying. A leak is the infrastructure's failure.
        """
