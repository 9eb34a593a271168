"""Finality: a block that was the root of some node's frontier is final, on every node and for ever (daemon
contract I.4).
"""

from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ChainReset, NewRoot, ObservedChain, RootMoved
from coda_executive.validation.validator import Handler, RunFacts, Validator
from coda_protocol.hashes import StateHash


class FinalityKept(Validator):
    """At each height there is one root at most; a node's root only rises; it is never less than k deep."""

    name = "finality"
    about = "a block that was root stays on every chain"
    cannot_fail = "no root moved"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self._excused = 0
        self._roots: dict[int, tuple[StateHash, Sighting]] = {}  # by height
        self._last: dict[NodeId, tuple[ChainBlock, Sighting]] = {}  # since the node's start

    def handlers(self) -> Mapping[type, Handler]:
        return {RootMoved: self._on_root, ChainReset: self._on_reset}

    @property
    def held(self) -> int:
        return len(self._roots)

    def finish(self, end_ns: int) -> None:
        self.doubt = self.doubt or self._chain.doubt
        if self._excused:
            self.about += f"; {self._excused} times a fault lasted long enough to make two final"

    def _on_reset(self, seen: Sighting, _reset: None) -> None:
        self._last.pop(seen.node, None)

    def _on_root(self, seen: Sighting, moved: NewRoot) -> None:
        block, tip = moved
        last = self._last.get(seen.node)
        self._last[seen.node] = (block, seen)
        root = self._roots.setdefault(block.height, (block.name, seen))
        if root[0] != block.name:
            other = self._chain.find(root[0])
            # Cut off for k blocks, nodes are bound to disagree: the protocol assumes that messages arrive.
            if self._chain.faults.cover(
                root[1].time_ns,
                seen.time_ns,
                before_ns=self.facts.slot_ns,
                after_ns=self.facts.heal_ns,
            ):
                self._excused += 1
                return
            self.violated(
                f"two blocks of height {block.height} became final: {root[0]} on {root[1].node}, and "
                f"{block.name} on {seen.node}",
                (other.seen if other else None, block.seen, root[1], seen),
            )
        elif tip is not None and tip.height - block.height < self.facts.k:
            self.violated(
                f"{seen.node} made {block.name} its root when only {tip.height - block.height} blocks "
                f"were above it; k is {self.facts.k}",
                (block.seen, tip.seen, seen),
            )
        elif last is not None and not _follows(block, last[0]):
            self.violated(
                f"the root of {seen.node} went from {last[0].name} to {block.name}, which is no descendant",
                (last[1], block.seen, seen),
            )
        else:
            self.chances += 1


def _follows(root: ChainBlock, before: ChainBlock) -> bool:
    """Whether a root may follow another; what lies between distant ones is told by other nodes' roots."""
    if root.height == before.height + 1:
        return root.parent == before.name
    return root is before or root.height > before.height
