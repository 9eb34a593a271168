"""The transition frontier: a root, its known descendants, the best tip among them (daemon contract I.4).

The best path has at most k blocks after the root. Adding a block costs the same however long the network
has run: a root that moves on takes its side branches with it. Blocks that were root before are kept for a
while, without their ledgers, so that peers further behind can still be served.

What a frontier holds is a value that never changes, and does not depend on the order in which blocks came. Nodes
of one process that know the same blocks share it, and what the next block makes of it is worked out once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coda_daemon.blocks import Block
from coda_daemon.consensus.building import Built
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.selection import is_better
from coda_daemon.recent import remember
from coda_protocol.hashes import StateHash


@dataclass(frozen=True, slots=True)
class RootTransition:
    """The root moved on by a block; `garbage` are the blocks of branches that left with the old root, the shortest
    chains first.

    `has_ledger_proof` is the new root's.
    """

    new_root: StateHash
    garbage: tuple[StateHash, ...]
    has_ledger_proof: bool = False


@dataclass(frozen=True, slots=True)
class BestTipChange:
    """Blocks of the best path that came and went, oldest first; none went when the tip just grew."""

    new_best_tip: StateHash
    added: tuple[Block, ...]
    removed: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What adding one block changed."""

    new_node: StateHash
    best_tip: BestTipChange | None
    root: RootTransition | None

    def __hash__(self) -> int:
        return hash(self.new_node)  # no more: what is told of it is looked up by it for each node


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """`blocks` are the root and its descendants, parents before their children; `former_roots` are ancestors of
    the root that are kept, oldest first. Both are never changed.
    """

    constants: ConsensusConstants
    root: Built
    best_tip: Built
    blocks: dict[StateHash, Built]
    former_roots: dict[StateHash, Block]

    def after(self, built: Built) -> "tuple[_State, Diff]":
        """With a valid block whose parent is here and which is not."""
        block, constants, root, tip = built.block, self.constants, self.root, self.best_tip
        assert block.previous_state_hash in self.blocks, block
        assert block.state_hash not in self.blocks, block
        blocks, former_roots = {**self.blocks, block.state_hash: built}, self.former_roots
        change = transition = None
        if is_better(block, tip.block, constants):
            change, tip = _change(tip, built, blocks), built
            if block.blockchain_length - root.block.blockchain_length > constants.k:
                former_roots = {**former_roots, root.block.state_hash: root.block}
                if len(former_roots) > constants.catchup_reach:
                    del former_roots[next(iter(former_roots))]
                root, blocks, garbage = _next_root(root, tip, blocks)
                has_ledger_proof = root.block.state.blockchain_state.has_ledger_proof
                transition = RootTransition(root.block.state_hash, garbage, has_ledger_proof)
        state = _shared_state(constants, root, tip, blocks, former_roots)
        return state, Diff(block.state_hash, change, transition)

    def back_from(self, built: Built) -> Iterator[Built]:
        """A block and its ancestors down to the root."""
        at: Built | None = built
        while at is not None:
            yield at
            at = self.blocks.get(at.block.previous_state_hash)


def _change(old: Built, new: Built, blocks: Mapping[StateHash, Built]) -> BestTipChange:
    """From one best tip to another, finding the fork by walking both branches down to one length."""
    added, removed, at = [], [], new
    while at is not old:
        if at.block.blockchain_length >= old.block.blockchain_length:
            added.append(at.block)
            at = blocks[at.block.previous_state_hash]
        else:
            removed.append(old.block)
            old = blocks[old.block.previous_state_hash]
    return BestTipChange(new.block.state_hash, tuple(reversed(added)), tuple(reversed(removed)))


def _next_root(
    old: Built, tip: Built, blocks: Mapping[StateHash, Built]
) -> tuple[Built, dict[StateHash, Built], tuple[StateHash, ...]]:
    """The next root on the way to the best tip, what descends from it, and what does not."""
    children = [built for built in blocks.values() if built.block.previous_state_hash == old.block.state_hash]
    if len(children) == 1:
        kept = dict(blocks)
        del kept[old.block.state_hash]
        return children[0], kept, ()
    new = tip
    while new not in children:
        new = blocks[new.block.previous_state_hash]
    kept, garbage = {new.block.state_hash: new}, []
    for name, built in blocks.items():
        if built.block.previous_state_hash in kept:
            kept[name] = built
        elif built is not new and built is not old:
            garbage.append(built)
    return new, kept, tuple(built.block.state_hash for built in _oldest_first(garbage))


