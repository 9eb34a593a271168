"""Why a wait failed: what each node said last and how it moved, who is dead or silent, what was nearly it."""

from collections.abc import Sequence

from coda_executive.config.node_id import NodeId
from coda_executive.observation.network_state import NetworkState, apply

MOST_CHANGES = 10  # of a value, that are told
_SILENT_SLOTS = 5.0  # a node that takes part speaks several times a slot


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
        if node.last_event_ns is not None:
            silence = (now.time_ns - node.last_event_ns) / 1e9
            if node.takes_part and silence > _SILENT_SLOTS * slot_ms / 1000:
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
            changes.setdefault(seen.node, []).append((seen.time_ns, new))
    return changes
