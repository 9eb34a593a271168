"""Making a failure smaller: which faults matter, with which seed, and how long they must last."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from coda_executive.exploration.shrink import RESEEDS, Case, fewest, reseeds, shrink
from coda_executive.nemesis.faults import Kill, Pause
from coda_executive.nemesis.schedule import PlannedFault, Schedule


def schedule(*durations: float, killed: Sequence[int] = ()) -> Schedule:
    """Faults that begin one second apart; those named are kills."""
    faults = (
        PlannedFault(float(number), duration, Kill() if number in killed else Pause(), key=number)
        for number, duration in enumerate(durations)
    )
    return Schedule(100.0, tuple(faults))


def keys(case: Case) -> list[int]:
    return [planned.key for planned in case.schedule.faults]


@given(st.lists(st.integers(), max_size=30, unique=True), st.data())
def test_only_what_is_needed_together_is_kept(items: list[int], data: st.DataObject) -> None:
    needed = set(data.draw(st.lists(st.sampled_from(items), max_size=4))) if items else set()

    kept = fewest(items, lambda rest: needed <= set(rest))

    assert sorted(kept) == sorted(needed) if needed else len(kept) <= 1


def test_nothing_is_kept_of_faults_that_do_not_matter() -> None:
    case = shrink(Case(1, schedule(1, 2, 3)), lambda _schedule, seeds: seeds[0], budget=10)
    assert case == Case(1, Schedule(100.0, ()))


def test_a_fault_that_matters_stays_and_gets_shorter() -> None:
    def fails(tried: Schedule, seeds: Sequence[int]) -> int | None:
        return seeds[0] if any(f.key == 2 and f.duration >= 3 for f in tried.faults) else None

    case = shrink(Case(1, schedule(5, 5, 20, 5)), fails, budget=100)

    assert keys(case) == [2]
    assert case.schedule.faults[0].duration == 5


def test_a_smaller_case_may_fail_with_another_seed_only() -> None:
    other = reseeds(1)[3]

    def fails(tried: Schedule, seeds: Sequence[int]) -> int | None:
        wanted = 1 if len(tried.faults) == 4 else other
        return wanted if wanted in seeds and any(f.key == 0 for f in tried.faults) else None

    case = shrink(Case(1, schedule(1, 1, 1, 1)), fails, budget=100)

    assert (case.seed, keys(case)) == (other, [0])


def test_other_seeds_are_tried_for_what_the_failure_s_own_has_left() -> None:
    """Of sixteen faults one is needed; before only that one is left, a candidate costs one run."""
    runs: list[tuple[int, int]] = []

    def fails(tried: Schedule, seeds: Sequence[int]) -> int | None:
        runs.append((len(tried.faults), len(seeds)))
        return seeds[0] if any(f.key == 11 for f in tried.faults) else None

    shrink(Case(1, schedule(*[1.0] * 16)), fails, budget=100)

    assert {count for count, seeds in runs if seeds > 1} <= {0, 1}


def test_shrinking_stops_when_its_budget_is_spent() -> None:
    tried: list[Schedule] = []

    def fails(candidate: Schedule, _seeds: Sequence[int]) -> int | None:
        tried.append(candidate)
        return None

    assert shrink(Case(1, schedule(*[1.0] * 16)), fails, budget=7) == Case(1, schedule(*[1.0] * 16))
    assert len(tried) == 7


def test_seeds_to_try_are_the_same_each_time_and_all_different() -> None:
    assert reseeds(5) == reseeds(5)
    assert len({5, *reseeds(5)}) == RESEEDS + 1
