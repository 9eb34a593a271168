"""How long a log line takes from the daemon that writes it to the run that sees it. Pure.

A daemon's clock and the run's differ by something that nobody knows, and that the fault of a clock may change. The
line that came quickest tells it: what others took longer is their delay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from coda_executive.config.node_id import NodeId
from coda_executive.interfaces.log_engine import LogRecord

MUCH_DELAY = 1.0  # seconds
_CLOCK_STEP = 60.0  # seconds; a greater difference is a clock that was put right or wrong


@dataclass(slots=True)
class _Node:
    quickest: float
    last: float = 0.0
    worst: float = 0.0
    worst_ns: int = 0


@lru_cache(maxsize=64)  # in virtual time, all nodes write much at one instant
def _seconds(timestamp: str) -> float | None:
    """Since the Unix epoch."""
    try:
        return datetime.fromisoformat(timestamp).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


class DeliveryDelay:
    """Takes in each line with a time stamp; `worst_since` and `last` are seconds."""

    def __init__(self) -> None:
        self._nodes: dict[NodeId, _Node] = {}

    def take(self, records: Sequence[LogRecord], now_ns: int) -> None:
        """A time stamp that cannot be read tells nothing."""
        node: NodeId | None = None
        timestamp: str | None = None
        difference: float | None = None
        for record in records:
            # A node writes several lines at once, and in virtual time all nodes write with one time stamp.
            if record.timestamp != timestamp:
                timestamp = record.timestamp
                written = None if timestamp is None else _seconds(timestamp)
                difference = None if written is None else now_ns / 1e9 - written
            elif record.node is node:
                continue
            node = record.node
            if difference is not None:
                self._take(node, difference, now_ns)

    def _take(self, node: NodeId, difference: float, now_ns: int) -> None:
        known = self._nodes.get(node)
        if known is None or abs(difference - known.quickest) > _CLOCK_STEP:
            self._nodes[node] = _Node(difference)
            return
        known.quickest = min(known.quickest, difference)
        known.last = difference - known.quickest
        if known.last >= known.worst:
            known.worst, known.worst_ns = known.last, now_ns

    @property
    def worst(self) -> float:
        """Seconds."""
        return max((node.worst for node in self._nodes.values()), default=0.0)

    def __str__(self) -> str:
        if not self._nodes:
            return "no line with a time was seen"
        name, worst = max(self._nodes.items(), key=lambda item: item[1].worst)
        last = max(node.last for node in self._nodes.values())
        return (
            f"each node's last one was seen at most {last:.2f} s after it was written, the latest of all after "
            f"{worst.worst:.2f} s ({name}, {worst.worst_ns / 1e9:.1f} s after the run began)"
        )
