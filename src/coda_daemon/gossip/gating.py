"""With whom a node talks at all: what `setConnectionGatingConfig` sets (daemon contract D.5). Pure.

Peers are told apart by peer id alone, though the configuration names their addresses too: nodes of one machine
share an address, and the id is what the handshake proves.
"""

from dataclasses import dataclass, field

from coda_daemon.gossip.peer import Peer
from coda_protocol.libp2p_keys import PeerId


@dataclass(frozen=True, slots=True)
class Gating:
    """A trusted peer is always let in, even a banned one; with `isolate` nobody else is."""

    isolate: bool = False
    trusted: tuple[Peer, ...] = ()
    banned: tuple[Peer, ...] = ()
    _trusted_ids: frozenset[PeerId] = field(init=False, repr=False, compare=False)
    _banned_ids: frozenset[PeerId] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_trusted_ids", frozenset(peer.peer_id for peer in self.trusted))
        object.__setattr__(self, "_banned_ids", frozenset(peer.peer_id for peer in self.banned))

    def trusts(self, peer_id: PeerId) -> bool:
        return peer_id in self._trusted_ids

    def refusal(self, peer_id: PeerId) -> str | None:
        """Why a peer is kept out; None when it is not."""
        if peer_id in self._trusted_ids:
            return None
        if peer_id in self._banned_ids:
            return "banned by configuration"
        return "not a trusted peer of an isolated node" if self.isolate else None