def _oldest_first(blocks: Iterable[Built]) -> list[Built]:
    """By length, those of one length by name."""
    return sorted(blocks, key=lambda built: (built.block.blockchain_length, built.block.state_hash))


_REMEMBERED: Final = 128
_states: dict[tuple[object, ...], _State] = {}
_steps: dict[tuple[_State, Built], tuple[_State, Diff]] = {}


def _shared_state(
    constants: ConsensusConstants,
    root: Built,
    best_tip: Built,
    blocks: dict[StateHash, Built],
    former_roots: dict[StateHash, Block],
) -> _State:
    """The one that stands for all that hold the same. A root has but one row of ancestors."""
    key = (constants, root, best_tip, len(former_roots), frozenset(blocks.values()))
    state = _states.get(key)
    if state is None:
        state = _State(constants, root, best_tip, blocks, former_roots)
        remember(_states, key, state, most=_REMEMBERED)
    return state


class Frontier:
    """A tree of blocks. Every block in it descends from the root."""

    def __init__(self, root: Built, constants: ConsensusConstants, *, history: Sequence[Block] = ()) -> None:
        """`history` are ancestors of the root, oldest first, the last one its parent."""
        kept = history[max(0, len(history) - constants.catchup_reach) :]
        former_roots = {block.state_hash: block for block in kept}
        self._state = _shared_state(constants, root, root, {root.block.state_hash: root}, former_roots)

    def __repr__(self) -> str:
        return (
            f"<Frontier root {self.root.block.blockchain_length} "
            f"tip {self.best_tip.block.blockchain_length} blocks {len(self)}>"
        )

    def __contains__(self, state_hash: StateHash) -> bool:
        return state_hash in self._state.blocks

    def __len__(self) -> int:
        return len(self._state.blocks)

    @property
    def root(self) -> Built:
        return self._state.root

    @property
    def best_tip(self) -> Built:
        return self._state.best_tip

    @property
    def history(self) -> Sequence[Block]:
        """Former roots that are still kept, oldest first."""
        return tuple(self._state.former_roots.values())

    def breadcrumb(self, state_hash: StateHash) -> Built | None:
        """A block of the frontier, with what follows from it."""
        return self._state.blocks.get(state_hash)

    def known_block(self, state_hash: StateHash) -> Block | None:
        """A block of the frontier or of the history before its root."""
        built = self._state.blocks.get(state_hash)
        return self._state.former_roots.get(state_hash) if built is None else built.block

    def was_root(self, state_hash: StateHash) -> bool:
        """Whether a block is among the former roots that are kept."""
        return state_hash in self._state.former_roots

    def add(self, built: Built) -> Diff:
        """Add a valid block whose parent is here and which is not."""
        key = (self._state, built)
        step = _steps.get(key)
        if step is None:
            step = remember(_steps, key, self._state.after(built), most=_REMEMBERED)
        self._state, diff = step
        return diff

    def best_path(self, max_length: int | None = None) -> tuple[Block, ...]:
        """The best chain, oldest first (D.3).

        Its last `max_length` blocks after the root; without a number, or with a larger one, all of them
        and the root.
        """
        after_root = self.best_tip.block.blockchain_length - self.root.block.blockchain_length
        wanted = after_root + 1 if max_length is None or max_length > after_root else max(0, max_length)
        path = zip(self._state.back_from(self.best_tip), range(wanted), strict=False)
        return tuple(reversed([built.block for built, _ in path]))

    def block_at(self, blockchain_length: int) -> Block | None:
        """The best chain's block of that length, if it is after the root."""
        for built in self._state.back_from(self.best_tip):
            if built.block.blockchain_length == blockchain_length:
                return built.block if built is not self.root else None
        return None

    def breadcrumbs(self) -> Iterator[Built]:
        """All but the root, parents before their children, with what follows from them."""
        return (built for built in _oldest_first(self._state.blocks.values()) if built is not self.root)
