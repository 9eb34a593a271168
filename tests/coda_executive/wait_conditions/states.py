"""Network states made of events, for tests of conditions."""

from dataclasses import dataclass
from typing import cast

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import NetworkConstants
from coda_executive.events.event import BlockProduced, Event, FrontierChanged, NodeInitialized, NodeStarted
from coda_executive.interfaces.node import Node
from coda_executive.observation.network_state import NetworkState, apply
from coda_executive.wait_conditions.condition import NetworkFacts
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

A, B, C = NodeId("block-producer-1"), NodeId("block-producer-2"), NodeId("node-1")
SECOND = 1_000_000_000
FACTS = NetworkFacts(
    constants=NetworkConstants(
        slot_ms=2000,
        k=12,
        delta=0,
        slots_per_epoch=480,
        slots_per_sub_window=2,
        sub_windows_per_window=11,
        grace_period_slots=140,
        profile="dev",
    ),
    stake={A: 0.6, B: 0.4},
    boot_allowance=1.0,
)


@dataclass(frozen=True)
class NamedNode:
    id: NodeId


def nodes(*names: NodeId) -> list[Node]:
    return [cast(Node, NamedNode(name)) for name in names]


def after(
    *events: tuple[NodeId, Event], start: NetworkState | None = None, seconds: float | None = None
) -> NetworkState:
    """The state after these events, all of them at one time: `seconds`, or that of `start`."""
    state = start or NetworkState()
    time_ns = state.time_ns if seconds is None else round(seconds * SECOND)
    for node, event in events:
        state = apply(state, node, event, time_ns=time_ns)
    return state


def up(*names: NodeId) -> NetworkState:
    return after(*((name, event) for name in names for event in (NodeStarted(False), NodeInitialized())))


def block(
    height: int, name: str = "", *, parent: str | None = None, proof: bool = False, slot: int | None = None
) -> BlockProduced:
    """Block `3N<height><name>` at the slot of its height, on `3N<height - 1>` unless told otherwise."""
    return BlockProduced(
        state_hash=StateHash(f"3N{height}{name}"),
        parent=StateHash(parent or f"3N{height - 1}"),
        height=BlockchainLength(height),
        global_slot=GlobalSlot(height if slot is None else slot),
        epoch=Epoch(0),
        creator="B62",
        emitted_proof=proof,
    )


def tip(state_hash: str) -> FrontierChanged:
    return FrontierChanged(None, StateHash(state_hash), None, (), False)
