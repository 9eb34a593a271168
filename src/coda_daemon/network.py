"""What the chain needs of the gossip network; `gossip.network.Gossip` is it."""

from collections.abc import Callable
from typing import Protocol

from coda_daemon.gossip.peer import Peer


class Network(Protocol):
    """The network as one node sees it. Times are in seconds."""

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The linked peers."""

    @property
    def connections_seen(self) -> int:
        """Links since the start, whether they live or not."""

    def on_peers_changed(self, listener: Callable[[], None]) -> None:
        """Have a function called whenever a link begins or ends."""

    async def wait_for_peers(self, count: int) -> None: ...

    async def wait_until_settled(self, quiet: float) -> None:
        """Wait until all seeds are linked and nothing changed for `quiet`."""

    def publish(self, topic: str, payload: bytes) -> None: ...

    async def request(self, peer: Peer, kind: str, payload: bytes, *, seconds: float) -> bytes:
        """Raises RequestFailed."""

    def blame(self, peer: Peer, action: str, penalty: float = 1.0) -> None:
        """Trust a peer less that broke the rules; one less, and it is banned."""

    def redial_all(self) -> None:
        """Drop all links and dial afresh."""
