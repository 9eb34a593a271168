"""Who a peer is and where it listens: a peer, and multiaddresses as the command line gives them (daemon
contract A.4, C.3).
"""

import re
from dataclasses import dataclass
from functools import cached_property

import msgspec

from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import PeerId, public_key_of_peer

_MULTIADDRESS = re.compile(r"/(ip4|ip6|dns4|dns6)/([^/]+)/tcp/([0-9]{1,5})/p2p/([^/]+)")


@dataclass(frozen=True)
class Peer:
    """A node of the network by the address at which it accepts links; `port` is its external one."""

    host: str
    port: int
    peer_id: PeerId

    @property
    def multiaddress(self) -> str:
        kind = "ip6" if ":" in self.host else "ip4" if re.fullmatch(r"[0-9.]+", self.host) else "dns4"
        return f"/{kind}/{self.host}/tcp/{self.port}/p2p/{self.peer_id}"

    @cached_property
    def sender_json(self) -> bytes:
        """A gossip sender in log lines (daemon contract C.3)."""
        remote = {"host": self.host, "peer_id": self.peer_id, "libp2p_port": self.port}
        return msgspec.json.encode({"Remote": remote})

    def __str__(self) -> str:
        return self.multiaddress


def parse_multiaddress(text: str) -> Peer:
    """Read `/ip4/ADDR/tcp/PORT/p2p/PEERID`, or the same with ip6, dns4, dns6. Raises FormatError."""
    match = _MULTIADDRESS.fullmatch(text)
    if match is None or not 0 < int(match[3]) < 65536:
        raise FormatError("multiaddress", "/ip4/ADDRESS/tcp/PORT/p2p/PEERID", repr(text[:200]))
    public_key_of_peer(match[4])
    return Peer(match[2], int(match[3]), PeerId(match[4]))
