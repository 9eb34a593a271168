"""How full the chain's recent slots are: sub-window counts and their least total (daemon contract I.3)."""

from typing import NamedTuple

from coda_daemon.blocks import ConsensusState
from coda_daemon.consensus.constants import ConsensusConstants
from coda_protocol.slots import GlobalSlot


class Densities(NamedTuple):
    """`minimum` in blocks a window; `sub_windows` in blocks, a ring indexed by sub-window number."""

    minimum: int
    sub_windows: tuple[int, ...]


def before_genesis(constants: ConsensusConstants) -> Densities:
    """As if every slot before genesis had been filled but those of the sub-window that genesis begins."""
    full = constants.slots_per_sub_window
    return Densities(constants.slots_per_window, (0, *(full,) * (constants.sub_windows_per_window - 1)))


def advanced(
    densities: Densities,
    constants: ConsensusConstants,
    *,
    from_slot: GlobalSlot,
    to_slot: GlobalSlot,
    with_block: bool,
) -> Densities:
    """The densities at `to_slot` >= `from_slot`; `with_block` counts a block in it."""
    windows = constants.sub_windows_per_window
    old, new = (slot // constants.slots_per_sub_window for slot in (from_slot, to_slot))
    if old == new:
        counts, minimum = densities.sub_windows, densities.minimum
    else:
        # Sub-windows skipped between the two were empty; more than a window later all of them were.
        kept = old + windows >= new
        empty = {number % windows for number in range(old + 1, new)} if kept else set(range(windows))
        counts = tuple(0 if at in empty else count for at, count in enumerate(densities.sub_windows))
        minimum = densities.minimum
        # The new sub-window's place still holds the oldest count: the total is that of a whole window.
        if to_slot >= constants.grace_period_slots + constants.slots_per_window:
            minimum = min(minimum, sum(counts))
        counts = _with_count(counts, new % windows, 0)
    if with_block:
        counts = _with_count(counts, new % windows, counts[new % windows] + 1)
    return Densities(minimum, counts)


def minimum_at(state: ConsensusState, constants: ConsensusConstants, slot: GlobalSlot) -> int:
    """A chain's minimum window density if nothing more came until `slot`, which is not before its tip's."""
    densities = Densities(state.min_window_density, state.sub_window_densities)
    own = GlobalSlot(state.global_slot)
    return advanced(densities, constants, from_slot=own, to_slot=slot, with_block=False).minimum


def _with_count(counts: tuple[int, ...], at: int, count: int) -> tuple[int, ...]:
    return (*counts[:at], count, *counts[at + 1 :])
