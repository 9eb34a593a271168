"""Chain quality: no producer makes more blocks than its stake wins, so nobody's share of the chain is too large.

In S slots a node with the share s of the stake wins a number of them that is binomial with probability
1 - (1/4)^s (daemon contract I.2). Taking no part only lowers the number; only the upper tail is an error.
"""

import math
from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import BlockProduced
from coda_executive.validation.finding import Sighting
from coda_executive.validation.validator import Handler, RunFacts, Validator

FALSE_ALARM = 1e-9
_EPOCHS_OF_GENESIS_STAKE = 2  # the stake of later epochs depends on rewards and payments


class ChainQuality(Validator):
    name = "chain-quality"
    about = "no block producer made more blocks than its stake lets expect"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        self.cannot_fail = (
            "the run was too short for anybody to win too often"
            if facts.stake
            else "the nodes' shares of the stake are not known"
        )
        self._end = facts.slots_per_epoch * _EPOCHS_OF_GENESIS_STAKE
        self._first: int | None = None
        self._last = 0
        self._wins: dict[NodeId, int] = {}
        self._latest: dict[NodeId, tuple[int, list[Sighting]]] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {BlockProduced: self._on_block} if self.facts.stake else {}

    def finish(self, end_ns: int) -> None:
        slots = self._last - (self._first or 0) + 1
        for node, wins in sorted(self._wins.items()):
            chance = 1.0 - math.pow(0.25, self.facts.stake[node])
            if log_tail(slots, slots, chance) > math.log(FALSE_ALARM):
                continue  # even winning all of them proves nothing
            if log_tail(wins, slots, chance) <= math.log(FALSE_ALARM):
                self.violated(
                    f"{node} made blocks in {wins} of {slots} slots with {self.facts.stake[node]:.1%} of the "
                    f"stake, which wins about {slots * chance:.0f}",
                    self._latest[node][1],
                )
            else:
                self.chances += 1

    def _on_block(self, seen: Sighting, block: BlockProduced) -> None:
        slot = block.global_slot
        if slot >= self._end or seen.node not in self.facts.stake:
            return
        if self._first is None:
            # Evidence that begins in the middle says nothing of the slots before.
            self._first = slot if slot > self.facts.k else 0
        self._last = max(self._last, slot)
        last, recent = self._latest.get(seen.node, (-1, []))
        if slot > last:
            self._wins[seen.node] = self._wins.get(seen.node, 0) + 1
            self._latest[seen.node] = (slot, [*recent[-2:], seen])


def log_tail(wins: int, slots: int, chance: float) -> float:
    """An upper bound (Chernoff's) of the logarithm of the probability of at least so many wins; 0 says nothing."""
    share = wins / slots
    if share <= chance or chance >= 1.0:
        return 0.0
    if wins == slots:
        return slots * math.log(chance)
    return -slots * (share * math.log(share / chance) + (1 - share) * math.log((1 - share) / (1 - chance)))
