"""Window density: each block counts on from its parent's counts (daemon contract I.3).

Slots are grouped in sub-windows. A block tells how many blocks the sub-windows of the last window have, a ring
indexed by sub-window number, and the least total of a window so far: on it chains are chosen that parted long ago.
"""

from collections.abc import Mapping

from coda_executive.events.event import BlockProduced, WindowDensity
from coda_executive.validation.finding import Sighting
from coda_executive.validation.validator import Handler, RunFacts, Validator
from coda_protocol.hashes import StateHash

_FIRST_HEIGHT = 2  # of the block on genesis, without a hard fork (daemon contract I.1)


class DensityCounted(Validator):
    """The densities that a block tells follow from its parent's and the two slots."""

    name = "window-density"
    about = "every block's window density follows from its parent's"
    cannot_fail = "no block told its window density and was made on another that did"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        if not facts.slots_per_sub_window:
            self.cannot_fail = "the length of a sub-window is not known"
        self._blocks: dict[StateHash, tuple[BlockProduced, Sighting]] = {}
        self._orphans: dict[StateHash, list[tuple[BlockProduced, Sighting]]] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {BlockProduced: self._on_block} if self.facts.slots_per_sub_window else {}

    @property
    def held(self) -> int:
        return len(self._blocks)

    def _on_block(self, seen: Sighting, block: BlockProduced) -> None:
        if block.density is None or block.state_hash in self._blocks:
            return
        self._blocks[block.state_hash] = (block, seen)
        parent = self._blocks.get(block.parent)
        if parent is not None:
            self._check(parent[0].density, parent[0].global_slot, parent[1], block, seen)
        elif block.height == _FIRST_HEIGHT and not self.facts.genesis_slot:
            self._check(self._of_genesis(len(block.density.sub_windows)), 0, None, block, seen)
        else:
            self._orphans.setdefault(block.parent, []).append((block, seen))
        for orphan, orphan_seen in self._orphans.pop(block.state_hash, ()):
            self._check(block.density, block.global_slot, seen, orphan, orphan_seen)

    def _of_genesis(self, sub_windows: int) -> WindowDensity:
        """It counts itself; all slots before its sub-window count as filled."""
        full = self.facts.slots_per_sub_window
        return WindowDensity(full * sub_windows, (1, *(full,) * (sub_windows - 1)))

    def _check(
        self,
        before: WindowDensity | None,
        slot_before: int,
        seen_before: Sighting | None,
        block: BlockProduced,
        seen: Sighting,
    ) -> None:
        told = block.density
        assert before is not None
        assert told is not None
        counts, total = self._counted(before, slot_before, block.global_slot)
        # Not lowered early in a chain; where the grace period is not known, either will do.
        grace = self.facts.grace_period_slots
        window = self.facts.slots_per_sub_window * len(counts)
        is_lowered = None if grace is None else block.global_slot - self.facts.genesis_slot >= grace + window
        kept, lowered = before.minimum, before.minimum if total is None else min(before.minimum, total)
        allowed = {None: {kept, lowered}, True: {lowered}, False: {kept}}[is_lowered]
        if told.sub_windows != counts:
            what, expected, found = "blocks a sub-window", list(counts), list(told.sub_windows)
        elif told.minimum not in allowed:
            what, expected, found = "least blocks a window", sorted(allowed), [told.minimum]
        else:
            self.chances += 1
            return
        on = f"its parent {block.parent} in slot {slot_before}"
        if seen_before is None:
            on = "genesis"
        self.violated(
            f"block {block.state_hash} in slot {block.global_slot} says {what} {found}; from {on} follows {expected}",
            (seen_before, seen),
        )

    def _counted(
        self, before: WindowDensity, slot_before: int, slot: int
    ) -> tuple[tuple[int, ...], int | None]:
        """The counts with a block in `slot`, and the total of the window that ended when its sub-window began: None if
        that is its parent's sub-window.
        """
        length, counts = self.facts.slots_per_sub_window, list(before.sub_windows)
        size = len(counts)
        first = self.facts.genesis_slot
        old, new = (slot_before - first) // length, (slot - first) // length
        if new > old:
            for number in range(max(old + 1, new - size), new):
                counts[number % size] = 0
        total = sum(counts) if new > old else None
        counts[new % size] = 1 if new > old else counts[new % size] + 1
        return tuple(counts), total
