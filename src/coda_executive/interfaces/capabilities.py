"""Abilities that only some engines give their nodes. A test names those it needs and is skipped, with the
reason, without them.

Whatever disturbs a node can be taken back, does nothing when it is asked for twice, and can be asked after:
a nemesis proves from the answer that it healed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from coda_executive.config.node_id import NodeId

if TYPE_CHECKING:  # the stream that chance is drawn from is the engine's
    from random import Random


@dataclass(frozen=True, slots=True)
class LinkShape:
    """What one direction of a link does to traffic, beyond what it does anyway.

    `delay` seconds are added to each message and `jitter` to some: drawn evenly below it ("uniform"), with it
    for a mean ("exponential") or for a median ("lognormal", σ = 1). `loss` is the chance that a message is
    lost and must be sent again; `bandwidth` is in bytes per second.
    """

    delay: float = 0.0
    jitter: float = 0.0
    spread: Literal["uniform", "exponential", "lognormal"] = "uniform"
    loss: float = 0.0
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        if self.delay < 0 or self.jitter < 0 or not 0 <= self.loss < 1:
            raise ValueError(
                f"expected delay and jitter of at least 0 s and a loss from 0 to below 1, found {self}; "
                f"a link that lets nothing through is a partition"
            )
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise ValueError(f"expected a bandwidth above 0 bytes per second, found {self.bandwidth:g}")

    def draw_delay(self, stream: Random) -> float:
        """Seconds that the next message is delayed, `bandwidth` and `loss` left aside."""
        if self.jitter == 0:
            return self.delay
        match self.spread:
            case "uniform":
                return self.delay + stream.random() * self.jitter
            case "exponential":
                return self.delay + stream.expovariate(1 / self.jitter)
            case "lognormal":
                return self.delay + self.jitter * stream.lognormvariate(0, 1)


@dataclass(frozen=True, slots=True)
class DiskFault:
    """A disk in trouble. Each write and sync takes `write_seconds` longer; `is_full` fails all that write.

    `is_torn` makes a crash leave a drawn part of what was not synced, instead of none of it.
    """

    is_full: bool = False
    is_torn: bool = False
    write_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.write_seconds < 0:
            raise ValueError(f"expected writes that take at least 0 s longer, found {self.write_seconds:g}")


@runtime_checkable
class Killable(Protocol):
    """A node whose process can be ended without warning."""

    async def kill(self) -> None:
        """End the process as a power cut would; return once it is gone. Does nothing if it is stopped."""


@runtime_checkable
class Pausable(Protocol):
    """A node whose process can be frozen and thawed."""

    async def pause(self) -> None:
        """Freeze the process: it does nothing, and its connections stay open."""

    async def resume(self) -> None:
        """Let it go on where it was frozen."""


@runtime_checkable
class Partitionable(Protocol):
    """A node whose messages to chosen others can be held up. Each call is about one direction.

    A connection over a cut link stays open, as TCP's would, until somebody gives it up: what was sent is sent
    again after the link was mended.
    """

    async def cut_links(self, to: Collection[NodeId]) -> None:
        """Hold up what this node sends to them, until the links are mended."""

    async def mend_links(self, to: Collection[NodeId]) -> None:
        """Let it through again, also what was held up."""

    async def probe_link(self, to: NodeId, *, seconds: float) -> bool:
        """Whether a message sent over the link now gets through within that time."""


@runtime_checkable
class LinkShapeable(Protocol):
    """A node whose links to chosen others can be made slower and worse. Each call is about one direction."""

    async def shape_link(self, to: NodeId, shape: LinkShape | None) -> None:
        """Replaces the shape before; None takes it away."""

    async def link_shape(self, to: NodeId) -> LinkShape | None:
        """What was set; None: the link is as it always was."""


@runtime_checkable
class Resettable(Protocol):
    """A node whose connections to chosen others can be broken off, with what is on its way on them."""

    async def reset_connections(self, to: Collection[NodeId]) -> None:
        """Break them off now; the daemons may connect again at once."""


@runtime_checkable
class ClockSkewable(Protocol):
    """A node whose wall clock can be wrong."""

    async def set_clock(self, *, ahead: float, drift: float = 0.0) -> None:
        """Put it `ahead` seconds before the true time (negative: behind), to run `drift` seconds faster each
        second from now on. (0, 0) sets it right.
        """

    async def read_clock(self) -> float:
        """How many seconds it is ahead now."""


@runtime_checkable
class DiskFaultable(Protocol):
    """A node whose disk can be full, slow, or tear what it had not synced when the machine crashes."""

    async def set_disk_fault(self, fault: DiskFault | None) -> None:
        """Replaces the fault before; None takes it away."""

    async def disk_fault(self) -> DiskFault | None:
        """What was set; None: the disk is sound."""


@runtime_checkable
class CpuThrottleable(Protocol):
    """A node whose processor can be slower. It tells in declared costs only: see the engine."""

    async def set_slowdown(self, factor: float) -> None:
        """1 is its own speed, 3 makes everything take three times as long."""

    async def slowdown(self) -> float:
        """The factor that was set, 1 by default."""


@runtime_checkable
class Upgradable(Protocol):
    """A node that can be given another daemon."""

    async def upgrade(self, daemon: str | None) -> None:
        """Run that daemon from the next start on; None is the run's own. Raises DeployError if there is none
        of that name.
        """


ABILITIES: tuple[type, ...] = (
    Killable,
    Pausable,
    Partitionable,
    LinkShapeable,
    Resettable,
    ClockSkewable,
    DiskFaultable,
    CpuThrottleable,
    Upgradable,
)
