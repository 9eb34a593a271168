"""Who watches a run while it goes on: a console, or nobody."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coda_executive.dsl.dsl import Dsl
from coda_executive.observation.history import HistoryRecord


@dataclass(slots=True)
class RunView:
    """A live run as a watcher sees it; the run changes it, a watcher only reads. `dsl` is there while the
    test's body runs.
    """

    test: str
    engine: str
    seed: int
    directory: Path
    phase: str = "starting"
    dsl: Dsl | None = None


class Monitor(Protocol):
    """Told of everything on the run's own event loop; must not block."""

    def began(self, view: RunView) -> None: ...

    def phase(self, name: str) -> None: ...

    def notice(self, text: str) -> None:
        """One line that the user should see now."""

    def recorded(self, record: HistoryRecord) -> None:
        """Something was added to the history."""

    def ended(self) -> None: ...
