"""Who is in a network: every node's name and role, in the order that everything else keeps."""

from dataclasses import dataclass

from coda_executive.config.network import NetworkConfig, NodeSettings
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role


@dataclass(frozen=True, slots=True)
class Member:
    """A node. `usual_name` is what `NetworkConfig.nodes` calls it, `index` counts from 1 within its role."""

    id: NodeId
    usual_name: str
    role: Role
    index: int
    settings: NodeSettings


def roster(network: NetworkConfig) -> tuple[Member, ...]:
    """All nodes: seeds, block producers, coordinators, archive nodes, plain nodes."""
    counts = {
        Role.SEED: network.seeds,
        Role.BLOCK_PRODUCER: network.block_producers.count,
        Role.SNARK_COORDINATOR: network.snark_coordinators.count,
        Role.ARCHIVE_NODE: network.archive_nodes.count,
        Role.PLAIN: network.plain_nodes,
    }
    return tuple(
        _member(network, role, index) for role, count in counts.items() for index in range(1, count + 1)
    )


def node_names(network: NetworkConfig) -> tuple[NodeId, ...]:
    """The names of all nodes: "seed-1", "block-producer-1", or what the configuration calls them."""
    return tuple(member.id for member in roster(network))


def _member(network: NetworkConfig, role: Role, index: int) -> Member:
    usual_name = f"{role.value.replace(' ', '-')}-{index}"
    settings = network.nodes.get(usual_name, NodeSettings())
    return Member(NodeId(settings.name or usual_name), usual_name, role, index, settings)
