"""What a run has come to, for the analysis after it. Pure."""

from dataclasses import dataclass

from coda_executive.errors import TestFailed
from coda_executive.observation.history import Measured
from coda_executive.observation.network_state import NetworkState


@dataclass(frozen=True, slots=True)
class Results:
    """The last state of the network, with the events that led to it, and what the test collected."""

    state: NetworkState
    measurements: tuple[Measured, ...]

    def values(self, name: str, *, node: str | None = None) -> tuple[float, ...]:
        """What was collected under a name, of a node if one is given, in order. Raises TestFailed if nothing was:
        an analysis of nothing finds nothing wrong.
        """
        found = tuple(
            measured.value
            for measured in self.measurements
            if measured.name == name and node in (None, measured.node)
        )
        if not found:
            known = ", ".join(sorted({repr(measured.name) for measured in self.measurements})) or "nothing"
            of = f" of {node}" if node else ""
            raise TestFailed(f"{name!r}{of} was not collected in this run; {known} was")
        return found
