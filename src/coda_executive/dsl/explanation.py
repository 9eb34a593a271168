"""Why a wait failed: what each node said last and how it moved, who is dead or silent, what was nearly it, what else
went on, and what to do next. Pure.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.suspicions import suspicions
from coda_executive.errors import WaitTimeout, WaitUnreachable, logs_of
from coda_executive.events.event import ErrorLogged
from coda_executive.interfaces.host import HostLoad
from coda_executive.observation.delivery import MUCH_DELAY, DeliveryDelay
from coda_executive.observation.network_state import NetworkState, apply
from coda_executive.wait_conditions.condition import NetworkFacts, WaitCondition
from coda_executive.wait_conditions.happenings import TOO_EARLY
from coda_executive.wait_conditions.limits import Limits

MOST_CHANGES = 10  # of a value, that are told
_SILENT_SLOTS = 5.0  # a node that takes part speaks several times a slot
_MOST_LOGS_TO_READ = 2


@dataclass(slots=True)
class WaitInProgress:
    """A wait that goes on: what for, since when (nanoseconds since the run began), its limits, how far it got,
    and the last changes of that, with their times.
    """

    condition: WaitCondition
    began_ns: int
    limits: Limits
    progress: str = ""
    moved: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=MOST_CHANGES))

    def note(self, progress: str, now_ns: int) -> None:
        if progress != self.progress:
            self.progress = progress
            self.moved.append((now_ns, progress))


@dataclass(frozen=True, slots=True)
class Around:
    """What went on around the nodes: faults at work, loads, how late log lines came, how busy the machine was."""

    faults: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    delay: DeliveryDelay | None = None
    host: HostLoad | None = None

    def lines(self) -> Iterator[str]:
        yield from (f"at work: {fault}" for fault in self.faults)
        yield from (f"beside it: {load}" for load in self.loads)
        # In virtual time lines come at once, and there is no machine.
        if self.delay is not None and (self.host is not None or self.delay.worst > 0):
            yield f"log lines: {self.delay}"
        if self.host is not None:
            yield f"machine: {self.host}"

    @property
    def is_slow(self) -> bool:
        return (self.host is not None and self.host.is_overloaded) or (
            self.delay is not None and self.delay.worst > MUCH_DELAY
        )


@dataclass(frozen=True, slots=True)
class Scenery:
    """A wait's two ends: the states when it began and when it failed, of which nodes, and what was around."""

    names: Sequence[NodeId]
    before: NetworkState
    now: NetworkState
    facts: NetworkFacts
    around: Around


def timed_out(wait: WaitInProgress, seconds: float, scenery: Scenery) -> WaitTimeout:
    """The error of a wait that overran its hard limit of so many seconds, with all that explains it."""
    before, now = scenery.before, scenery.now
    error = WaitTimeout(
        wait.condition.description,
        wait.limits.hard,
        seconds,
        wait.progress,
        node_lines(scenery.names, before, now, slot_ms=scenery.facts.constants.slot_ms),
        is_quantile=wait.limits.are_quantiles,
    )
    steps = [f"+{(time_ns - wait.began_ns) / 1e9:.1f} s {text}" for time_ns, text in wait.moved]
    if len(steps) > 1:
        error.add_note(f"how it went: {'; '.join(steps)}")
    near = wait.condition.near_misses(before, now)
    for line in near:
        error.add_note(f"near miss: {line}")
    suspected = suspicions(before, now, scenery.facts)
    for line in suspected:
        error.add_note(f"suspicion: {line}")
    for line in scenery.around.lines():
        error.add_note(line)
    for step in _next_steps(near, suspected, scenery):
        error.add_note(f"next: {step}")
    return error


