"""What came after a ledger, as it is written to disk and sent to peers: epoch ledgers, scan state. Pure.

Beside the oldest ledger that a block still needs, there are the accounts that each later one changed: first the
other epoch ledgers and the snarked one, then, with its statements, each tree of the scan state. Put one after the
other into the oldest ledger they give all of them again, and the staged ledger at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from coda_daemon.ledger.account import Account
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.snark.scan_state import ScanState, Tree
from coda_daemon.snark.statement import Statement


class _Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class TreeParts(_Part, frozen=True):
    """The changed accounts stand in the order of their places in the ledger."""

    statements: tuple[Statement, ...]
    changed: tuple[Account, ...]


class ScanParts(_Part, frozen=True):
    """`later` leads from the oldest ledger to the snarked one; the other members are as in `ScanState`."""

    oldest: Annotated[int, msgspec.Meta(ge=0)]
    done: Annotated[int, msgspec.Meta(ge=0)]
    later: Annotated[tuple[tuple[Account, ...], ...], msgspec.Meta(max_length=2)]
    trees: Annotated[tuple[TreeParts, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What parts were made from."""

    scan: ScanState
    epoch_ledgers: tuple[Ledger, ...]


def taken_apart(scan: ScanState, epoch_ledgers: Sequence[Ledger]) -> tuple[Ledger, ScanParts]:
    """The oldest ledger, and what came after it. `epoch_ledgers`, oldest first, are older than the snarked one."""
    first, *others = (*epoch_ledgers, scan.snarked)
    before, later = first, []
    for ledger in others:
        later.append(tuple(ledger.changes_since(before)))
        before = ledger
    trees = []
    for tree in scan.trees:
        trees.append(TreeParts(tree.statements, tuple(tree.ledger.changes_since(before))))
        before = tree.ledger
    return first, ScanParts(scan.oldest, scan.done, tuple(later), tuple(trees))


def rebuilt(parts: ScanParts, first: Ledger, *, depth: int, work_delay: int) -> Rebuilt:
    """The other way; that digest and epoch ledgers are those of the block is for the caller to check.

    Raises LedgerFullError when the accounts do not fit.
    """
    ledgers = [first]
    for changed in parts.later:
        ledgers.append(ledgers[-1].put_all(changed))
    *epoch_ledgers, snarked = ledgers
    ledger, trees = snarked, []
    for tree in parts.trees:
        ledger = ledger.put_all(tree.changed)
        trees.append(Tree(tree.statements, ledger))
    scan = ScanState(depth, work_delay, snarked, tuple(trees), parts.oldest, parts.done)
    return Rebuilt(scan, tuple(epoch_ledgers))
