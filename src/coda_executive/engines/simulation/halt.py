"""Reasons for a process to stand still: it is paused, or waits for its disk. It goes on when none is left."""

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.process import Process


class Halt:
    """The reasons of one process, which never has the same one twice."""

    def __init__(self, loop: SimulatedEventLoop, process: Process) -> None:
        self._loop = loop
        self._process = process
        self._reasons: set[str] = set()  # never iterated

    def begin(self, reason: str) -> None:
        if not self._reasons:
            self._loop.freeze(self._process)
        self._reasons.add(reason)

    def end(self, reason: str) -> None:
        """Does nothing without this reason."""
        if reason in self._reasons:
            self._reasons.discard(reason)
            if not self._reasons and not self._process.is_gone:
                self._loop.thaw(self._process)
