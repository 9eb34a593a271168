"""What can be done to a fake node, remembered so that it can be asked after."""

import asyncio
from collections.abc import Callable, Collection

from coda_executive.config.node_id import NodeId
from coda_executive.interfaces.capabilities import DiskFault, LinkShape


class FakeFaults:
    """Satisfies Partitionable, LinkShapeable, Resettable, ClockSkewable, DiskFaultable and CpuThrottleable.

    `true_ns` is the engine's own clock in nanoseconds since the Unix epoch. A disk that is full and a clock that is
    wrong show in what the node does; connections there are none of.
    """

    def __init__(self, true_ns: Callable[[], int]) -> None:
        self._true_ns = true_ns
        self._cut: set[NodeId] = set()
        self._shapes: dict[NodeId, LinkShape] = {}
        self._ahead_ns, self._drift, self._since_ns = 0, 0.0, true_ns()
        self._disk_fault: DiskFault | None = None
        self._slowdown = 1.0

    @property
    def disk_is_full(self) -> bool:
        return self._disk_fault is not None and self._disk_fault.is_full

    def is_cut(self, to: NodeId) -> bool:
        return to in self._cut

    def clock_ns(self) -> int:
        """The node's wall clock."""
        return self._true_ns() + self._ahead()

    def _ahead(self) -> int:
        return self._ahead_ns + round((self._true_ns() - self._since_ns) * self._drift)

    async def cut_links(self, to: Collection[NodeId]) -> None:
        self._cut.update(to)

    async def mend_links(self, to: Collection[NodeId]) -> None:
        self._cut.difference_update(to)

    async def probe_link(self, to: NodeId, *, seconds: float) -> bool:
        delay = self._shapes.get(to, LinkShape()).delay
        is_through = to not in self._cut and delay <= seconds
        await asyncio.sleep(delay if is_through else seconds)
        return is_through

    async def shape_link(self, to: NodeId, shape: LinkShape | None) -> None:
        if shape is None:
            self._shapes.pop(to, None)
        else:
            self._shapes[to] = shape

    async def link_shape(self, to: NodeId) -> LinkShape | None:
        return self._shapes.get(to)

    async def reset_connections(self, to: Collection[NodeId]) -> None:
        """Does nothing: each request of a fake is a connection of its own."""

    async def set_clock(self, *, ahead: float, drift: float = 0.0) -> None:
        self._ahead_ns, self._drift, self._since_ns = round(ahead * 1e9), drift, self._true_ns()

    async def read_clock(self) -> float:
        return self._ahead() / 1e9

    async def set_disk_fault(self, fault: DiskFault | None) -> None:
        self._disk_fault = fault

    async def disk_fault(self) -> DiskFault | None:
        return self._disk_fault

    async def set_slowdown(self, factor: float) -> None:
        self._slowdown = factor

    async def slowdown(self) -> float:
        return self._slowdown
