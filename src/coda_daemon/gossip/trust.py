"""Trust in peers, and bans of those who broke the rules (daemon contract C.4 `Peer_banned`, D.5
`trustStatus`). Pure.

A score is 0 for a stranger and falls with each offence; at −1 the peer is banned. It recovers by half in the
time that a ban lasts. A peer is known by its peer id, which the handshake proves: banning an address would ban
all nodes of one machine, and whoever shares an address with a culprit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from coda_daemon.gossip.peer import Peer
from coda_protocol.libp2p_keys import PeerId

MAX_PEERS = 1000  # remembered; the one blamed longest ago is forgotten first


@dataclass(frozen=True, slots=True)
class Standing:
    """A peer that was blamed. `banned_until` is in seconds of the caller's clock; None: not banned."""

    peer: Peer
    trust: float
    banned_until: float | None
    since: float


class Trust:
    """The standing of every peer that was ever blamed. All times are seconds of one steady clock."""

    def __init__(self, *, ban: float) -> None:
        """`ban` is how many seconds a ban lasts."""
        self._ban = ban
        self._standings: dict[PeerId, Standing] = {}

    def blame(self, peer: Peer, penalty: float, *, now: float) -> float | None:
        """Lower the trust in a peer; the end of its ban if that bans it now."""
        old = self._standings.pop(peer.peer_id, None)
        trust = (0.0 if old is None else self._recovered(old, now)) - penalty
        was_banned = old is not None and _is_banned(old, now)
        # 0.1 ten times is a little less than 1.
        is_banned = trust <= -1 + 1e-9 and not was_banned
        until = now + self._ban if is_banned else old.banned_until if old is not None and was_banned else None
        self._standings[peer.peer_id] = Standing(peer, max(-1.0, trust), until, now)
        if len(self._standings) > MAX_PEERS:
            del self._standings[next(iter(self._standings))]
        return until if is_banned else None

    def restore(self, standings: Sequence[Standing]) -> None:
        """Take over standings from before a restart, the one blamed longest ago first."""
        self._standings.update((one.peer.peer_id, one) for one in standings[-MAX_PEERS:])

    def banned_until(self, peer_id: PeerId, *, now: float) -> float | None:
        """None when it is not banned, or no longer."""
        standing = self._standings.get(peer_id)
        return standing.banned_until if standing is not None and _is_banned(standing, now) else None

    def standings(self, *, now: float) -> tuple[Standing, ...]:
        """As they are now, the longest known first."""
        return tuple(
            Standing(
                old.peer, self._recovered(old, now), old.banned_until if _is_banned(old, now) else None, now
            )
            for old in self._standings.values()
        )

    def _recovered(self, standing: Standing, now: float) -> float:
        return standing.trust * math.pow(0.5, (now - standing.since) / self._ban)


def _is_banned(standing: Standing, now: float) -> bool:
    return standing.banned_until is not None and now < standing.banned_until
