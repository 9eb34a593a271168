"""What can be done to the machine of a simulated node: its links, clock, disk and processor."""

import asyncio
from collections.abc import Collection

from coda_executive.config.node_id import NodeId
from coda_executive.engines.simulation.host import VirtualMachine
from coda_executive.interfaces.capabilities import DiskFault, LinkShape


class SimulatedFaults:
    """Satisfies Partitionable, LinkShapeable, Resettable, ClockSkewable, DiskFaultable and CpuThrottleable.

    It all outlives the daemon's process. Nodes are known by name; one that there is not is never met.
    """

    def __init__(self, machine: VirtualMachine) -> None:
        self._machine = machine
        self._name = machine.machine.name

    async def cut_links(self, to: Collection[NodeId]) -> None:
        for name in to:
            self._machine.network.link(self._name, name).cut(True)

    async def mend_links(self, to: Collection[NodeId]) -> None:
        for name in to:
            self._machine.network.link(self._name, name).cut(False)

    async def probe_link(self, to: NodeId, *, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._machine.network.travel(self._name, to)
        except TimeoutError:
            return False
        return True

    async def shape_link(self, to: NodeId, shape: LinkShape | None) -> None:
        self._machine.network.link(self._name, to).shape(shape)

    async def link_shape(self, to: NodeId) -> LinkShape | None:
        return self._machine.network.link(self._name, to).extra

    async def reset_connections(self, to: Collection[NodeId]) -> None:
        self._machine.machine.break_off(to)

    async def set_clock(self, *, ahead: float, drift: float = 0.0) -> None:
        self._machine.clock.set(ahead_ns=round(ahead * 1e9), drift=drift)

    async def read_clock(self) -> float:
        return self._machine.clock.ahead_ns / 1e9

    async def set_disk_fault(self, fault: DiskFault | None) -> None:
        self._machine.disk.fault = fault or DiskFault()

    async def disk_fault(self) -> DiskFault | None:
        fault = self._machine.disk.fault
        return None if fault == DiskFault() else fault

    async def set_slowdown(self, factor: float) -> None:
        self._machine.cpu.slowdown = factor

    async def slowdown(self) -> float:
        return self._machine.cpu.slowdown
