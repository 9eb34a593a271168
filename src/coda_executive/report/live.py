"""Progress on a terminal: one live line per node, the current wait, and how far it is."""

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from coda_executive.executive.monitor import RunView
from coda_executive.observation.history import HistoryRecord
from coda_executive.observation.network_state import NodeState
from coda_executive.support.clock import monotonic

_REFRESHES_PER_SECOND = 8


class LiveMonitor:
    """Draws from a thread of rich's own, which only reads values that do not change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._view: RunView | None = None
        self._began = monotonic()

    def began(self, view: RunView) -> None:
        self._view = view
        self._began = monotonic()
        self._console.print(f"{view.test} on {view.engine}, seed {view.seed}")
        self._live = Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def phase(self, name: str) -> None: ...

    def notice(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def recorded(self, record: HistoryRecord) -> None: ...

    def ended(self) -> None:
        if self._live is not None:
            self._live.stop()

    def _render(self) -> RenderableType:
        view = self._view
        if view is None:
            return Text("")
        elapsed = f"{monotonic() - self._began:6.1f} s"
        lines: list[RenderableType] = [Text(f"{elapsed}  {view.phase}", style="bold")]
        dsl = view.dsl
        if dsl is None:
            return Group(*lines)
        state = dsl.state
        table = Table(box=None, pad_edge=False, show_header=False)
        for planned in dsl.testnet.plan.nodes:
            node = state.node(planned.id)
            table.add_row(
                Text(planned.id),
                Text(node.summary, style=_style(node)),
                Text(f"…{node.best_tip[-8:]}" if node.best_tip else "", style="dim"),
            )
        lines.append(table)
        lines += [
            Text(f"waiting for {wait.condition.description}: {wait.progress}", style="cyan")
            for wait in list(dsl.waits)
        ]
        return Group(*lines)


def _style(node: NodeState) -> str:
    if node.initialized:
        return "green"
    return "yellow" if node.running else "red"
