"""The consensus constants of a network, as plain numbers (daemon contract B.1, I)."""

from dataclasses import dataclass
from functools import cached_property

from coda_protocol.slots import Epoch, GlobalSlot, Slot, SlotTimes, slot_in_epoch

_YEAR_MS = 365 * 24 * 60 * 60 * 1000
_CHECKPOINT_WINDOWS_PER_YEAR = 12  # daemon contract B.1: the year must be divisible by them


@dataclass(frozen=True, eq=False)
class ConsensusConstants:
    """`k` in blocks, the rest in slots. Only equal to themselves.

    But for `genesis_ms`, since the Unix epoch, and `slot_ms`: both in milliseconds.
    """

    k: int
    delta: int
    slots_per_epoch: int
    slots_per_sub_window: int
    sub_windows_per_window: int
    grace_period_slots: int
    slot_ms: int
    genesis_ms: int

    @cached_property
    def times(self) -> SlotTimes:
        return SlotTimes(self.genesis_ms, self.slot_ms)

    @property
    def slots_per_window(self) -> int:
        return self.slots_per_sub_window * self.sub_windows_per_window

    @property
    def checkpoint_window_slots(self) -> int:
        return max(1, _YEAR_MS // (_CHECKPOINT_WINDOWS_PER_YEAR * self.slot_ms))

    @property
    def catchup_reach(self) -> int:
        """How many blocks above the root a better block may be before a node bootstraps instead (I.4)."""
        return 2 * self.k + self.delta + 1

    def epoch_of(self, slot: GlobalSlot) -> Epoch:
        return Epoch(slot // self.slots_per_epoch)

    def slot_in_epoch(self, slot: GlobalSlot) -> Slot:
        return slot_in_epoch(slot, slots_per_epoch=self.slots_per_epoch)

    def in_seed_update_range(self, slot: GlobalSlot) -> bool:
        """Whether seed and lock checkpoint still move: in the first two thirds of an epoch (I.2, I.3)."""
        return 3 * self.slot_in_epoch(slot) < 2 * self.slots_per_epoch
