"""A deployed testnet: its nodes by role."""

from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan
from coda_executive.interfaces.node import Node


@dataclass(frozen=True, slots=True)
class Testnet:
    """The nodes of a testnet, by role, each list in the order of the configuration."""

    __test__ = False

    plan: DeploymentPlan
    seeds: tuple[Node, ...]
    block_producers: tuple[Node, ...]
    snark_coordinators: tuple[Node, ...]
    archive_nodes: tuple[Node, ...]
    plain_nodes: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of them, seeds first."""
        return (
            self.seeds
            + self.block_producers
            + self.snark_coordinators
            + self.archive_nodes
            + self.plain_nodes
        )

    def node(self, name: str) -> Node:
        """The node of that name; KeyError lists the names there are."""
        for node in self.nodes:
            if node.id == NodeId(name):
                return node
        raise KeyError(f"no node is named {name!r}; there are {', '.join(node.id for node in self.nodes)}")
