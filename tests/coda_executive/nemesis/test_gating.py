"""A partition by gating: whom each node bans, from the addresses in the plan."""

from random import Random
from types import SimpleNamespace
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.interfaces.client import Peer
from coda_executive.nemesis.effects import GatedNode
from coda_executive.nemesis.faults import GatedPartition
from coda_executive.nemesis.targets import Scene
from coda_executive.observation.network_state import NetworkState

ADDRESSES = {
    "a": "/ip4/10.0.0.1/tcp/8302/p2p/id-a",
    "b": "/ip4/10.0.0.2/tcp/8302/p2p/id-b",
    "c": "/dns4/node-c.example/tcp/8303/p2p/id-c",
}
A, B, C = Peer("10.0.0.1", 8302, "id-a"), Peer("10.0.0.2", 8302, "id-b"), Peer("0.0.0.0", 8303, "id-c")


def test_those_apart_ban_each_other_and_trust_the_rest() -> None:
    """A node that is known by name only has no address that a daemon would take: its id is what counts."""
    nodes = [SimpleNamespace(id=NodeId(name), peer_address=address) for name, address in ADDRESSES.items()]
    testnet: Any = SimpleNamespace(nodes=nodes, plan=SimpleNamespace(nodes=nodes))

    effects = GatedPartition("isolated", "c").effects(Scene(testnet, NetworkState({})), Random(1))

    assert effects == (
        GatedNode(node=NodeId("a"), banned=(C,), trusted=(B,)),
        GatedNode(node=NodeId("b"), banned=(C,), trusted=(A,)),
        GatedNode(node=NodeId("c"), banned=(A, B), trusted=()),
    )
