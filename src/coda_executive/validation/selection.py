"""Chain selection: which of two tips is better depends on the two alone, and of chains that share their checkpoint
the longer one is (daemon contract I.3).
"""

from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ChainReset, ObservedChain, TipAdopted
from coda_executive.validation.validator import Handler, RunFacts, Validator
from coda_protocol.hashes import StateHash


class ChainSelection(Validator):
    """When one node leaves a tip for another branch's, no node ever does the opposite. The new tip is no lower
    than the old one, unless the branches may have parted before the checkpoint of the later one's epoch: then
    density decides, which tips are not compared by here.
    """

    name = "chain-selection"
    about = "of two tips all nodes preferred the same one, and the higher one"
    cannot_fail = "no node left its tip for another branch's"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self._tips: dict[NodeId, tuple[ChainBlock, Sighting]] = {}
        self._switches: dict[tuple[StateHash, StateHash], Sighting] = {}  # (left, preferred)

    def handlers(self) -> Mapping[type, Handler]:
        return {TipAdopted: self._on_tip, ChainReset: self._on_reset}

    @property
    def held(self) -> int:
        return len(self._switches)

    def finish(self, end_ns: int) -> None:
        self.doubt = self.doubt or self._chain.doubt

    def _on_reset(self, seen: Sighting, _reset: None) -> None:
        self._tips.pop(seen.node, None)

    def _on_tip(self, seen: Sighting, tip: ChainBlock) -> None:
        before = self._tips.get(seen.node)
        self._tips[seen.node] = (tip, seen)
        if before is None or tip.parent == before[0].name:
            return
        left, left_seen = before
        fork = self._fork_of(left, tip)
        if fork is None or fork is left:
            return  # below a gap in the evidence nothing is known; a descendant is preferred by everybody
        opposite = self._switches.get((tip.name, left.name))
        self._switches.setdefault((left.name, tip.name), seen)
        if opposite is not None:
            self.violated(
                f"{opposite.node} left {tip.name} for {left.name}, and {seen.node} left {left.name} for {tip.name}; "
                f"their heights are {tip.height} and {left.height}",
                (left.seen, tip.seen, opposite, seen),
            )
        elif tip.height < left.height and self._share_checkpoint(fork, left, tip):
            self.violated(
                f"{seen.node} left {left.name} at height {left.height} for {tip.name} at height {tip.height}, though "
                f"the branches part at height {fork.height}, after their checkpoint",
                (left.seen, left_seen, tip.seen, seen),
            )
        else:
            self.chances += 1

    def _fork_of(self, one: ChainBlock, other: ChainBlock) -> ChainBlock | None:
        """The last block that two chains share; None where the evidence does not reach down to it."""
        at: ChainBlock | None = one
        beside: ChainBlock | None = other
        while at is not None and beside is not None and at is not beside:
            if at.height > beside.height:
                at = self._chain.parent(at)
            else:
                beside = self._chain.parent(beside)
        return None if beside is None else at

    def _share_checkpoint(self, fork: ChainBlock, one: ChainBlock, other: ChainBlock) -> bool:
        """Whether the branches surely part after what the later one's epoch is locked to: the last block in the
        first two thirds of the epoch before.
        """
        epoch = max(one.slot, other.slot) // self.facts.slots_per_epoch
        return epoch == 0 or 3 * fork.slot >= (3 * (epoch - 1) + 2) * self.facts.slots_per_epoch
