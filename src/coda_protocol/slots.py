"""Slots and epochs as types of their own, and the arithmetic between them (daemon contract I.1)."""

from dataclasses import dataclass
from typing import NewType

GlobalSlot = NewType("GlobalSlot", int)  # slots since genesis, never reset
Slot = NewType("Slot", int)  # slots since the start of its epoch
Epoch = NewType("Epoch", int)
BlockchainLength = NewType("BlockchainLength", int)  # blocks since genesis, which counts as 1


@dataclass(frozen=True, slots=True)
class SlotTimes:
    """When slots begin: `genesis_ms` is milliseconds since the Unix epoch, `slot_ms` a slot's length in
    milliseconds.
    """

    genesis_ms: int
    slot_ms: int

    def slot_at(self, time_ms: int) -> GlobalSlot:
        """The slot that holds an instant; everything before genesis is slot 0."""
        if time_ms < self.genesis_ms:
            return GlobalSlot(0)
        return GlobalSlot((time_ms - self.genesis_ms) // self.slot_ms)

    def start_of(self, slot: GlobalSlot) -> int:
        """Milliseconds since the Unix epoch at which a slot begins."""
        return self.genesis_ms + slot * self.slot_ms


def epoch_of(slot: GlobalSlot, *, slots_per_epoch: int) -> Epoch:
    return Epoch(slot // slots_per_epoch)


def slot_in_epoch(slot: GlobalSlot, *, slots_per_epoch: int) -> Slot:
    return Slot(slot % slots_per_epoch)
