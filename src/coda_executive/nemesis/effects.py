"""What a fault does to single nodes: values that can be applied, undone and checked, any number of times.

They are written to the journal before they are applied, so that they can be undone from there.
"""

from typing import Any, ClassVar

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.capabilities import (
    ClockSkewable,
    CpuThrottleable,
    DiskFault,
    DiskFaultable,
    LinkShape,
    LinkShapeable,
    Partitionable,
    Pausable,
    Resettable,
)
from coda_executive.interfaces.client import Peer
from coda_executive.interfaces.node import Node

Key = tuple[str, NodeId, NodeId | None]

CUT_PROBE_SECONDS = 1.0  # that a message gets to show that a cut link is none
MENDED_PROBE_SECONDS = 30.0  # that one gets to show that a mended link is one
CLOCK_TOLERANCE = 0.01  # seconds


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Each has `apply` and `undo`, which are idempotent. `missing` and `left` say, afterwards, what is not as it
    should be. All are given the node, which satisfies what is in `needs`.
    """

    needs: ClassVar[tuple[type, ...]] = ()
    node: NodeId

    @property
    def key(self) -> Key:
        """Of two effects with one key, the later replaces the earlier."""
        return (type(self).__name__, self.node, None)

    async def missing(self, node: Any) -> str | None:
        del node
        return None

    async def left(self, node: Any) -> str | None:
        del node
        return None


class Down(Effect, frozen=True, kw_only=True, tag=True):
    """Its process is ended: killed, or asked to stop. Undone by a start, with an empty disk if `fresh_state`."""

    is_killed: bool
    fresh_state: bool

    async def apply(self, node: Any) -> None:
        await (node.kill() if self.is_killed else node.stop())

    async def undo(self, node: Node) -> None:
        await node.start(fresh_state=self.fresh_state)

    async def missing(self, node: Node) -> str | None:
        return f"{self.node} still runs" if node.is_running else None


class Paused(Effect, frozen=True, kw_only=True, tag=True):
    needs = (Pausable,)

    async def apply(self, node: Pausable) -> None:
        await node.pause()

    async def undo(self, node: Pausable) -> None:
        await node.resume()


class LinkEffect(Effect, frozen=True, kw_only=True):
    """An effect on the way from a node to another."""

    to: NodeId

    @property
    def key(self) -> Key:
        return (type(self).__name__, self.node, self.to)


class CutLink(LinkEffect, frozen=True, kw_only=True, tag=True):
    needs = (Partitionable,)

    async def apply(self, node: Partitionable) -> None:
        await node.cut_links([self.to])

    async def undo(self, node: Partitionable) -> None:
        await node.mend_links([self.to])

    async def missing(self, node: Partitionable) -> str | None:
        passes = await node.probe_link(self.to, seconds=CUT_PROBE_SECONDS)
        return f"the cut link from {self.node} to {self.to} lets messages through" if passes else None

    async def left(self, node: Partitionable) -> str | None:
        passes = await node.probe_link(self.to, seconds=MENDED_PROBE_SECONDS)
        return None if passes else f"nothing gets from {self.node} to {self.to}"


class ShapedLink(LinkEffect, frozen=True, kw_only=True, tag=True):
    needs = (LinkShapeable,)
    shape: LinkShape

    async def apply(self, node: LinkShapeable) -> None:
        await node.shape_link(self.to, self.shape)

    async def undo(self, node: LinkShapeable) -> None:
        await node.shape_link(self.to, None)

    async def missing(self, node: LinkShapeable) -> str | None:
        found = await node.link_shape(self.to)
        if found == self.shape:
            return None
        return f"the link from {self.node} to {self.to} should be {self.shape}, found {found}"

    async def left(self, node: LinkShapeable) -> str | None:
        found = await node.link_shape(self.to)
        return None if found is None else f"the link from {self.node} to {self.to} is still {found}"


class GatedNode(Effect, frozen=True, kw_only=True, tag=True):
    """It keeps some peers out by its own configuration. A daemon that is started meanwhile knows nothing of it, and
    one that does not run needs none; `trusted` are let in wherever their address is banned too.
    """

    banned: tuple[Peer, ...]
    trusted: tuple[Peer, ...]

    async def apply(self, node: Node) -> None:
        await self._gate(node, banned=self.banned, trusted=self.trusted)

    async def undo(self, node: Node) -> None:
        await self._gate(node, banned=(), trusted=())

    async def missing(self, node: Node) -> str | None:
        if not node.is_running:
            return None
        banned = {peer.peer_id for peer in self.banned}
        linked = [peer.peer_id for peer in await node.client.peers() if peer.peer_id in banned]
        return f"{self.node} still talks to {', '.join(linked)}, which it bans" if linked else None

    @staticmethod
    async def _gate(node: Node, *, banned: tuple[Peer, ...], trusted: tuple[Peer, ...]) -> None:
        try:
            await node.client.gate(banned=banned, trusted=trusted)
        except RequestFailed:
            if node.is_running:
                raise


class BrokenConnections(Effect, frozen=True, kw_only=True, tag=True):
    """All its connections with some nodes are broken off. The daemons make new ones: nothing is to be undone."""

    needs = (Resettable,)
    to: tuple[NodeId, ...]

    async def apply(self, node: Resettable) -> None:
        await node.reset_connections(self.to)

    async def undo(self, node: Resettable) -> None: ...


class WrongClock(Effect, frozen=True, kw_only=True, tag=True):
    needs = (ClockSkewable,)
    ahead: float
    drift: float

    async def apply(self, node: ClockSkewable) -> None:
        await node.set_clock(ahead=self.ahead, drift=self.drift)

    async def undo(self, node: ClockSkewable) -> None:
        await node.set_clock(ahead=0.0)

    async def left(self, node: ClockSkewable) -> str | None:
        ahead = await node.read_clock()
        return f"the clock of {self.node} is {ahead:g} s ahead" if abs(ahead) > CLOCK_TOLERANCE else None


class TroubledDisk(Effect, frozen=True, kw_only=True, tag=True):
    needs = (DiskFaultable,)
    fault: DiskFault

    async def apply(self, node: DiskFaultable) -> None:
        await node.set_disk_fault(self.fault)

    async def undo(self, node: DiskFaultable) -> None:
        await node.set_disk_fault(None)

    async def left(self, node: DiskFaultable) -> str | None:
        found = await node.disk_fault()
        return None if found is None else f"the disk of {self.node} is still {found}"


class SlowedCpu(Effect, frozen=True, kw_only=True, tag=True):
    needs = (CpuThrottleable,)
    factor: float

    async def apply(self, node: CpuThrottleable) -> None:
        await node.set_slowdown(self.factor)

    async def undo(self, node: CpuThrottleable) -> None:
        await node.set_slowdown(1.0)

    async def left(self, node: CpuThrottleable) -> str | None:
        factor = await node.slowdown()
        return None if factor == 1 else f"the processor of {self.node} is still {factor:g} times slower"


AnyEffect = (
    Down
    | Paused
    | CutLink
    | GatedNode
    | ShapedLink
    | BrokenConnections
    | WrongClock
    | TroubledDisk
    | SlowedCpu
)
