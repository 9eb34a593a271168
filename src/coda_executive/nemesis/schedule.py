"""Fault schedules: data, drawn from a stream or written by hand, and told in JSON. Pure.

How many faults a run has matters more than how clever they are, and the best number is not known before: it
is drawn for each run, log-uniformly over two decades.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError
from coda_executive.interfaces.capabilities import DiskFault, LinkShape
from coda_executive.nemesis.faults import (
    Fault,
    Kill,
    Partition,
    Pause,
    ResetConnections,
    Shape,
    SkewClock,
    SlowCpu,
    SlowLinks,
    Stop,
    TroubleDisk,
)

if TYPE_CHECKING:  # chance is the caller's
    from random import Random

DEFAULT_MOST = 50  # faults in a schedule
_DECADES = 2
_ATTEMPTS = 20  # at a fault that can have a place among the others
_LONGEST_SHARE, _SHORTEST_SHARE = 0.25, 0.0025  # of the schedule's time, for one fault


class PlannedFault(msgspec.Struct, frozen=True):
    """A fault in its place: seconds from the schedule's beginning. `key` names its stream of chance, so that it
    hits the same nodes whichever others are left out.
    """

    start: float
    duration: float
    fault: Fault
    key: int = 0

    def __post_init__(self) -> None:
        if self.start < 0 or self.duration < 0:
            raise ValueError(
                f"expected start and duration of at least 0 s, found {self.start:g} and {self.duration:g}"
            )


class Schedule(msgspec.Struct, frozen=True):
    """`seconds` is how long faults are applied, the heal phase not counted."""

    seconds: float
    faults: tuple[PlannedFault, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What faults are drawn for. `kinds` are names such as "Kill", none for all that are drawn by default.

    Faults that let parts of the network go on apart (partitions, bad links, wrong clocks, slow processors) are
    drawn such that no stretch of them is longer than `longest_split` seconds, with as much as a quarter of it
    between two: two parts that each add more than k blocks have broken what the protocol promises, whoever is right.
    Only `expendable` nodes lose their disks, however many faults there are.
    """

    seconds: float
    slot_seconds: float
    nodes: int
    capabilities: Sequence[type]
    longest_split: float
    expendable: Sequence[NodeId]
    most: int = DEFAULT_MOST
    kinds: Sequence[str] = ()


def draw_schedule(stream: Random, drawing: Drawing) -> Schedule:
    """At least one fault; durations are log-uniform from 1/400 to 1/4 of the time. Raises ConfigError when the
    nodes are capable of none.
    """
    wanted = drawing.kinds or tuple(_DRAWERS)
    makers = {
        kind: draw
        for kind, (needs, draw) in _DRAWERS.items()
        if kind in wanted
        and set(needs) <= set(drawing.capabilities)
        and (kind != "Partition" or drawing.nodes > 1)
        and (kind != "Wipe" or drawing.expendable)
    }
    if not makers:
        raise ConfigError(
            f"expected kinds of faults that the nodes are capable of, found none of {', '.join(wanted)}; there are "
            f"{', '.join(_DRAWERS)}"
        )
    count = max(1, round(_log_uniform(stream, drawing.most / 10**_DECADES, drawing.most)))
    faults: list[PlannedFault] = []
    for _ in range(count):
        for _attempt in range(_ATTEMPTS):
            kind = stream.choice(list(makers))
            duration = drawing.seconds * _log_uniform(stream, _SHORTEST_SHARE, _LONGEST_SHARE)
            start = stream.random() * (drawing.seconds - duration)
            planned = PlannedFault(
                round(start, 3), round(duration, 3), makers[kind](stream, drawing), stream.getrandbits(32)
            )
            if (
                not _splits(planned.fault)
                or _longest_split([*faults, planned], drawing) <= drawing.longest_split
            ):
                faults.append(planned)
                break
    faults.sort(key=lambda planned: (planned.start, planned.key))
    return Schedule(drawing.seconds, tuple(faults))


def _splits(fault: Fault) -> bool:
    return isinstance(fault, Partition | SlowLinks | SkewClock | SlowCpu)


