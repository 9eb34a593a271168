"""Blocks, who may make them, and which chain is the better one (I.2 to I.4). Pure.

Nobody outside can check a lottery ticket: a hash in place of a VRF has the same chances.
"""

import math
from dataclasses import asdict, dataclass, field
from hashlib import blake2b, sha256
from typing import Any

from tests.tiny_daemon.words import state_hash


@dataclass(frozen=True)
class Constants:
    genesis_ms: int
    slot_ms: int
    k: int
    slots_per_epoch: int
    shares: dict[str, float] = field(hash=False)  # of the total stake, by the key that it is delegated to


@dataclass(frozen=True)
class Block:
    parent: str
    height: int
    slot: int
    creator: str
    ticket: str

    @property
    def name(self) -> str:
        return state_hash(f"{self.parent} {self.height} {self.slot} {self.creator} {self.ticket}")

    @property
    def rank(self) -> tuple[int, bytes, str]:
        """The greater one wins."""
        return self.height, blake2b(self.ticket.encode(), digest_size=32).digest(), self.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ticket(seed: str, slot: int, key: str) -> str:
    return sha256(f"{seed} {slot} {key}".encode()).hexdigest()


def wins(drawn: str, share: float) -> bool:
    return int(drawn, 16) / 2**256 <= 1 - math.pow(0.25, share)


class Frontier:
    """The root and all known descendants."""

    def __init__(self, constants: Constants, genesis_seed: str) -> None:
        self.constants = constants
        self.genesis = Block(state_hash("zero"), 1, 0, "nobody", genesis_seed)
        self.blocks = {self.genesis.name: self.genesis}
        self.root = self.tip = self.genesis

    def slot_at(self, time_ms: float) -> int:
        return max(0, int((time_ms - self.constants.genesis_ms) // self.constants.slot_ms))

    def path(self) -> list[Block]:
        """From the root to the best tip."""
        found = [self.tip]
        while found[-1] != self.root:
            found.append(self.blocks[found[-1].parent])
        return found[::-1]

    def add(self, block: Block) -> list[dict[str, Any]] | None:
        """The diffs that it makes; None for one that is known or that nothing here is the parent of."""
        parent = self.blocks.get(block.parent)
        if block.name in self.blocks or parent is None or parent.height + 1 != block.height:
            return None
        self.blocks[block.name] = block
        diffs: list[dict[str, Any]] = [{"New_node": block.name}]
        if block.rank > self.tip.rank:
            self.tip = block
            diffs.append({"Best_tip_changed": block.name})
            if block.height - self.root.height > self.constants.k:
                diffs.append({"Root_transitioned": self._move_root()})
        return diffs

    def begin_at(self, root: Block) -> None:
        """Forget everything but this block."""
        self.blocks = {root.name: root}
        self.root = self.tip = root

    def _move_root(self) -> dict[str, Any]:
        old, self.root = self.root, self.path()[1]
        keep = {self.root.name}
        for block in sorted(self.blocks.values(), key=lambda block: block.height):
            if block.parent in keep:
                keep.add(block.name)
        garbage = sorted(set(self.blocks) - keep - {old.name})
        self.blocks = {name: block for name, block in self.blocks.items() if name in keep}
        return {"garbage": garbage, "new_root": self.root.name, "just_emitted_a_proof": False}
