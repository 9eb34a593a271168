"""The kinds of faults: data that says what is done to whom, for `nemesis.applied(…)` or in a schedule.

Each has `needs`, the capabilities without which it cannot be applied, and `effects`, which says what it does
to single nodes: a pure function, asked at the moment when the fault begins. Their reprs are Python.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError
from coda_executive.interfaces.capabilities import (
    ClockSkewable,
    CpuThrottleable,
    DiskFault,
    DiskFaultable,
    Killable,
    LinkShape,
    LinkShapeable,
    Partitionable,
    Pausable,
    Resettable,
)
from coda_executive.interfaces.client import Peer
from coda_executive.nemesis import partitions
from coda_executive.nemesis.effects import (
    AnyEffect,
    BrokenConnections,
    CutLink,
    Down,
    GatedNode,
    Paused,
    ShapedLink,
    SlowedCpu,
    TroubledDisk,
    WrongClock,
)
from coda_executive.nemesis.targets import Scene, resolve

if TYPE_CHECKING:  # chance is the nemesis's
    from random import Random

_NO_ADDRESS = "0.0.0.0"  # noqa: S104  nothing listens on it
Effects = tuple[AnyEffect, ...]
_OF_ALL = {"halves": partitions.halves, "bridge": partitions.bridge, "ring": partitions.ring}
_OF_TARGET = {"isolated": partitions.isolated, "deaf": partitions.deaf, "mute": partitions.mute}
Shape = Literal["halves", "isolated", "deaf", "mute", "bridge", "ring"]
GatedShape = Literal["halves", "isolated", "bridge", "ring"]


class Kill(msgspec.Struct, frozen=True, tag=True):
    """Ends the daemon without warning, and starts it again at the end, with an empty disk if `fresh_state`."""

    needs: ClassVar[tuple[type, ...]] = (Killable,)
    target: str = "one"
    fresh_state: bool = False

    def effects(self, scene: Scene, stream: Random) -> Effects:
        nodes = resolve(self.target, scene, stream)
        return tuple(Down(node=node, is_killed=True, fresh_state=self.fresh_state) for node in nodes)


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Asks the daemon to end, and starts it again at the end."""

    needs: ClassVar[tuple[type, ...]] = ()
    target: str = "one"
    fresh_state: bool = False

    def effects(self, scene: Scene, stream: Random) -> Effects:
        nodes = resolve(self.target, scene, stream)
        return tuple(Down(node=node, is_killed=False, fresh_state=self.fresh_state) for node in nodes)


class Pause(msgspec.Struct, frozen=True, tag=True):
    """Freezes the daemon."""

    needs: ClassVar[tuple[type, ...]] = (Pausable,)
    target: str = "one"

    def effects(self, scene: Scene, stream: Random) -> Effects:
        return tuple(Paused(node=node) for node in resolve(self.target, scene, stream))


class Partition(msgspec.Struct, frozen=True, tag=True):
    """Cuts links, in a shape of `partitions`: halves, ring and bridge of all nodes in a drawn order, or the
    target isolated from the rest, or cut off one way (deaf, mute). `groups` says the parts themselves.
    """

    needs: ClassVar[tuple[type, ...]] = (Partitionable,)
    shape: Shape = "halves"
    target: str = "minority"
    groups: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        _check_shape(self.shape, get_args(Shape))

    def effects(self, scene: Scene, stream: Random) -> Effects:
        links = _links_between(self, scene, stream)
        return tuple(CutLink(node=one, to=other) for one, other in links)


class GatedPartition(msgspec.Struct, frozen=True, tag=True):
    """A partition by the daemons' own connection gating, which any engine can: those apart refuse each other. It is
    symmetric, and a daemon that is started meanwhile is not part of it.
    """

    needs: ClassVar[tuple[type, ...]] = ()
    shape: GatedShape = "halves"
    target: str = "minority"
    groups: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        _check_shape(self.shape, get_args(GatedShape))

    def effects(self, scene: Scene, stream: Random) -> Effects:
        links = _links_between(self, scene, stream)
        peers = {
            node.id: _peer(node.peer_address) for node in scene.testnet.plan.nodes if node.id in scene.nodes
        }
        apart = {node: [other for one, other in links if one == node] for node in peers}
        return tuple(
            GatedNode(
                node=node,
                banned=tuple(peers[other] for other in others),
                trusted=tuple(peer for name, peer in peers.items() if name not in (node, *others)),
            )
            for node, others in apart.items()
            if others
        )


