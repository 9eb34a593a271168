"""A deployed testnet: its nodes by role, those that joined and left since included and left out."""

from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, Role
from coda_executive.interfaces.node import Node

_LISTS = {
    Role.SEED: "seeds",
    Role.BLOCK_PRODUCER: "block_producers",
    Role.SNARK_COORDINATOR: "snark_coordinators",
    Role.ARCHIVE_NODE: "archive_nodes",
    Role.PLAIN: "plain_nodes",
}


@dataclass(eq=False, slots=True)
class Testnet:
    """The nodes of a testnet, by role, each list in the order of the configuration, then of their joining. The
    plan keeps those that left.
    """

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

    def join(self, node: Node, plan: DeploymentPlan) -> None:
        """A node was added; `plan` has it."""
        self.plan = plan
        place = _LISTS[node.role]
        setattr(self, place, (*getattr(self, place), node))

    def leave(self, node: Node) -> None:
        """A node was removed. Does nothing if it is not there."""
        place = _LISTS[node.role]
        setattr(self, place, tuple(each for each in getattr(self, place) if each.id != node.id))

    def node(self, name: str) -> Node:
        """The node of that name; KeyError lists the names there are."""
        for node in self.nodes:
            if node.id == NodeId(name):
                return node
        raise KeyError(f"no node is named {name!r}; there are {', '.join(node.id for node in self.nodes)}")
