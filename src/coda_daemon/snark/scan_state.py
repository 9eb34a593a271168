"""The scan state: transactions that wait for their proofs, in binary trees (daemon contract H). Pure.

Each transaction takes a slot of the tree that is being filled; a tree has 2^depth. A slot that is taken must
be paid for with two pieces of work on older trees: on the leaves of the tree that is `work_delay + 1` trees
older, on the level above of the one twice as much older, and so on up to a root. So while one tree fills, one
level each of `depth + 1` older trees is done, 2^(depth + 1) - 1 pieces together, and when it is full the oldest
tree is complete: its root is a ledger proof, which moves the snarked ledger to where that tree ended.

The rule and its numbers are Mina's (`src/lib/parallel_scan`); the order of the jobs is fixed, so how far a set of
them has got is a single number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from coda_daemon.digests import digest_of
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.snark.statement import Bundle, Job, Statement, bundled, merged
from coda_daemon.snark.transaction import Step


@dataclass(frozen=True, eq=False)
class Tree:
    """The statements of a tree's slots as far as they are taken; `ledger` is the one after the last of them.

    `steps` are those of the statements at proof level `check`, and none at `none`.
    """

    statements: tuple[Statement, ...]
    ledger: Ledger
    steps: tuple[Step, ...] = ()

    def jobs(self, level: int) -> tuple[Job, ...]:
        """Jobs so many levels above the leaves; above them the tree must be full."""
        return self._leaves if level == 0 else self._merges[level - 1]

    @cached_property
    def _leaves(self) -> tuple[Job, ...]:
        if not self.steps:
            return tuple(map(Job, self.statements))
        pairs = zip(self.statements, self.steps, strict=True)
        return tuple(Job(statement, step=step) for statement, step in pairs)

    @cached_property
    def _merges(self) -> tuple[tuple[Job, ...], ...]:
        levels, below = [], self._leaves
        while len(below) > 1:
            pairs = zip(below[::2], below[1::2], strict=True)
            below = tuple(
                Job(merged(left.statement, right.statement), (left, right)) for left, right in pairs
            )
            levels.append(below)
        return tuple(levels)


@dataclass(frozen=True)
class ScanState:
    """`trees` are numbered from `oldest` on, oldest first; the last is being filled and never full.

    `done` counts the jobs bought while it fills. `snarked` is the ledger that the last proof vouches for.
    """

    depth: int
    work_delay: int
    snarked: Ledger
    trees: tuple[Tree, ...]
    oldest: int = 0
    done: int = 0

    @property
    def capacity(self) -> int:
        """Slots of a tree."""
        return 1 << self.depth

    @property
    def room(self) -> int:
        """The most transactions of a block: as many as a tree has slots.

        Without a delay the tree that is being filled is the one to work on next. Then a block may run on into
        the next tree only as far as there are leaves to work on.
        """
        leaves = len(self.trees[-1].statements)
        return self.capacity if self.work_delay else min(self.capacity, self.free + leaves // 2)

    @property
    def has_ledger_proof(self) -> bool:
        """Whether this chain ever completed one."""
        return self.oldest > 0

    @property
    def staged(self) -> Ledger:
        """The ledger after the last transaction: the one of the block."""
        return self.trees[-1].ledger

    @property
    def free(self) -> int:
        """Slots left in the tree that is being filled."""
        return self.capacity - len(self.trees[-1].statements)

    @cached_property
    def digest(self) -> bytes:
        """Names the whole state, the snarked ledger included."""
        statements = b"".join(statement.digest for tree in self.trees for statement in tree.statements)
        place = f"{self.depth} {self.work_delay} {self.oldest} {self.done} {self.snarked.hash}"
        return digest_of(place.encode(), statements, purpose=b"coda-scan-state")

    def required(self, count: int) -> tuple[Bundle, ...]:
        """What a block with `count` transactions must buy, in this order; 0 <= count <= room."""
        assert count <= self.room, count
        free = self.free
        if count < free:
            return bundled(self._jobs_now[self.done : self.done + 2 * count])
        current = bundled(self._jobs_now[self.done :])
        return current + bundled(self._jobs_next[: 2 * (count - free)])

    @cached_property
    def required_at_most(self) -> tuple[Bundle, ...]:
        """What a block with as many transactions as there is room for must buy."""
        return self.required(self.room)

    def required_number(self, count: int) -> int:
        """How many bundles `required` gives for so many transactions: the first of those for more."""
        current = (len(self._jobs_now) - self.done + 1) // 2
        if count < self.free:
            return min(count, max(0, current))
        following = (len(self._jobs_next) + 1) // 2
        return max(0, current) + min(count - self.free, following)

    def pending(self) -> tuple[Bundle, ...]:
        """All that can be worked on now, what is wanted first in front.

        That is what the trees up to `work_delay` ahead will ask for, and pairs of leaves of the tree that is
        being filled, which the next one after those will.
        """
        bundles = bundled(self._jobs_now[self.done :])
        for ahead in range(1, self.work_delay + 1):
            bundles += bundled(self._jobs(self._filling + ahead))
        leaves = self.trees[-1].jobs(0)
        return bundles + bundled(leaves[: len(leaves) // 2 * 2])

    def after(
        self, added: Sequence[Statement], full: Ledger, end: Ledger, steps: Sequence[Step] = ()
    ) -> tuple["ScanState", bool]:
        """The state after a block that bought what it must, and whether it completed a ledger proof.

        `end` is the ledger after the block, `full` the one after the `free` first of its transactions, if it has
        so many; `steps` are those of the transactions at proof level `check`.
        """
        free = self.free
        if len(added) < free:
            return self._filled(added, end, steps), False
        closed = self._filled(added[:free], full, steps[:free])
        is_proved = len(closed.trees) > self._age_of_root
        oldest, *younger = closed.trees
        trees = (*(younger if is_proved else closed.trees), Tree((), full))
        snarked = oldest.ledger if is_proved else closed.snarked
        opened = ScanState(self.depth, self.work_delay, snarked, trees, self.oldest + is_proved)
        return opened._filled(added[free:], end, steps[free:]), is_proved

    @property
    def _filling(self) -> int:
        """The number of the tree that is being filled."""
        return self.oldest + len(self.trees) - 1

    @property
    def _age_of_root(self) -> int:
        """How many trees younger than it a tree has when its root is done."""
        return (self.work_delay + 1) * (self.depth + 1)

    def _filled(self, added: Sequence[Statement], ledger: Ledger, steps: Sequence[Step]) -> "ScanState":
        if not added:
            return self
        *others, last = self.trees
        tree = Tree((*last.statements, *added), ledger, (*last.steps, *steps))
        return replace(self, trees=(*others, tree), done=self.done + 2 * len(added))

    @cached_property
    def _jobs_now(self) -> tuple[Job, ...]:
        return self._jobs(self._filling)

    @cached_property
    def _jobs_next(self) -> tuple[Job, ...]:
        return self._jobs(self._filling + 1)

    def _jobs(self, number: int) -> tuple[Job, ...]:
        """What has to be done while tree `number` fills."""
        return tuple(job for level in self._levels_due(number) for job in level)

    def _levels_due(self, number: int) -> Iterator[tuple[Job, ...]]:
        for level in range(self.depth + 1):
            at = number - (self.work_delay + 1) * (level + 1) - self.oldest
            if at < 0:
                return
            yield self.trees[at].jobs(level)


def scan_state_at_genesis(ledger: Ledger, *, depth: int, work_delay: int) -> ScanState:
    return ScanState(depth, work_delay, ledger, (Tree((), ledger),))