def _check_shape(found: str, expected: Sequence[str]) -> None:
    if found not in expected:
        raise ValueError(f"expected a partition of shape {', '.join(expected)}, found {found!r}")


def _links_between(
    fault: Partition | GatedPartition, scene: Scene, stream: Random
) -> Sequence[partitions.DirectedLink]:
    """The links that a partition cuts, never none. Raises ConfigError."""
    if fault.groups:
        links: Sequence[partitions.DirectedLink] = partitions.between(
            *([node for name in group for node in resolve(name, scene, stream)] for group in fault.groups)
        )
    elif fault.shape in _OF_ALL:
        links = _OF_ALL[fault.shape](stream.sample(scene.nodes, len(scene.nodes)))
    else:
        links = _OF_TARGET[fault.shape](resolve(fault.target, scene, stream), scene.nodes)
    if not links:
        raise ConfigError(f"{fault} cuts no link among the nodes {', '.join(scene.nodes)}")
    return links


def _peer(multiaddress: str) -> Peer:
    """Of a host with a name, no address: daemons want one, and tell peers apart by their ids."""
    _, kind, host, _, port, _, peer_id = multiaddress.split("/")
    return Peer(_NO_ADDRESS if kind == "dns4" else host, int(port), peer_id)


class SlowLinks(msgspec.Struct, frozen=True, tag=True):
    """Makes all links of the target, from it and to it, slow and bad: a slow node, for the others."""

    needs: ClassVar[tuple[type, ...]] = (LinkShapeable,)
    target: str = "one"
    shape: LinkShape = LinkShape(delay=1.0)

    def effects(self, scene: Scene, stream: Random) -> Effects:
        target = resolve(self.target, scene, stream)
        links = partitions.isolated(target, scene.nodes)
        inside = partitions.between(*([node] for node in target))
        return tuple(ShapedLink(node=one, to=other, shape=self.shape) for one, other in (*links, *inside))


class ResetConnections(msgspec.Struct, frozen=True, tag=True):
    """Breaks all connections of the target off, once."""

    needs: ClassVar[tuple[type, ...]] = (Resettable,)
    target: str = "one"

    def effects(self, scene: Scene, stream: Random) -> Effects:
        return tuple(
            BrokenConnections(node=node, to=scene.nodes) for node in resolve(self.target, scene, stream)
        )


class SkewClock(msgspec.Struct, frozen=True, tag=True):
    """Puts the clock ahead (negative: back), to drift further by `drift` seconds each second."""

    needs: ClassVar[tuple[type, ...]] = (ClockSkewable,)
    ahead: float
    drift: float = 0.0
    target: str = "one"

    def __post_init__(self) -> None:
        if self.drift <= -1:
            raise ValueError(f"expected a clock that goes on, with a drift above -1, found {self.drift:g}")

    def effects(self, scene: Scene, stream: Random) -> Effects:
        nodes = resolve(self.target, scene, stream)
        return tuple(WrongClock(node=node, ahead=self.ahead, drift=self.drift) for node in nodes)


class TroubleDisk(msgspec.Struct, frozen=True, tag=True):
    """Makes the disk full, slow, or such that a crash tears it. A daemon that crashes over it is started again."""

    needs: ClassVar[tuple[type, ...]] = (DiskFaultable,)
    fault: DiskFault
    target: str = "one"

    def effects(self, scene: Scene, stream: Random) -> Effects:
        nodes = resolve(self.target, scene, stream)
        return tuple(TroubledDisk(node=node, fault=self.fault) for node in nodes)


class SlowCpu(msgspec.Struct, frozen=True, tag=True):
    """Makes what the daemon declares to cost time cost `factor` times as much."""

    needs: ClassVar[tuple[type, ...]] = (CpuThrottleable,)
    factor: float
    target: str = "one"

    def __post_init__(self) -> None:
        if not 0 < self.factor < math.inf:
            raise ValueError(
                f"expected how many times as long everything takes, above 0, found {self.factor:g}"
            )

    def effects(self, scene: Scene, stream: Random) -> Effects:
        nodes = resolve(self.target, scene, stream)
        return tuple(SlowedCpu(node=node, factor=self.factor) for node in nodes)


Fault = (
    Kill
    | Stop
    | Pause
    | Partition
    | GatedPartition
    | SlowLinks
    | ResetConnections
    | SkewClock
    | TroubleDisk
    | SlowCpu
)


def disturbed(effects: Effects) -> tuple[NodeId, ...]:
    """The nodes that a fault touches, each once."""
    return tuple(dict.fromkeys(effect.node for effect in effects))
