"""The smallest case of a failure: delta debugging over its faults, then shorter ones. Pure but for the trying.

Every fault has its own stream of chance, so leaving one out does not change what the others do. It does change
what happens in between: a candidate that passes with the failure's seed is tried with others before it is
given up. That is dear, so it is done for no faults at all, and then only once the failure's own seed has left few.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from coda_executive.nemesis.schedule import PlannedFault, Schedule

T = TypeVar("T")

RESEEDS = 20  # other seeds that a candidate is tried with
_SHORTER = (0.25, 0.5)
_SHORTEST = 0.1  # seconds

# The first seed with which a schedule fails in the same way, of those given; None if it passes with all.
Fails = Callable[[Schedule, Sequence[int]], int | None]


class Case(msgspec.Struct, frozen=True):
    """A failing run."""

    seed: int
    schedule: Schedule


def shrink(case: Case, fails: Fails, *, budget: int) -> Case:
    """A case that fails in the same way with as few and short faults as were found within `budget` schedules."""
    best, left = case, budget

    def with_seeds(others: Callable[[int], Sequence[int]]) -> Callable[[Sequence[PlannedFault]], bool]:
        def try_(faults: Sequence[PlannedFault]) -> bool:
            nonlocal best, left
            if left <= 0:
                return False
            left -= 1
            schedule = _with(best.schedule, faults)
            seed = fails(schedule, [best.seed, *others(best.seed)])
            if seed is not None:
                best = Case(seed, schedule)
            return seed is not None

        return try_

    one, many = with_seeds(lambda _: ()), with_seeds(reseeds)
    if not best.schedule.faults or many(()):
        return best
    fewest(best.schedule.faults, one)
    fewest(best.schedule.faults, many)
    _shorten(lambda: best.schedule.faults, one)
    return best


def reseeds(seed: int) -> tuple[int, ...]:
    """Other seeds to try, the same ones each time."""
    return tuple((seed * 1_000_003 + number) % 2**31 for number in range(1, RESEEDS + 1))


def fewest(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Delta debugging: a subsequence that fails, of which no single item can be left out as far as was tried.

    That none of the items is needed is for the caller to try.
    """
    kept, parts = list(items), 2
    while len(kept) > 1:
        for rest in _without_a_part(kept, parts):
            if fails(rest):
                kept, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(kept):
                break
            parts = min(2 * parts, len(kept))
    return kept


def _without_a_part(items: list[T], parts: int) -> Iterator[list[T]]:
    for part in range(parts):
        start, end = len(items) * part // parts, len(items) * (part + 1) // parts
        if start < end:
            yield items[:start] + items[end:]


def _shorten(
    faults: Callable[[], Sequence[PlannedFault]], fails: Callable[[Sequence[PlannedFault]], bool]
) -> None:
    for number in range(len(faults())):
        for share in _SHORTER:
            now = faults()
            duration = max(_SHORTEST, round(now[number].duration * share, 3))
            if duration >= now[number].duration:
                continue
            shorter = msgspec.structs.replace(now[number], duration=duration)
            if fails([*now[:number], shorter, *now[number + 1 :]]):
                break


def _with(schedule: Schedule, faults: Iterable[PlannedFault]) -> Schedule:
    return msgspec.structs.replace(schedule, faults=tuple(faults))