def _longest_split(faults: Sequence[PlannedFault], drawing: Drawing) -> float:
    """The longest stretch, in seconds, that is covered by splitting faults; short gaps count as covered."""
    gap = drawing.longest_split / 4
    longest, began, until = 0.0, 0.0, -math.inf
    for fault in sorted((f for f in faults if _splits(f.fault)), key=lambda f: f.start):
        if fault.start > until + gap:
            began = fault.start
        until = max(until, fault.start + fault.duration)
        longest = max(longest, until - began)
    return longest


def encode_schedule(schedule: Schedule) -> bytes:
    """As JSON."""
    return msgspec.json.format(msgspec.json.encode(schedule), indent=1)


def decode_schedule(data: bytes) -> Schedule:
    """Raises msgspec.DecodeError."""
    return msgspec.json.decode(data, type=Schedule)


def _log_uniform(stream: Random, low: float, high: float) -> float:
    return math.exp(math.log(low) + stream.random() * math.log(high / low))


def _target(stream: Random) -> str:
    return stream.choice(("one", "one", "minority", "majority", "tip-holder", "all"))


def _wipe(stream: Random, drawing: Drawing) -> Fault:
    # By name: a symbolic target could mean another node each time, and in the end all of them.
    return Kill(stream.choice(drawing.expendable), fresh_state=True)


def _partition(stream: Random, drawing: Drawing) -> Fault:
    # The last shapes cut nothing between fewer nodes.
    shapes: tuple[Shape, ...] = ("halves", "isolated", "deaf", "mute", "bridge", "ring")
    return Partition(stream.choice(shapes[: {2: 4, 3: 5}.get(drawing.nodes, 6)]))


def _slow_links(stream: Random, drawing: Drawing) -> Fault:
    shape = LinkShape(
        delay=round(drawing.slot_seconds * _log_uniform(stream, 0.01, 1), 6),
        jitter=round(drawing.slot_seconds * _log_uniform(stream, 0.01, 1), 6),
        spread=stream.choice(("uniform", "exponential", "lognormal")),
        loss=round(stream.random() ** 2 * 0.9, 3),
    )
    return SlowLinks(_target(stream), shape)


def _skew_clock(stream: Random, drawing: Drawing) -> Fault:
    ahead = stream.choice((-1, 1)) * drawing.slot_seconds * _log_uniform(stream, 0.05, 5)
    return SkewClock(round(ahead, 6), drift=round(stream.uniform(-0.01, 0.01), 6), target=_target(stream))


def _trouble_disk(stream: Random, drawing: Drawing) -> Fault:
    fault = stream.choice(
        (
            DiskFault(is_full=True),
            DiskFault(is_torn=True),
            DiskFault(write_seconds=round(drawing.slot_seconds * _log_uniform(stream, 0.001, 0.1), 6)),
        )
    )
    return TroubleDisk(fault, target="one")


def _slow_cpu(stream: Random, drawing: Drawing) -> Fault:
    # The reference daemon takes 0.26 ms for a block: from a hundredth of a slot on, to about one.
    return SlowCpu(round(drawing.slot_seconds * _log_uniform(stream, 40, 4000), 3), target=_target(stream))


_Draw = Callable[["Random", Drawing], Fault]
_DRAWERS: Mapping[str, tuple[tuple[type, ...], _Draw]] = {
    "Kill": (Kill.needs, lambda stream, _: Kill(_target(stream))),
    "Stop": (Stop.needs, lambda stream, _: Stop(_target(stream))),
    "Wipe": (Kill.needs, _wipe),
    "Pause": (Pause.needs, lambda stream, _: Pause(_target(stream))),
    "Partition": (Partition.needs, _partition),
    "SlowLinks": (SlowLinks.needs, _slow_links),
    "ResetConnections": (ResetConnections.needs, lambda stream, _: ResetConnections(_target(stream))),
    "SkewClock": (SkewClock.needs, _skew_clock),
    "TroubleDisk": (TroubleDisk.needs, _trouble_disk),
    "SlowCpu": (SlowCpu.needs, _slow_cpu),
}
KINDS = tuple(_DRAWERS)  # of faults that are drawn


def needs_of(kinds: Sequence[str]) -> tuple[type, ...]:
    """The capabilities that nodes must have for all of these kinds, each once."""
    return tuple(dict.fromkeys(need for kind in kinds for need in _DRAWERS[kind][0]))
