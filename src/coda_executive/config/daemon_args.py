"""A node's command line after the daemon's command (daemon contract A.2, A.12). No secret is ever in it."""

import ipaddress
from collections.abc import Sequence
from typing import TypeVar

from coda_executive.config.network import BlockProducerFlags, NetworkConfig, SnarkCoordinatorFlags
from coda_executive.config.plan import NodeSite, Role
from coda_executive.config.roster import Member

RUNTIME_FILE = "runtime_config.json"
OWN_RUNTIME_FILE = "own_runtime_config.json"  # what is otherwise for this node alone
GENESIS_FILE = "genesis.json"
PRODUCER_KEY_FILE = "keys/block-producer"
LIBP2P_KEY_FILE = "keys/libp2p"
CONFIG_DIRECTORY = "config"
GENESIS_DIRECTORY = "genesis"  # ledgers that the configuration gives by hash


def multiaddress(site: NodeSite, peer_id: str) -> str:
    """What other nodes are given to find a node (daemon contract A.4)."""
    address = _address(site.host)
    kind = "dns4" if address is None else f"ip{address.version}"
    return f"/{kind}/{site.host}/tcp/{site.external_port}/p2p/{peer_id}"


def daemon_arguments(
    network: NetworkConfig,
    member: Member,
    site: NodeSite,
    *,
    peers: Sequence[str],
    public_key: str | None,
    extra: Sequence[str] = (),
) -> tuple[str, ...]:
    """The arguments of one node. `peers` are multiaddresses; `extra` the engine's; the user's come last."""
    return (
        *_common(site, has_own_runtime=member.settings.runtime is not None),
        *(word for peer in peers for word in ("-peer", peer)),
        *_of_role(network, member, site, public_key),
        *extra,
        *member.settings.arguments,
    )


def genesis_arguments(site: NodeSite) -> tuple[str, ...]:
    """Where a node finds genesis files that were put beside its configuration."""
    return ("-genesis-ledger-dir", f"{site.directory.rstrip('/')}/{GENESIS_DIRECTORY}")


def _common(site: NodeSite, *, has_own_runtime: bool) -> tuple[str, ...]:
    here = site.directory.rstrip("/")
    # A DNS name is no address to bind or announce; a node known by one listens everywhere, as in a container.
    is_address = _address(site.host) is not None
    return (
        "-config-directory",
        f"{here}/{CONFIG_DIRECTORY}",
        "-config-file",
        f"{here}/{RUNTIME_FILE}",
        *(("-config-file", f"{here}/{OWN_RUNTIME_FILE}") if has_own_runtime else ()),
        "-config-file",
        f"{here}/{GENESIS_FILE}",
        "-log-json",
        "-log-level",
        "Trace",
        "-log-snark-work-gossip",
        "true",
        "-log-txn-pool-gossip",
        "true",
        "-client-port",
        str(site.client_port),
        "-rest-port",
        str(site.rest_port),
        "-external-port",
        str(site.external_port),
        "-external-ip",
        site.host if is_address else "0.0.0.0",  # noqa: S104 (what the real test tools give)
        *(("-bind-ip", site.bind_host or site.host) if is_address else ()),
        "-libp2p-keypair",
        f"{here}/{LIBP2P_KEY_FILE}",
    )


def _of_role(
    network: NetworkConfig, member: Member, site: NodeSite, public_key: str | None
) -> tuple[str, ...]:
    match member.role:
        case Role.SEED:
            return ("-seed",)
        case Role.BLOCK_PRODUCER:
            key_file = f"{site.directory.rstrip('/')}/{PRODUCER_KEY_FILE}"
            producer = _flags(network.block_producers.flags, member, BlockProducerFlags())
            receiver = producer.coinbase_receiver
            return (
                "-block-producer-key",
                key_file,
                *(("-coinbase-receiver", receiver) if receiver else ()),
            )
        case Role.SNARK_COORDINATOR:
            assert public_key is not None  # every coordinator is allocated one
            coordinator = _flags(network.snark_coordinators.flags, member, SnarkCoordinatorFlags())
            return (
                "-run-snark-coordinator",
                public_key,
                "-snark-worker-fee",
                coordinator.snark_worker_fee.coda,
                "-work-selection",
                coordinator.work_selection,
                "-work-reassignment-wait",
                str(coordinator.work_reassignment_wait),
            )
        case Role.ARCHIVE_NODE:
            assert site.archive_address is not None  # make_plan has looked
            return ("-archive-address", site.archive_address)
        case Role.PLAIN:
            return ()


_F = TypeVar("_F")


def _flags(flags: Sequence[_F], member: Member, default: _F) -> _F:
    return flags[member.index - 1] if member.index <= len(flags) else default


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
