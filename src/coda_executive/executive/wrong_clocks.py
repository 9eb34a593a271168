"""Which nodes of a run had wrong clocks, and what was heard of them: their own time stamps do not order their lines."""

from pathlib import Path

from coda_executive.config.node_id import NodeId
from coda_executive.observation.history import EventSeen, FaultBegan, HistoryReader

_FAULT = "SkewClock"


def heard_of_wrong_clocks(directory: Path) -> dict[NodeId, list[tuple[int, int]]]:
    """Of each node whose clock a fault put wrong: the lines that the run heard of, by number, with nanoseconds since
    the run began. Looks into a history in full only where there was such a fault. Raises EngineError, OSError.
    """
    history = directory / "history"
    if not any(f'"{_FAULT}"'.encode() in path.read_bytes() for path in history.glob("*.jsonl")):
        return {}
    wrong: set[NodeId] = set()
    heard: dict[NodeId, dict[int, int]] = {}
    for entry in HistoryReader(history):
        match entry.record:
            case FaultBegan(fault=fault, nodes=nodes) if fault == _FAULT:
                wrong.update(nodes)
            case EventSeen(node=node, line=int(line), times=1):
                heard.setdefault(node, {}).setdefault(line, entry.time_ns)
            case _:
                pass
    return {node: sorted(lines.items()) for node, lines in heard.items() if node in wrong}
