"""All blocks seen in a run, in the order in which they were, by number and by name.

A persistent sequence: appending gives a new value and leaves the old one as it was, yet copies nothing as
long as each value is appended to once, because all of them look at one growing list up to their own length.
Pure.
"""

from collections.abc import Iterator

import msgspec

from coda_executive.config.node_id import NodeId
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot


class SeenBlock(msgspec.Struct, frozen=True, gc=False):
    """A block as its producer announced it; `time_ns` is nanoseconds since the run began."""

    state_hash: StateHash
    parent: StateHash
    height: BlockchainLength
    global_slot: GlobalSlot
    epoch: Epoch
    creator: str
    emitted_proof: bool
    producer: NodeId
    time_ns: int


class BlockLog:
    """Blocks by order of observation. A block that is announced twice is in it once."""

    __slots__ = ("_blocks", "_length", "_numbers")

    def __init__(self) -> None:
        self._blocks: list[SeenBlock] = []
        self._numbers: dict[StateHash, int] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> SeenBlock:
        if not -self._length <= number < self._length:
            raise IndexError(f"there are {self._length} blocks, and no number {number}")
        return self._blocks[number % self._length]

    def __iter__(self) -> Iterator[SeenBlock]:
        return self.since(0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BlockLog) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # comparing costs too much for a key

    def __repr__(self) -> str:
        return f"<BlockLog of {self._length}>"

    def since(self, number: int) -> Iterator[SeenBlock]:
        """The blocks from that number on."""
        for position in range(number, self._length):
            yield self._blocks[position]

    def find(self, state_hash: StateHash) -> SeenBlock | None:
        """The block of that name, if it was seen."""
        number = self._numbers.get(state_hash)
        return None if number is None or number >= self._length else self._blocks[number]

    def append(self, block: SeenBlock) -> "BlockLog":
        """The log with one more block; the same if the block is in it. Constant time, see the module."""
        if self.find(block.state_hash) is not None:
            return self
        longer = BlockLog()
        if len(self._blocks) == self._length:
            longer._blocks, longer._numbers = self._blocks, self._numbers
        else:
            # Somebody appended to this value before: the new one gets a list of its own.
            longer._blocks = self._blocks[: self._length]
            longer._numbers = {seen.state_hash: number for number, seen in enumerate(longer._blocks)}
        longer._blocks.append(block)
        longer._numbers[block.state_hash] = self._length
        longer._length = self._length + 1
        return longer
