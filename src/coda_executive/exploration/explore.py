"""A search: many seeds, failures grouped by signature, the first of each made as small as it gets."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from coda_executive.errors import ConfigError, EngineError
from coda_executive.executive.outcome import Verdict
from coda_executive.exploration.attempt import Attempt, Result, Setup
from coda_executive.exploration.reproduction import python_test
from coda_executive.exploration.shrink import Case, shrink
from coda_executive.exploration.workers import Workers
from coda_executive.nemesis.schedule import Schedule

SHRINK_BUDGET = 100  # schedules that are tried for one failure


class Kept(msgspec.Struct, frozen=True):
    """What is kept of an attempt: `signature` is None if it passed, `digest` names its history."""

    seed: int
    signature: str | None
    digest: str


class Failure(msgspec.Struct, frozen=True):
    """Failures with one signature. `error` is the first one's; `case` the smallest found, None without faults.

    `is_repeatable`: it failed in the same way each time that it was run again; None if the search ended before
    that. `has_one_history`: with the same history each time, as it must in the simulation.
    """

    signature: str
    seeds: tuple[int, ...]
    error: str
    case: Case | None
    is_repeatable: bool | None
    has_one_history: bool | None = None


class Exploration(msgspec.Struct, frozen=True):
    setup: Setup
    attempts: tuple[Kept, ...]
    failures: tuple[Failure, ...]
    interrupted: bool = False
    broken_off: str | None = None  # by an error of the infrastructure

    @property
    def bound(self) -> float:
        """With 95 % confidence a run fails with at most this probability; of use while none has failed."""
        return min(1.0, 3 / max(1, len(self.attempts)))


def explore(
    setup: Setup,
    seeds: Iterable[int],
    workers: Workers,
    *,
    tell: Callable[[int, int, str], None],
    budget: int = SHRINK_BUDGET,
) -> Exploration:
    """Try the seeds, then shrink. `tell(attempts, failures, what)` is called after each attempt.

    Ctrl-C ends the search with what it has found: what was not shrunk by then is left as it was drawn. So does a
    worker that cannot go on, for want of space on the disk.

    Raises EngineError when no run could be made, and ConfigError for a test that the engine cannot run.
    """
    kept: list[Kept] = []
    groups: dict[str, list[Result]] = {}
    failed = 0
    failures: list[Failure] = []
    interrupted, broken_off = False, None
    try:
        for result in workers.results(Attempt(seed) for seed in seeds):
            if result.verdict in (Verdict.USAGE, Verdict.NOTHING_RAN):
                raise ConfigError(f"the test does not run here, with any seed: {result.error}")
            kept.append(Kept(result.attempt.seed, result.signature, result.digest))
            if result.signature is not None:
                failed += 1
                groups.setdefault(result.signature, []).append(result)
            tell(len(kept), failed, "searching")
        for signature, results in groups.items():
            tell(len(kept), failed, f"shrinking {signature}")
            failures.append(_failure(signature, results, workers, budget))
    except KeyboardInterrupt:
        interrupted = True
    except EngineError as error:
        if not kept:
            raise
        broken_off = str(error)
    failures += [_as_drawn(*group) for group in list(groups.items())[len(failures) :]]
    return Exploration(setup, tuple(kept), tuple(failures), interrupted, broken_off)


def failure_test(setup: Setup, failure: Failure, path: str) -> str | None:
    """The failure's smallest case as a Python test at `path`; None for one without faults, which a seed repeats."""
    return None if failure.case is None else python_test(setup, failure.case, failure.signature, path)


def _as_drawn(signature: str, results: Sequence[Result]) -> Failure:
    first = results[0]
    case = None if first.schedule is None else Case(first.attempt.seed, first.schedule)
    seeds = tuple(result.attempt.seed for result in results)
    return Failure(signature, seeds, first.error, case, is_repeatable=None)


def _failure(signature: str, results: Sequence[Result], workers: Workers, budget: int) -> Failure:
    drawn, first = _as_drawn(signature, results), results[0]
    case = drawn.case
    if case is not None:

        def fails(schedule: Schedule, seeds: Sequence[int]) -> int | None:
            attempts = (Attempt(seed, schedule) for seed in seeds)
            return next(
                (each.attempt.seed for each in workers.results(attempts) if each.signature == signature), None
            )

        case = shrink(case, fails, budget=budget)
    seed, schedule = (first.attempt.seed, None) if case is None else (case.seed, case.schedule)
    # Once as in the search and once with the whole history written, which must not make a difference.
    attempts = [Attempt(seed, schedule, in_full=in_full) for in_full in (False, True)]
    again = list(workers.results(attempts))
    return msgspec.structs.replace(
        drawn,
        case=case,
        is_repeatable={each.signature for each in again} == {signature},
        has_one_history=len({each.digest for each in again}) == 1,
    )
