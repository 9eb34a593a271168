"""What a test may ask a daemon, and the answers. The transport is the node's; the requests are the same for
every engine.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, GlobalSlot


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    body: bytes


class HttpTransport(Protocol):
    """How a node's REST port is reached. `seconds` limit the whole exchange.

    Raises ConnectionRefusedError when nothing was sent (nothing listens), TimeoutError or another
    ConnectionError when the request may have arrived.
    """

    async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply: ...


@dataclass(frozen=True, slots=True)
class Peer:
    host: str
    port: int
    peer_id: str


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """Height and state hash are None while there is no frontier."""

    sync_status: str
    blockchain_length: BlockchainLength | None
    highest_block_length_received: BlockchainLength
    state_hash: StateHash | None
    global_slot_best_tip: GlobalSlot | None
    peers: tuple[Peer, ...]
    uptime_seconds: int
    commit: str


@dataclass(frozen=True, slots=True)
class ChainBlock:
    state_hash: StateHash
    parent: StateHash
    height: BlockchainLength
    global_slot: GlobalSlot
    creator: str


class NodeClient(Protocol):
    """Requests to one node. Each raises RequestFailed; `definite` tells whether it surely had no effect."""

    async def execute(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run any GraphQL document and return its `data`."""

    async def sync_status(self) -> str: ...

    async def daemon_status(self) -> DaemonStatus: ...

    async def best_chain(self, max_length: int | None = None) -> tuple[ChainBlock, ...]:
        """Oldest first, best tip last, whatever order the daemon serves."""

    async def peers(self) -> tuple[Peer, ...]: ...
