"""The blocks and best tips of a network as its logs tell them, in an order that makes sense.

Lines of different nodes are read in no particular order: a node may be seen to adopt a block before the
producer's own line comes. Then this node's sightings are held back, all of them in their order, until the
block and its parent are known; after `_PATIENCE` of them the gap is taken as it is, and counted.

Derived facts, in the stream of items beside the events that they come from: `ChainReset` (a node begins
without a best tip), `TipAdopted`, `RootMoved`.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    FrontierChanged,
    FrontierLoading,
    NodeStarted,
)
from coda_executive.validation.fault_log import FaultLog
from coda_executive.validation.finding import Sighting
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, GlobalSlot

_PATIENCE = 256  # sightings of one node that wait for one missing block
_GENESIS = 1  # its blockchain length (daemon contract D.3)

Item = tuple[type, Sighting, Any]


@dataclass(slots=True, eq=False)
class ChainBlock:
    """A block; `seen` is its producer's line. Of the genesis block only name and height are known."""

    name: StateHash
    parent: StateHash
    height: BlockchainLength
    slot: GlobalSlot
    seen: Sighting | None


class TipAdopted:
    """The kind of items whose payload is the ChainBlock that a node made its best tip."""


class RootMoved:
    """The kind of items whose payload is a `NewRoot`. Roots from before the beginning of the evidence are
    left out.
    """


NewRoot = tuple[ChainBlock, ChainBlock | None]  # the root, and the node's best tip


class ChainReset:
    """The kind of items that say: the node was started, or began a bootstrap; what it followed is gone."""


class ObservedChain:
    """Folds sightings. Memory grows with the number of blocks, not of sightings.

    `faults` is kept by whoever feeds it; it is here because all that look at chains look at it too.
    """

    KINDS = frozenset((BlockProduced, FrontierChanged, BestTipFormed, NodeStarted, FrontierLoading))

    def __init__(self) -> None:
        self._blocks: dict[StateHash, ChainBlock] = {}
        self._tips: dict[NodeId, ChainBlock] = {}
        self._held: dict[NodeId, deque[Sighting]] = {}
        self._begins: set[StateHash] = set()  # blocks whose parent nobody will tell
        self._lowest: int | None = None
        self._first_block_ns: int | None = None
        self.gaps = 0
        self.faults = FaultLog()

    def __len__(self) -> int:
        return len(self._blocks) + sum(map(len, self._held.values()))

    def parent(self, block: ChainBlock) -> ChainBlock | None:
        return self._blocks.get(block.parent)

    def find(self, name: StateHash) -> ChainBlock | None:
        return self._blocks.get(name)

    @property
    def doubt(self) -> str | None:
        """Why statements about whole chains are too much to say; None when nothing is missing."""
        if not self.gaps:
            return None
        return f"{self.gaps} best tips or their parents were adopted, but nobody was seen to produce them"

    def take(self, seen: Sighting, items: list[Item]) -> None:
        """Add what follows from a sighting to the items: none, one, or many that waited for it."""
        event = seen.event
        if type(event) is BlockProduced:
            items.append((BlockProduced, seen, event))
            self._learn(seen, event)
            if self._held:
                self._release(items)
            return
        held = self._held.get(seen.node)
        if held is not None:
            held.append(seen)
            if len(held) > _PATIENCE:
                self._give_up(seen.node, items)
        elif not self._follow(seen, items):
            self._held[seen.node] = deque((seen,))

    def finish(self, items: list[Item]) -> None:
        """Nothing more will come: let go of all that is held back."""
        while self._held:
            self._give_up(next(iter(self._held)), items)

    def _learn(self, seen: Sighting, event: BlockProduced) -> None:
        if event.state_hash in self._blocks:
            return
        self._blocks[event.state_hash] = ChainBlock(
            event.state_hash, event.parent, event.height, event.global_slot, seen
        )
        if event.height == _GENESIS + 1 and event.parent not in self._blocks:
            self._blocks[event.parent] = ChainBlock(
                event.parent, StateHash(""), BlockchainLength(_GENESIS), GlobalSlot(0), None
            )
        if self._lowest is None or event.height < self._lowest:
            self._lowest = event.height
        if self._first_block_ns is None:
            self._first_block_ns = seen.time_ns

    def _follow(self, seen: Sighting, items: list[Item]) -> bool:
        """Take a sighting in; False when its block or the parent is not known yet."""
        event = seen.event
        if isinstance(event, FrontierChanged):
            if not self._adopt(seen, event.best_tip, items):
                return False
            if event.root is not None:
                root = self._blocks.get(event.root)
                if root is not None:
                    items.append((RootMoved, seen, (root, self._tips.get(seen.node))))
            return True
        if isinstance(event, BestTipFormed):
            return self._adopt(seen, event.added[-1] if event.added else None, items)
        if isinstance(event, NodeStarted) or (
            isinstance(event, FrontierLoading) and event.step == "Starting_bootstrap_controller"
        ):
            self._tips.pop(seen.node, None)
            items.append((ChainReset, seen, None))
        items.append((type(event), seen, event))
        return True

    def _adopt(self, seen: Sighting, name: StateHash | None, items: list[Item]) -> bool:
        tip = self._tips.get(seen.node)
        if name is None or (tip is not None and tip.name == name):
            return True
        block = self._blocks.get(name)
        if block is None or not (block.parent in self._blocks or self._is_a_beginning(block)):
            return False
        self._tips[seen.node] = block
        items.append((TipAdopted, seen, block))
        return True

    def _is_a_beginning(self, block: ChainBlock) -> bool:
        return block.height <= _GENESIS or block.name in self._begins

    def _release(self, items: list[Item]) -> None:
        """Go on with the nodes that waited, as far as what they waited for is known now."""
        for node in tuple(self._held):
            self._drain(node, items)

    def _drain(self, node: NodeId, items: list[Item]) -> None:
        held = self._held[node]
        while held and self._follow(held[0], items):
            held.popleft()
        if not held:
            del self._held[node]

    def _give_up(self, node: NodeId, items: list[Item]) -> None:
        """Take the gap that a node waits at as it is."""
        held = self._held[node]
        event = held[0].event
        if isinstance(event, FrontierChanged):
            name = event.best_tip
        else:
            assert isinstance(event, BestTipFormed), "only tips are waited for"
            name = event.added[-1]
        assert name is not None
        block = self._blocks.get(name)
        if block is None:
            # Before the first block that was seen there is no evidence, which is no gap in it.
            if self._first_block_ns is not None and held[0].time_ns >= self._first_block_ns:
                self.gaps += 1
            held.popleft()
        else:
            if self._lowest is not None and self._lowest < block.height:
                self.gaps += 1
            self._begins.add(name)
        self._drain(node, items)
