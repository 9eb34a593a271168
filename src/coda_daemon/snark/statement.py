"""What a piece of SNARK work is about: how a transaction, or a run of them, changed the ledger. Pure."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from coda_daemon.digests import digest_of
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger.transactions import CommandRules
from coda_daemon.snark.transaction import Effect, Step, Transaction, execute, merged_trace, trace_of

_WORK_ID_BITS: Final = 31  # GraphQL's Int is signed, with 32 bits


class Statement(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, dict=True):
    """From ledger to ledger; money in nanomina.

    `fee_excess` is what commands paid and no fee transfer took yet, `supply_increase` what coinbases created
    less what new accounts burnt.
    """

    source: str
    target: str
    fee_excess: int = 0
    supply_increase: int = 0

    @cached_property
    def digest(self) -> bytes:
        return digest_of(msgspec.msgpack.encode(self), purpose=b"coda-statement")

    @property
    def work_id(self) -> int:
        """GraphQL's `workId`: a number of 31 bits."""
        return int.from_bytes(self.digest[:4], "little") & ((1 << _WORK_ID_BITS) - 1)


def merged(left: Statement, right: Statement) -> Statement:
    """Both, one after the other. Raises ValueError when the second does not begin where the first ends."""
    if left.target != right.source:
        raise ValueError(f"expected a statement from ledger {left.target}, found one from {right.source}")
    return Statement(
        left.source,
        right.target,
        left.fee_excess + right.fee_excess,
        left.supply_increase + right.supply_increase,
    )


@dataclass(frozen=True, slots=True)
class Stated:
    """A transaction applied to a ledger: what there is to prove, what the proof needs, and the ledger after it."""

    statement: Statement
    step: Step
    effect: Effect
    after: Ledger


def stated(ledger: Ledger, transaction: Transaction, rules: CommandRules) -> Stated | None:
    """Apply it to a ledger by itself. As `execute`: None where nothing is done, and it raises the same."""
    draft = Draft(ledger)
    effect = execute(draft, transaction, rules)
    if effect is None:
        return None
    after = draft.ledger()
    statement = Statement(ledger.hash, after.hash, effect.fee_excess, effect.supply_increase)
    return Stated(statement, Step(transaction, ledger, trace_of(transaction, draft)), effect, after)


@dataclass(frozen=True)
class Job:
    """One proof to make: of a transaction (no parts), or that two proved statements follow each other.

    `step` is the transaction's, at proof level `check` only.
    """

    statement: Statement
    parts: tuple["Job", ...] = ()
    step: Step | None = None

    @cached_property
    def trace(self) -> bytes:
        """What a proof at level `check` follows from; empty at `none`."""
        if self.parts:
            left, right = self.parts
            return merged_trace(left.trace, right.trace)
        return b"" if self.step is None else self.step.trace


@dataclass(frozen=True)
class Bundle:
    """One or two jobs that are handed out, sold and bought together."""

    jobs: tuple[Job, ...]

    @cached_property
    def statements(self) -> tuple[bytes, ...]:
        """Digests of the statements: the bundle's name."""
        return tuple(job.statement.digest for job in self.jobs)

    @property
    def work_ids(self) -> tuple[int, ...]:
        return tuple(job.statement.work_id for job in self.jobs)


def bundled(jobs: tuple[Job, ...]) -> tuple[Bundle, ...]:
    """In pairs; the last may be alone."""
    return tuple(Bundle(jobs[at : at + 2]) for at in range(0, len(jobs), 2))
