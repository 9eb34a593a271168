"""When faults of the nemesis were at work: protocol promises that assume a connected network hold between them."""

from dataclasses import dataclass, field

from coda_executive.config.node_id import NodeId
from coda_executive.observation.history import FaultBegan, FaultEnded


@dataclass(slots=True)
class FaultLog:
    """Folds the beginnings and ends of faults; times are nanoseconds since the run began."""

    _active: dict[int, tuple[int, frozenset[NodeId]]] = field(default_factory=dict)  # since when, on whom
    _ended: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_any_active(self) -> bool:
        return bool(self._active)

    @property
    def disturbed(self) -> frozenset[NodeId]:
        """The nodes that faults are at work on."""
        return frozenset().union(*(nodes for _began, nodes in self._active.values()))

    def take(self, time_ns: int, record: FaultBegan | FaultEnded) -> None:
        if isinstance(record, FaultBegan):
            self._active[record.number] = (time_ns, frozenset(record.nodes))
        else:
            began = self._active.pop(record.number, None)
            if began is not None:
                self._ended.append((began[0], time_ns))

    def cover(self, from_ns: int, to_ns: int, *, before_ns: int, after_ns: int) -> bool:
        """Whether one fault was at work all the time. Its effects are granted to begin `before_ns` earlier, for
        what was on its way when it began, and to last `after_ns` longer.
        """
        latest = from_ns + before_ns
        return any(began <= latest for began, _nodes in self._active.values()) or any(
            began <= latest and to_ns <= ended + after_ns for began, ended in self._ended
        )
