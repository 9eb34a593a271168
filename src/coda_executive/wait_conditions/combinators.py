"""Conditions made of conditions."""

from collections.abc import Awaitable, Callable, Sequence

from coda_executive.observation.network_state import NetworkState
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

_NS = 1_000_000_000


def all_of(*conditions: WaitCondition) -> WaitCondition:
    """All are true at one moment. The wait answers the list of their answers."""

    def decide(verdicts: Sequence[Verdict]) -> Verdict:
        for verdict in verdicts:
            if isinstance(verdict, Unreachable):
                return verdict
        reached = [verdict.value for verdict in verdicts if isinstance(verdict, Reached)]
        return Reached(reached) if len(reached) == len(verdicts) else _not_yet(verdicts)

    return _combined("all of", conditions, decide)


def any_of(*conditions: WaitCondition) -> WaitCondition:
    """At least one is true; impossible once all are. The wait answers that one's answer."""

    def decide(verdicts: Sequence[Verdict]) -> Verdict:
        return next((v for v in verdicts if isinstance(v, Reached)), None) or _hopeless_or_not_yet(verdicts)

    return _combined("any of", conditions, decide)


def first_of(*conditions: WaitCondition) -> WaitCondition:
    """As any_of, but the wait answers the number of the one that is true, from 0; the least of several."""

    def decide(verdicts: Sequence[Verdict]) -> Verdict:
        for number, verdict in enumerate(verdicts):
            if isinstance(verdict, Reached):
                return Reached(number)
        return _hopeless_or_not_yet(verdicts)

    return _combined("the first of", conditions, decide)


def negate(condition: WaitCondition) -> WaitCondition:
    """The condition is not true. One that is not true when the wait begins needs no waiting: see never_during."""

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        inner = condition.begin(before, facts)

        def check(now: NetworkState) -> Verdict:
            return NotYet("it still holds") if isinstance(inner(now), Reached) else Reached()

        return check

    return WaitCondition(f"not ({condition.description})", begin, condition.limits, condition.refresh)


def stable_for(span: Span, condition: WaitCondition) -> WaitCondition:
    """The condition stays true for this long, looked at after every observation."""

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        inner = condition.begin(before, facts)
        length_ns = _in_ns(span, facts)
        since: int | None = None

        def check(now: NetworkState) -> Verdict:
            nonlocal since
            verdict = inner(now)
            if not isinstance(verdict, Reached):
                since = None
                return verdict
            since = now.time_ns if since is None else since
            if now.time_ns - since >= length_ns:
                return verdict
            held = (now.time_ns - since) / _NS
            return NotYet(f"true for {held:.1f} of {length_ns / _NS:.1f} s", since + length_ns)

        return check

    def limits(now: NetworkState, facts: NetworkFacts) -> Limits:
        inner = condition.limits(now, facts)
        return Limits(_sum(inner.soft, span), _sum(inner.hard, span), inner.are_quantiles)

    return WaitCondition(
        f"{condition.description}, for {span} on end", begin, limits, condition.refresh, condition.near_misses
    )


def never_during(span: Span, condition: WaitCondition) -> WaitCondition:
    """The condition is not true once in this time; as soon as it is, the wait fails."""

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        inner = condition.begin(before, facts)
        length_ns = _in_ns(span, facts)
        first: int | None = None

        def check(now: NetworkState) -> Verdict:
            nonlocal first
            first = now.time_ns if first is None else first
            verdict = inner(now)
            if isinstance(verdict, Reached):
                return Unreachable(f"it came true {(now.time_ns - first) / _NS:.1f} s after the wait began")
            if now.time_ns - first >= length_ns:
                return Reached()
            return NotYet(f"not in {(now.time_ns - first) / _NS:.1f} s", first + length_ns)

        return check

    def limits(_now: NetworkState, _facts: NetworkFacts) -> Limits:
        # It takes exactly its span: what is added is for a busy machine.
        return Limits(_sum(span, Span(slots=1, seconds=5)), _sum(span, Span(slots=2, seconds=30)))

    return WaitCondition(f"never in {span}: {condition.description}", begin, limits, condition.refresh)


def _combined(
    word: str, conditions: Sequence[WaitCondition], decide: Callable[[Sequence[Verdict]], Verdict]
) -> WaitCondition:
    if not conditions:
        raise ValueError(f"{word} nothing: give at least one condition")

    def begin(before: NetworkState, facts: NetworkFacts) -> Check:
        checks = [condition.begin(before, facts) for condition in conditions]
        return lambda now: decide([check(now) for check in checks])

    def limits(now: NetworkState, facts: NetworkFacts) -> Limits:
        every = [condition.limits(now, facts) for condition in conditions]
        slot_ms = facts.constants.slot_ms
        return Limits(
            max((each.soft for each in every), key=lambda span: span.in_seconds(slot_ms)),
            max((each.hard for each in every), key=lambda span: span.in_seconds(slot_ms)),
            all(each.are_quantiles for each in every),
        )

    def near_misses(before: NetworkState, now: NetworkState) -> tuple[str, ...]:
        return tuple(line for condition in conditions for line in condition.near_misses(before, now))

    described = ", ".join(condition.description for condition in conditions)
    return WaitCondition(f"{word} ({described})", begin, limits, _refresh_all(conditions), near_misses)


def _refresh_all(conditions: Sequence[WaitCondition]) -> Callable[[], Awaitable[None]] | None:
    refreshes = [condition.refresh for condition in conditions if condition.refresh is not None]

    async def refresh() -> None:
        for each in refreshes:
            await each()

    return refresh if refreshes else None


def _hopeless_or_not_yet(verdicts: Sequence[Verdict]) -> Verdict:
    reasons = [verdict.reason for verdict in verdicts if isinstance(verdict, Unreachable)]
    if len(reasons) == len(verdicts):
        return Unreachable("; ".join(reasons))
    return _not_yet(verdicts)


def _not_yet(verdicts: Sequence[Verdict]) -> NotYet:
    """How far each one got, and the earliest time at which one of them changes by itself."""
    told: list[str] = []
    times: list[int] = []
    for verdict in verdicts:
        match verdict:
            case Reached():
                told.append("reached")
            case Unreachable(reason):
                told.append(f"impossible: {reason}")
            case NotYet(progress, look_again_ns):
                told.append(progress)
                times += [] if look_again_ns is None else [look_again_ns]
    return NotYet(" | ".join(told), min(times, default=None))


def _in_ns(span: Span, facts: NetworkFacts) -> int:
    return round(span.in_seconds(facts.constants.slot_ms) * _NS)


def _sum(one: Span, other: Span) -> Span:
    return Span(one.slots + other.slots, one.seconds + other.seconds)
