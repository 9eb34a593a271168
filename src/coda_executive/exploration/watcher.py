"""The monitor of a run that nobody looks at."""

from coda_executive.executive.monitor import RunView
from coda_executive.observation.history import HistoryRecord


class NobodyWatches:
    """Satisfies Monitor."""

    def began(self, view: RunView) -> None: ...

    def phase(self, name: str) -> None: ...

    def notice(self, text: str) -> None: ...

    def recorded(self, record: HistoryRecord) -> None: ...

    def ended(self) -> None: ...
