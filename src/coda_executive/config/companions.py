"""The processes that run beside a node's daemon, by what the network asks for."""

from typing import Final

from coda_executive.config.daemon_args import GENESIS_FILE, RUNTIME_FILE
from coda_executive.config.network import NetworkConfig
from coda_executive.config.plan import CompanionRole, NodeSite, PlannedCompanion, PlannedNode, Role
from coda_executive.config.roster import Member

# Lines that the daemon contract has (C.1, G.1): the client port opens before HTTP does.
_DOORS_OPEN: Final = "Created GraphQL server at"
_ARCHIVE_READY: Final = "Archive process ready"
# Where testnets have their addresses: any node of one may feed its archives.
_TRUSTED: Final = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"


def companions(
    network: NetworkConfig, member: Member, site: NodeSite, *, proof_level: str
) -> tuple[PlannedCompanion, ...]:
    """Of one node, in the order of their start."""
    if member.role is Role.ARCHIVE_NODE:
        # An engine that names no database runs the archive its own way.
        return () if site.archive_uri is None else (_archive(network, member, site, site.archive_uri),)
    if member.role is not Role.SNARK_COORDINATOR:
        return ()
    count = network.snark_coordinators.workers_per_coordinator
    return tuple(_snark_worker(network, member, site, proof_level, index) for index in range(1, count + 1))


def archive_configuration(node: PlannedNode) -> tuple[str, ...]:
    """The flags of an archive node's configuration files, for tools beside its archive."""
    here = node.site.directory.rstrip("/")
    return ("-config-file", f"{here}/{RUNTIME_FILE}", "-config-file", f"{here}/{GENESIS_FILE}")


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
        after=_DOORS_OPEN,
    )


def _archive(network: NetworkConfig, member: Member, site: NodeSite, uri: str) -> PlannedCompanion:
    """An archive process that stores the genesis block too (daemon contract G.1).

    Other nodes may feed it as well, so it goes on while its own is stopped.
    """
    assert site.archive_address is not None  # plan_node has looked
    here = site.directory.rstrip("/")
    return PlannedCompanion(
        id=f"{member.id}-archive",
        role=CompanionRole.ARCHIVE,
        log_name="archive.log",
        arguments=(
            *("archive", "run", "-postgres-uri", uri),
            *("-server-port", site.archive_address.rpartition(":")[2]),
            *("-config-file", f"{here}/{RUNTIME_FILE}", "-config-file", f"{here}/{GENESIS_FILE}"),
            *("-log-json", "-log-level", "Debug"),
        ),
        environment={
            "CODA_PROFILE": network.profile,
            "MINA_CLIENT_TRUSTLIST": _TRUSTED,
            **member.settings.environment,
        },
        outlives_node=True,
        ready=_ARCHIVE_READY,
    )
