"""What a daemon counts over its life, for status histograms and metrics (daemon contract A.6, D.9)."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from coda_daemon.blocks import Block
from coda_daemon.consensus.constants import ConsensusConstants

_BUCKETS: Final = 10  # of a histogram that spans a slot
DELAY_BUCKETS: Final = 7  # as many as the real daemon shows of block production


@dataclass(slots=True)
class Histogram:
    """Counts of durations from 0 up to `span` milliseconds, in buckets of equal width."""

    span: int
    values: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    underflow: int = 0
    overflow: int = 0

    def add(self, milliseconds: int) -> None:
        if milliseconds < 0:
            self.underflow += 1
        elif milliseconds >= self.span:
            self.overflow += 1
        else:
            self.values[milliseconds * len(self.values) // self.span] += 1

    def __bool__(self) -> bool:
        return bool(self.underflow or self.overflow or any(self.values))

    @property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """First and last millisecond of each bucket, the last one excluded."""
        edges = [at * self.span // len(self.values) for at in range(len(self.values) + 1)]
        return tuple(pairwise(edges))


class Measurements:
    """What a node tells it of the blocks that it adds; `own` is the key that it produces with."""

    def __init__(self, constants: ConsensusConstants, *, own: str | None) -> None:
        self.blocks_added = 0
        self.blocks_produced = 0
        self.reorganizations = 0
        self.own_latency = Histogram(constants.slot_ms)  # from the beginning of a block's slot to its adding
        self.others_latency = Histogram(constants.slot_ms)
        self.production_delay = Histogram(constants.slot_ms, [0] * DELAY_BUCKETS)
        self._times = constants.times
        self._own = own

    def add(self, block: Block, now_ms: int, *, is_reorganization: bool) -> None:
        """A block was added to the frontier; `now_ms` since the Unix epoch."""
        self.blocks_added += 1
        self.reorganizations += is_reorganization
        latency = now_ms - self._times.start_of(block.global_slot)
        if block.state.consensus_state.block_creator != self._own:
            self.others_latency.add(latency)
            return
        self.blocks_produced += 1
        self.own_latency.add(latency)
        self.production_delay.add(latency)
