"""The processes that run beside a node's daemon, by what the network asks for."""

from coda_executive.config.network import NetworkConfig
from coda_executive.config.plan import CompanionRole, NodeSite, PlannedCompanion, Role
from coda_executive.config.roster import Member


def companions(
    network: NetworkConfig, member: Member, site: NodeSite, *, proof_level: str
) -> tuple[PlannedCompanion, ...]:
    """Of one node, in the order of their start."""
    if member.role is not Role.SNARK_COORDINATOR:
        return ()
    count = network.snark_coordinators.workers_per_coordinator
    return tuple(_snark_worker(network, member, site, proof_level, index) for index in range(1, count + 1))


def _snark_worker(
    network: NetworkConfig, member: Member, site: NodeSite, proof_level: str, index: int
) -> PlannedCompanion:
    """A worker that waits for its coordinator and comes back to it (daemon contract A.11, H). It holds no key."""
    return PlannedCompanion(
        id=f"{member.id}-worker-{index}",
        role=CompanionRole.SNARK_WORKER,
        log_name=f"worker-{index}.log",
        arguments=(
            *("internal", "snark-worker"),
            *("-daemon-address", f"{site.host}:{site.client_port}"),
            *("-proof-level", proof_level),
            *("-shutdown-on-disconnect", "false"),
        ),
        environment={"CODA_PROFILE": network.profile, **member.settings.environment},
    )
