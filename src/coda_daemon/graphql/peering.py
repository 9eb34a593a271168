"""GraphQL of peers: whom a node dials, trusts and keeps out (daemon contract D.5)."""

import ipaddress
from typing import TYPE_CHECKING, Any

from coda_daemon.gossip.gating import Gating
from coda_daemon.gossip.network import TrustStatus
from coda_daemon.gossip.peer import Peer
from coda_daemon.graphql.request_error import RequestError
from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import PeerId, public_key_of_peer
from coda_protocol.log_message import format_timestamp

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView


def peer_fields(peer: Peer) -> dict[str, Any]:
    return {"host": peer.host, "libp2pPort": peer.port, "peerId": peer.peer_id}


def connection_gating_config(view: "DaemonView") -> dict[str, Any]:
    gating = view.gossip.gating
    return {
        "trustedPeers": [peer_fields(peer) for peer in gating.trusted],
        "bannedPeers": [peer_fields(peer) for peer in gating.banned],
        "isolate": gating.isolate,
    }


def set_connection_gating_config(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    """Put the configuration in force at once, and answer it."""
    gating = Gating(
        input["isolate"],
        trusted=tuple(_peer(given) for given in input["trustedPeers"]),
        banned=tuple(_peer(given) for given in input["bannedPeers"]),
    )
    view.gossip.set_gating(gating, clean_added_peers=bool(input.get("cleanAddedPeers")))
    return connection_gating_config(view)


def add_peers(
    view: "DaemonView", peers: list[dict[str, Any]], seed: bool | None = None
) -> list[dict[str, Any]]:
    """Begin to dial peers, as seeds unless told otherwise; answers without waiting for a link."""
    if not peers:
        raise RequestError("Empty peers list")
    added = [_peer(given) for given in peers]
    view.gossip.add_peers(added, are_seeds=seed is not False)
    return [peer_fields(peer) for peer in added]


def trust_status(view: "DaemonView", ip_address: str) -> list[dict[str, Any]] | None:
    """Of the peers at an address; those that never did wrong have no entry. None for what is no address."""
    try:
        ipaddress.ip_address(ip_address)
    except ValueError:
        return None
    return [_standing(status) for status in view.gossip.trust_statuses() if status.peer.host == ip_address]


def trust_status_all(view: "DaemonView") -> list[dict[str, Any]]:
    return [_standing(status) for status in view.gossip.trust_statuses()]


def _standing(status: TrustStatus) -> dict[str, Any]:
    until = status.banned_until
    return {
        "ipAddr": status.peer.host,
        "peerId": status.peer.peer_id,
        "trust": status.trust,
        "bannedStatus": None if until is None else format_timestamp(until),
    }


def _peer(given: dict[str, Any]) -> Peer:
    """Raises RequestError."""
    try:
        ipaddress.ip_address(given["host"])
    except ValueError:
        raise RequestError("Invalid format for NetworkPeer.host") from None
    try:
        public_key_of_peer(given["peerId"])
    except FormatError as error:
        raise RequestError(f"Invalid format for NetworkPeer.peerId: {error}") from None
    if not 0 < given["libp2pPort"] < 65536:
        raise RequestError("Invalid format for NetworkPeer.libp2pPort: expected a port from 1 to 65535")
    return Peer(given["host"], given["libp2pPort"], PeerId(given["peerId"]))
