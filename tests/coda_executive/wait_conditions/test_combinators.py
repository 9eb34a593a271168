"""Conditions made of conditions answer as a reader of their names expects."""

from msgspec.structs import replace
from tests.coda_executive.wait_conditions.states import FACTS, SECOND, A, after

from coda_executive.events.event import SyncStatusChanged
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.combinators import (
    all_of,
    any_of,
    first_of,
    negate,
    never_during,
    stable_for,
)
from coda_executive.wait_conditions.condition import (
    Check,
    NetworkFacts,
    NotYet,
    Reached,
    Unreachable,
    Verdict,
    WaitCondition,
)
from coda_executive.wait_conditions.limits import Limits, Span


def saying(verdict: Verdict, *, hard: Span | None = None) -> WaitCondition:
    """A condition that always answers the same."""
    hard = hard or Span(slots=4)
    limits = Limits(hard, hard)
    return WaitCondition("it", lambda before, facts: lambda now: verdict, lambda now, facts: limits)


def when_synced() -> WaitCondition:
    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        return lambda now: Reached() if now.node(A).sync_status == "SYNCED" else NotYet("no")

    return WaitCondition("sync", begin, lambda now, facts: Limits(Span(slots=4), Span(slots=8)))


def status(name: str, *, seconds: float) -> NetworkState:
    return after((A, SyncStatusChanged(name)), seconds=seconds)


def at(state: NetworkState, seconds: float) -> NetworkState:
    return replace(state, time_ns=round(seconds * SECOND))


def verdict_of(condition: WaitCondition) -> Verdict:
    return condition.begin(NetworkState(), FACTS)(NetworkState())


YES, NO, NEVER = saying(Reached("yes")), saying(NotYet("half")), saying(Unreachable("dead"))


def test_all_need_all_and_one_that_is_impossible_ends_it() -> None:
    assert verdict_of(all_of(YES, YES)) == Reached(["yes", "yes"])
    assert verdict_of(all_of(YES, NO)) == NotYet("reached | half")
    assert verdict_of(all_of(NO, NEVER)) == Unreachable("dead")


def test_any_needs_one_and_is_impossible_once_all_are() -> None:
    assert verdict_of(any_of(NO, YES)) == Reached("yes")
    assert verdict_of(any_of(NO, NEVER)) == NotYet("half | impossible: dead")
    assert verdict_of(any_of(NEVER, NEVER)) == Unreachable("dead; dead")


def test_the_first_is_told_by_its_number() -> None:
    assert verdict_of(first_of(NO, YES, YES)) == Reached(1)
    assert verdict_of(first_of(NO, NO)) == NotYet("half | half")


def test_not() -> None:
    assert verdict_of(negate(NO)) == Reached()
    assert verdict_of(negate(YES)) == NotYet("it still holds")


def test_stable_begins_again_after_each_interruption() -> None:
    check = stable_for(Span(seconds=3), when_synced()).begin(NetworkState(), FACTS)
    synced, lost = status("SYNCED", seconds=1), status("CATCHUP", seconds=2)

    assert check(synced) == NotYet("true for 0.0 of 3.0 s", 4 * SECOND)
    assert check(lost) == NotYet("no")
    assert check(at(synced, 5)) == NotYet("true for 0.0 of 3.0 s", 8 * SECOND)
    assert check(at(synced, 7)) == NotYet("true for 2.0 of 3.0 s", 8 * SECOND)
    assert check(at(synced, 8)) == Reached()


def test_never_fails_as_soon_as_it_happens_and_passes_when_the_time_is_over() -> None:
    condition = never_during(Span(seconds=3), when_synced())
    begin, lost = status("CATCHUP", seconds=1), status("CATCHUP", seconds=1)

    happens = condition.begin(begin, FACTS)
    assert happens(lost) == NotYet("not in 0.0 s", 4 * SECOND)
    assert happens(status("SYNCED", seconds=2)) == Unreachable("it came true 1.0 s after the wait began")

    passes = condition.begin(begin, FACTS)
    assert isinstance(passes(lost), NotYet)
    assert passes(at(lost, 4)) == Reached()


def test_limits_are_the_longest_of_several_and_the_sum_of_what_follows_each_other() -> None:
    short, long = saying(Reached(), hard=Span(slots=2)), saying(Reached(), hard=Span(seconds=30))

    assert all_of(short, long).limits(NetworkState(), FACTS).hard == Span(seconds=30)
    assert stable_for(Span(seconds=3), short).limits(NetworkState(), FACTS).hard == Span(2, 3)
    assert YES.within(Span(slots=1)).limits(NetworkState(), FACTS) == Limits(Span(slots=1), Span(slots=1))


def test_the_earliest_time_of_several_counts() -> None:
    timed = (stable_for(Span(seconds=seconds), YES) for seconds in (5, 2))

    assert verdict_of(all_of(*timed)) == NotYet("true for 0.0 of 5.0 s | true for 0.0 of 2.0 s", 2 * SECOND)
