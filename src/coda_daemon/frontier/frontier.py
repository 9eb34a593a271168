"""The transition frontier: a root, its known descendants, the best tip among them (daemon contract I.4).

The best path has at most k blocks after the root. Adding a block costs the same however long the network
has run: a root that moves on takes its side branches with it. Blocks that were root before are kept for a
while, without their ledgers, so that peers further behind can still be served.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coda_daemon.blocks import Block
from coda_daemon.consensus.building import Built
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.selection import is_better
from coda_daemon.ledger.ledger import Ledger
from coda_protocol.hashes import StateHash


@dataclass(slots=True, eq=False)
class Breadcrumb:
    """A block of the frontier with what follows from it. `children` in the order in which they were added."""

    built: Built
    parent: "Breadcrumb | None"
    children: "list[Breadcrumb]" = field(default_factory=list, repr=False)
    block: Block = field(init=False)  # asked for all the time

    def __post_init__(self) -> None:
        self.block = self.built.block

    @property
    def ledger(self) -> Ledger:
        return self.built.ledger


@dataclass(frozen=True, slots=True)
class RootTransition:
    """The root moved on by a block; `garbage` are the blocks of branches that left with the old root.

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


class Frontier:
    """A tree of breadcrumbs. Every block in it descends from the root."""

    def __init__(self, root: Built, constants: ConsensusConstants, *, history: Sequence[Block] = ()) -> None:
        """`history` are ancestors of the root, oldest first, the last one its parent."""
        self._constants = constants
        self._root = Breadcrumb(root, None)
        self._best_tip = self._root
        self._crumbs = {root.block.state_hash: self._root}
        self._path = deque((self._root,))  # from the root to the best tip
        self._history = deque(history, maxlen=constants.catchup_reach)
        self._former_roots = {block.state_hash: block for block in self._history}

    def __repr__(self) -> str:
        return (
            f"<Frontier root {self.root.block.blockchain_length} "
            f"tip {self.best_tip.block.blockchain_length} blocks {len(self._crumbs)}>"
        )

    def __contains__(self, state_hash: StateHash) -> bool:
        return state_hash in self._crumbs

    def __len__(self) -> int:
        return len(self._crumbs)

    @property
    def root(self) -> Breadcrumb:
        return self._root

    @property
    def best_tip(self) -> Breadcrumb:
        return self._best_tip

    @property
    def history(self) -> Sequence[Block]:
        """Former roots that are still kept, oldest first."""
        return tuple(self._history)

    def breadcrumb(self, state_hash: StateHash) -> Breadcrumb | None:
        return self._crumbs.get(state_hash)

    def known_block(self, state_hash: StateHash) -> Block | None:
        """A block of the frontier or of the history before its root."""
        crumb = self._crumbs.get(state_hash)
        return self._former_roots.get(state_hash) if crumb is None else crumb.block

    def was_root(self, state_hash: StateHash) -> bool:
        """Whether a block is among the former roots that are kept."""
        return state_hash in self._former_roots

    def add(self, built: Built) -> Diff:
        """Add a valid block whose parent is here and which is not."""
        block = built.block
        parent = self._crumbs[block.previous_state_hash]
        assert block.state_hash not in self._crumbs, block
        crumb = Breadcrumb(built, parent)
        parent.children.append(crumb)
        self._crumbs[block.state_hash] = crumb
        if not is_better(block, self._best_tip.block, self._constants):
            return Diff(block.state_hash, None, None)
        change = self._switched_to(crumb)
        moves = block.blockchain_length - self._root.block.blockchain_length > self._constants.k
        return Diff(block.state_hash, change, self._moved_root() if moves else None)

    def best_path(self, max_length: int | None = None) -> tuple[Block, ...]:
        """The best chain, oldest first (D.3).

        Its last `max_length` blocks after the root; without a number, or with a larger one, all of them
        and the root.
        """
        after_root = self._best_tip.block.blockchain_length - self._root.block.blockchain_length
        wanted = after_root + 1 if max_length is None or max_length > after_root else max(0, max_length)
        blocks = [
            crumb.block for crumb, _ in zip(self._back_from(self._best_tip), range(wanted), strict=False)
        ]
        return tuple(reversed(blocks))

    def block_at(self, blockchain_length: int) -> Block | None:
        """The best chain's block of that length, if it is after the root."""
        for crumb in self._back_from(self._best_tip):
            if crumb.block.blockchain_length == blockchain_length:
                return crumb.block if crumb is not self._root else None
        return None

    def breadcrumbs(self) -> Iterator[Breadcrumb]:
        """All but the root, in the order in which they were added."""
        return (crumb for crumb in self._crumbs.values() if crumb is not self._root)

    def _switched_to(self, crumb: Breadcrumb) -> BestTipChange:
        """Make `crumb` the best tip, finding the fork by walking both branches down to one length."""
        added, removed = [], []
        new, old = crumb, self._best_tip
        while new is not old:
            if new.block.blockchain_length >= old.block.blockchain_length:
                added.append(new)
                new = _parent(new)
            else:
                removed.append(old.block)
                old = _parent(old)
                self._path.pop()
        added.reverse()
        removed.reverse()
        self._path.extend(added)
        self._best_tip = crumb
        return BestTipChange(crumb.block.state_hash, tuple(new.block for new in added), tuple(removed))

    def _moved_root(self) -> RootTransition:
        """Move the root one block towards the best tip."""
        old = self._root
        self._path.popleft()
        new = self._path[0]
        doomed = [child for child in reversed(old.children) if child is not new]
        garbage = []
        while doomed:
            crumb = doomed.pop()
            garbage.append(crumb.block.state_hash)
            del self._crumbs[crumb.block.state_hash]
            doomed.extend(reversed(crumb.children))
        del self._crumbs[old.block.state_hash]
        new.parent = None
        self._root = new
        if len(self._history) == self._history.maxlen:
            del self._former_roots[self._history[0].state_hash]
        self._history.append(old.block)
        self._former_roots[old.block.state_hash] = old.block
        has_ledger_proof = new.block.state.blockchain_state.has_ledger_proof
        return RootTransition(new.block.state_hash, tuple(garbage), has_ledger_proof)

    def _back_from(self, crumb: Breadcrumb) -> Iterator[Breadcrumb]:
        """A breadcrumb and its ancestors down to the root."""
        at: Breadcrumb | None = crumb
        while at is not None:
            yield at
            at = at.parent


def _parent(crumb: Breadcrumb) -> Breadcrumb:
    assert crumb.parent is not None, "two branches of one frontier meet at its root at the latest"
    return crumb.parent
