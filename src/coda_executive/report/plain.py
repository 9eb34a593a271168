"""Progress as plain lines, for logs and pipes."""

from collections.abc import Callable

from coda_executive.events.event import CompanionCrashed, NodeCrashed, NodeInitialized
from coda_executive.executive.monitor import RunView
from coda_executive.observation.history import (
    EventSeen,
    FaultBegan,
    FaultEnded,
    HistoryRecord,
    SectionBegan,
    WaitBegan,
    WaitEnded,
)
from coda_executive.support.clock import monotonic

_QUIET_SECONDS = 10.0


class PlainMonitor:
    """Prints a line for each phase, section and wait, and at least each 10 s of real time how far a wait got."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._view: RunView | None = None
        self._last = monotonic()

    def began(self, view: RunView) -> None:
        self._view = view
        self._say(f"{view.test} on {view.engine}, seed {view.seed}, in {view.directory}")

    def phase(self, name: str) -> None:
        self._say(f"phase {name}")

    def notice(self, text: str) -> None:
        self._say(text)

    def recorded(self, record: HistoryRecord) -> None:
        match record:
            case SectionBegan(path=path):
                self._say(f"section {' / '.join(path)}")
            case WaitBegan(description=description, soft=soft, hard=hard):
                self._say(f"waiting for {description} (soft limit {soft}, hard limit {hard})")
            case WaitEnded(description=description, result=result):
                self._say(f"{result}: {description}")
            case FaultBegan(number=number, description=description, nodes=nodes):
                self._say(f"fault {number} begins: {description} ({', '.join(nodes)})")
            case FaultEnded(number=number):
                self._say(f"fault {number} is healed")
            case EventSeen(node=node, event=NodeInitialized()):
                self._say(f"{node} is initialised")
            case EventSeen(node=node, event=NodeCrashed(exit_code=code, signal=signal)):
                self._say(f"{node} CRASHED: {signal or f'exit code {code}'}")
            case EventSeen(event=CompanionCrashed(companion=process, exit_code=code, signal=signal)):
                self._say(f"{process} CRASHED: {signal or f'exit code {code}'}")
            case _:
                self._progress()

    def ended(self) -> None:
        self._view = None

    def _progress(self) -> None:
        if monotonic() - self._last < _QUIET_SECONDS or self._view is None or self._view.dsl is None:
            return
        for wait in self._view.dsl.waits:
            self._say(f"still waiting for {wait.condition.description}: {wait.progress or 'nothing yet'}")

    def _say(self, text: str) -> None:
        self._last = monotonic()
        self._write(text)