def unreachable(wait: WaitInProgress, reason: str, scenery: Scenery) -> WaitUnreachable:
    """The error of a wait that can no longer come true."""
    error = WaitUnreachable(wait.condition.description, reason, wait.progress)
    near = wait.condition.near_misses(scenery.before, scenery.now)
    for line in near:
        error.add_note(f"near miss: {line}")
    for fault in scenery.around.faults:
        error.add_note(f"at work: {fault}")
    for step in _next_steps(near, (), scenery):
        error.add_note(f"next: {step}")
    return error


def _next_steps(near: Sequence[str], suspected: Sequence[str], scenery: Scenery) -> Iterator[str]:
    """What the reader should do, the most promising first. RUN stands for the run directory."""
    now = scenery.now
    if any(TOO_EARLY in line for line in near):
        yield "begin to wait before what causes it: take `cursor = dsl.cursor()` there, and wait `since=cursor`"
    odd = [
        name
        for name in scenery.names
        if _is_odd(name, scenery) or any(line.startswith(f"{name} ") for line in suspected)
    ]
    for name in odd[:_MOST_LOGS_TO_READ]:
        yield logs_of(name)
    if scenery.around.is_slow:
        yield "the machine was too slow: run it alone, or stretch every limit with --timeout-factor 3"
    if not odd:
        complained = any(
            seen.event.level != "Warn"
            for seen in now.events.since(scenery.before.events.end)
            if isinstance(seen.event, ErrorLogged)
        )
        yield "coda-executive logs RUN --filter '.level >= \"" + ("Error" if complained else "Warn") + "\"'"
    if scenery.around.faults:
        yield "repeat it without the faults at work, to see whether they are the cause"
    yield "repeat it with --pause-on-failure, and look at the network while it is up"


def _is_odd(name: NodeId, scenery: Scenery) -> bool:
    """Whether it is dead or silent, of those that were started."""
    node = scenery.now.node(name)
    return (node.started and not node.takes_part) or _silence(
        name, scenery.now, scenery.facts.constants.slot_ms
    ) > 0


def _silence(name: NodeId, now: NetworkState, slot_ms: int) -> float:
    """Seconds for which a node has been silent that should not be; 0 for others."""
    node = now.node(name)
    if node.last_event_ns is None or not node.takes_part:
        return 0.0
    silence = (now.time_ns - node.last_event_ns) / 1e9
    return silence if silence > _SILENT_SLOTS * slot_ms / 1000 else 0.0


def node_lines(
    names: Sequence[NodeId], before: NetworkState, now: NetworkState, *, slot_ms: int
) -> tuple[str, ...]:
    """One line on each node: its state, its silence if it should not be silent, and its last changes since
    `before`, with their times in seconds after it.
    """
    moved = _changes(before, now)
    lines = []
    for name in names:
        node = now.node(name)
        parts = [node.summary]
        if silence := _silence(name, now, slot_ms):
            parts.append(f"silent for {silence:.1f} s")
        changes = moved.get(name, [])[-MOST_CHANGES:]
        if changes:
            steps = "; ".join(
                f"+{(time_ns - before.time_ns) / 1e9:.1f} s {summary}" for time_ns, summary in changes
            )
            parts.append(f"was: {steps}")
        elif node.started:
            parts.append("no change since the wait began")
        lines.append(f"{name}: {', '.join(parts)}")
    return tuple(lines)


def _changes(before: NetworkState, now: NetworkState) -> dict[NodeId, list[tuple[int, str]]]:
    """When each node's summary changed and to what, by folding the events since `before` again."""
    state = before
    changes: dict[NodeId, list[tuple[int, str]]] = {}
    for seen in now.events.since(before.events.end):
        old = state.node(seen.node).summary
        state = apply(state, seen.node, seen.event, time_ns=seen.time_ns)
        new = state.node(seen.node).summary
        if new != old:
            # The first change is told in full, of later ones what is new.
            known = old.split(", ") if seen.node in changes else []
            told = [part for part in new.split(", ") if part not in known]
            changes.setdefault(seen.node, []).append((seen.time_ns, ", ".join(told) or new))
    return changes
