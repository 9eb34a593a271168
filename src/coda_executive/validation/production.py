"""What holds of every single block: one for each producer and slot, and one step above its parent."""

from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import BlockProduced, NodeCrashed, NodeKilled, NodeStarted
from coda_executive.validation.finding import Sighting
from coda_executive.validation.validator import Handler, RunFacts, Validator
from coda_protocol.hashes import StateHash


class OneBlockPerSlot(Validator):
    """Nobody signs two different blocks for one slot, on whichever nodes the key is used.

    A daemon remembers only by its frontier what it made: one that was killed, crashed or wiped in between is
    excused, and counted. A node that was stopped in order is not.
    """

    name = "one-block-per-slot"
    about = "no block producer made two blocks in a slot"
    cannot_fail = "no block was produced"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        self._made: dict[tuple[int, str], tuple[StateHash, Sighting]] = {}
        self._lost: dict[NodeId, int] = {}  # when a node lost its state last
        self._excused = 0

    def handlers(self) -> Mapping[type, Handler]:
        return {
            BlockProduced: self._on_block,
            NodeKilled: self._on_loss,
            NodeCrashed: self._on_loss,
            NodeStarted: self._on_start,
        }

    @property
    def held(self) -> int:
        return len(self._made)

    def finish(self, end_ns: int) -> None:
        if self._excused:
            self.about += f"; {self._excused} times one did that had lost its state in between"

    def _on_loss(self, seen: Sighting, _event: object) -> None:
        self._lost[seen.node] = seen.time_ns

    def _on_start(self, seen: Sighting, event: NodeStarted) -> None:
        if event.fresh_state:
            self._lost[seen.node] = seen.time_ns

    def _on_block(self, seen: Sighting, block: BlockProduced) -> None:
        made = self._made.setdefault((block.global_slot, block.creator), (block.state_hash, seen))
        if made[1] is seen:
            self.chances += 1
        elif made[0] == block.state_hash:
            return
        elif made[1].node == seen.node and self._lost.get(seen.node, -1) >= made[1].time_ns:
            self._excused += 1
        else:
            self.violated(
                f"{block.creator} made two blocks in slot {block.global_slot}: {made[0]} and {block.state_hash}",
                (made[1], seen),
            )


class ChainLinks(Validator):
    """A block is one higher than its parent and in a later slot (daemon contract I.1)."""

    name = "chain-links"
    about = "every block is one higher than its parent, and in a later slot"
    cannot_fail = "no block was produced on another that was seen"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        self._blocks: dict[StateHash, tuple[BlockProduced, Sighting]] = {}
        # Lines of different nodes come in any order: children may be seen before their parent.
        self._orphans: dict[StateHash, list[tuple[BlockProduced, Sighting]]] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {BlockProduced: self._on_block}

    @property
    def held(self) -> int:
        return len(self._blocks)

    def _on_block(self, seen: Sighting, block: BlockProduced) -> None:
        if block.state_hash in self._blocks:
            return
        self._blocks[block.state_hash] = (block, seen)
        parent = self._blocks.get(block.parent)
        if parent is None:
            self._orphans.setdefault(block.parent, []).append((block, seen))
        else:
            self._check(parent, (block, seen))
        for orphan in self._orphans.pop(block.state_hash, ()):
            self._check((block, seen), orphan)

    def _check(self, parent: tuple[BlockProduced, Sighting], child: tuple[BlockProduced, Sighting]) -> None:
        (below, below_seen), (above, above_seen) = parent, child
        if above.height != below.height + 1:
            self.violated(
                f"block {above.state_hash} says height {above.height}, and its parent {below.height}",
                (below_seen, above_seen),
            )
        elif above.global_slot <= below.global_slot:
            self.violated(
                f"block {above.state_hash} is in slot {above.global_slot}, its parent in {below.global_slot}",
                (below_seen, above_seen),
            )
        else:
            self.chances += 1
