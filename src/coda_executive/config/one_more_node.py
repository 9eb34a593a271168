"""A plan with one more node, for a testnet that runs already. Pure."""

from dataclasses import dataclass, replace

from coda_executive.config.fault import FaultyConfigError
from coda_executive.config.key_allocation import AllocatedKey, known_key, ledger_keys
from coda_executive.config.ledger_accounts import resolved, stake_by_key
from coda_executive.config.network import (
    ArchiveNodes,
    BlockProducerFlags,
    NetworkConfig,
    NodeSettings,
    SnarkCoordinatorFlags,
)
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, NodeSite, Role
from coda_executive.config.plan_node import plan_node
from coda_executive.config.roster import Member, roster
from coda_executive.config.validate_network import network_faults
from coda_executive.errors import ConfigError
from coda_protocol.keys import Keypair
from coda_protocol.runtime_config import RuntimeConfig

Flags = BlockProducerFlags | SnarkCoordinatorFlags


@dataclass(frozen=True, slots=True)
class OneMore:
    """A node to be added: the network that has it, and what it is there."""

    network: NetworkConfig
    member: Member


def one_more(network: NetworkConfig, role: Role, settings: NodeSettings, flags: Flags | None) -> OneMore:
    """The network with one more node of a role, the last of them. Raises FaultyConfigError with all that it makes
    wrong, ConfigError for flags of another role.
    """
    grown = _grown(network, role, flags)
    usual_name = [member for member in roster(grown) if member.role is role][-1].usual_name
    grown = replace(grown, nodes={**network.nodes, usual_name: settings})
    before = list(network_faults(network))
    if faults := [fault for fault in network_faults(grown) if fault not in before]:
        raise FaultyConfigError(faults)
    member = next(member for member in roster(grown) if member.usual_name == usual_name)
    return OneMore(grown, member)


def plan_one_more(
    plan: DeploymentPlan,
    runtime: RuntimeConfig,
    node: OneMore,
    site: NodeSite,
    *,
    seed: int,
    key: Keypair | None = None,
    gone: frozenset[NodeId] = frozenset(),
) -> DeploymentPlan:
    """The plan with that node as its last. `runtime` is the test's own, with its secrets.

    A node that needs a key holds `key`, or else the first ledger key that is known and nobody holds; those of
    nodes that are `gone` are free again. It is started with the seeds that are left as peers, where its settings
    name none. Raises ConfigError when there is no key.
    """
    member, settings = node.member, node.member.settings
    living = [each for each in plan.nodes if each.id not in gone]
    held = frozenset(each.public_key for each in living if each.public_key)
    allocated = _key(node, runtime, held, key)
    peers = (
        {NodeId(name) for name in settings.peers}
        if settings.peers is not None
        else {each.id for each in living if each.role is Role.SEED}
    )
    planned = plan_node(
        node.network,
        member,
        site,
        peers={each.id: each.peer_address for each in plan.nodes if each.id in peers},
        key=allocated,
        # The stake of a key that a living node holds is counted there.
        stake_share=0.0 if allocated is None or allocated.public in held else _share(plan, member, allocated),
        seed=seed,
        extra_arguments=plan.extra_arguments,
        shared_files=plan.shared_files,
        proof_level=_proof_level(plan.runtime),
    )
    return replace(plan, network=node.network, nodes=(*plan.nodes, planned), joined=(*plan.joined, member.id))


def _grown(network: NetworkConfig, role: Role, flags: Flags | None) -> NetworkConfig:
    producers, coordinators = network.block_producers, network.snark_coordinators
    match role, flags:
        case Role.BLOCK_PRODUCER, None | BlockProducerFlags():
            usual = (BlockProducerFlags(),) * producers.count
            every = (*producers.flags, *usual)[: producers.count]
            count = producers.count + 1
            last = flags or BlockProducerFlags()
            return replace(network, block_producers=replace(producers, count=count, flags=(*every, last)))
        case Role.SNARK_COORDINATOR, None | SnarkCoordinatorFlags():
            usual_ones = (SnarkCoordinatorFlags(),) * coordinators.count
            all_flags = (*coordinators.flags, *usual_ones)[: coordinators.count]
            final = flags or SnarkCoordinatorFlags()
            more = replace(coordinators, count=coordinators.count + 1, flags=(*all_flags, final))
            return replace(network, snark_coordinators=more)
        case Role.SEED, None:
            return replace(network, seeds=network.seeds + 1)
        case Role.ARCHIVE_NODE, None:
            return replace(network, archive_nodes=ArchiveNodes(network.archive_nodes.count + 1))
        case Role.PLAIN, None:
            return replace(network, plain_nodes=network.plain_nodes + 1)
    raise ConfigError(f"a {role} has no {type(flags).__name__}; give the flags of its own role, or none")


def _key(
    node: OneMore, runtime: RuntimeConfig, held: frozenset[str], key: Keypair | None
) -> AllocatedKey | None:
    member, network = node.member, node.network
    if member.role not in (Role.BLOCK_PRODUCER, Role.SNARK_COORDINATOR):
        if key is not None:
            raise ConfigError(f"{member.id} is a {member.role}, which holds no key; leave `key` out")
        return None
    is_producer = member.role is Role.BLOCK_PRODUCER
    if key is not None:
        return AllocatedKey(str(key.public), key.private if is_producer else None)
    if not is_producer and (own := network.snark_coordinators.flags[member.index - 1].worker_key):
        return AllocatedKey(own)
    runtime = resolved(runtime)
    for address in ledger_keys(network, runtime):
        private = known_key(network, runtime, address)
        if address not in held and (private or not is_producer):
            return AllocatedKey(address, private if is_producer else None)
    raise ConfigError(
        f"no key is left for {member.id}: every key of the ledger whose secret is known is held by a node. "
        f"Add an account to the ledger, or give a `key`."
    )


def _proof_level(written: RuntimeConfig) -> str:
    assert written.proof is not None  # a plan writes every constant out
    assert written.proof.level is not None
    return written.proof.level


def _share(plan: DeploymentPlan, member: Member, key: AllocatedKey) -> float:
    stakes = stake_by_key(plan.runtime) if member.role is Role.BLOCK_PRODUCER else None
    if not stakes:
        return 0.0  # where a hash hides the stakes nothing is promised of one that comes late
    return stakes.get(key.public, 0) / (sum(stakes.values()) or 1)
