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
from coda_daemon.ledger.transactions import CommandRules, RefusedError
from coda_daemon.snark.scan_state import ScanState, Tree
from coda_daemon.snark.statement import Statement, stated
from coda_daemon.snark.transaction import Transaction
from coda_protocol.format_error import FormatError


class _Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class TreeParts(_Part, frozen=True):
    """The changed accounts stand in the order of their places in the ledger.

    At proof level `check` there are the transactions instead: applied again, they give accounts and statements.
    """

    statements: tuple[Statement, ...]
    changed: tuple[Account, ...]
    transactions: tuple[Transaction, ...] = ()


class ScanParts(_Part, frozen=True):
    """`later` leads from the oldest ledger to the snarked one; the other members are as in `ScanState`."""

    oldest: Annotated[int, msgspec.Meta(ge=0)]
    done: Annotated[int, msgspec.Meta(ge=0)]
    later: Annotated[tuple[tuple[Account, ...], ...], msgspec.Meta(max_length=2)]
    trees: Annotated[tuple[TreeParts, ...], msgspec.Meta(min_length=1)]


class WrongPartsError(ValueError):
    """What came with a block is not what the statements in it say."""


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
        transactions = tuple(step.transaction for step in tree.steps)
        changed = () if transactions else tuple(tree.ledger.changes_since(before))
        trees.append(TreeParts(tree.statements, changed, transactions))
        before = tree.ledger
    return first, ScanParts(scan.oldest, scan.done, tuple(later), tuple(trees))


def rebuilt(
    parts: ScanParts, first: Ledger, *, depth: int, work_delay: int, rules: CommandRules | None = None
) -> Rebuilt:
    """The other way; that digest and epoch ledgers are those of the block is for the caller to check.

    `rules` are for transactions, at proof level `check`. Raises LedgerFullError when the accounts do not fit, and
    WrongPartsError when the transactions do not lead from ledger to ledger as the statements say.
    """
    ledgers = [first]
    for changed in parts.later:
        ledgers.append(ledgers[-1].put_all(changed))
    *epoch_ledgers, snarked = ledgers
    ledger, trees = snarked, []
    for tree in parts.trees:
        grown = _with_accounts(tree, ledger) if rules is None else _with_transactions(tree, ledger, rules)
        trees.append(grown)
        ledger = grown.ledger
    scan = ScanState(depth, work_delay, snarked, tuple(trees), parts.oldest, parts.done)
    return Rebuilt(scan, tuple(epoch_ledgers))


def _with_accounts(parts: TreeParts, ledger: Ledger) -> Tree:
    return Tree(parts.statements, ledger.put_all(parts.changed))


def _with_transactions(parts: TreeParts, ledger: Ledger, rules: CommandRules) -> Tree:
    if len(parts.transactions) != len(parts.statements) or parts.changed:
        raise WrongPartsError(
            f"expected {len(parts.statements)} transactions and no accounts, found {len(parts.transactions)} and "
            f"{len(parts.changed)}"
        )
    steps = []
    for transaction, statement in zip(parts.transactions, parts.statements, strict=True):
        try:
            found = stated(ledger, transaction, rules)
        except (RefusedError, FormatError) as error:
            raise WrongPartsError(f"a transaction of the scan state cannot be applied: {error}") from error
        if found is None or found.statement != statement:
            raise WrongPartsError(f"expected a transaction that makes {statement}, found another one")
        steps.append(found.step)
        ledger = found.after
    return Tree(parts.statements, ledger, tuple(steps))
