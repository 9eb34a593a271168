"""An engine: a way to run testnets, found by entry point (group `coda_executive.engines`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:  # engines are listed by command lines that must answer at once
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    import msgspec

    from coda_executive.config.node_id import NodeId
    from coda_executive.errors import EngineError
    from coda_executive.events.event import LifecycleEvent
    from coda_executive.interfaces.log_engine import LogEngine
    from coda_executive.interfaces.network_manager import NetworkManager

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` looked at; `remedy` says what to install or change when it is not `ok`."""

    subject: str
    ok: bool
    detail: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What an engine is told about a run.

    `directory` is the run's own and exists; a node's log must end up in `directory/"nodes"/ID/"daemon.log"`.
    `publish` takes a life-cycle event into the history at once; `fail` ends the run for a failure of the
    infrastructure outside of any call. Call both on the event loop. `daemon` is the user's choice, None for the
    reference daemon. `needs` are the capabilities that the test names: an engine may leave out the others.
    `notice` shows the user a line that says nothing of a failure.
    Without `keeps_logs` nobody will read what nodes wrote: an engine that does not need the files makes none.
    """

    run_id: str
    directory: Path
    seed: int
    daemon: str | None
    publish: Callable[[NodeId, LifecycleEvent], None]
    fail: Callable[[EngineError], None]
    needs: tuple[type, ...] = ()
    keeps_logs: bool = True
    notice: Callable[[str], None] = lambda _line: None


@dataclass(frozen=True, slots=True)
class Session:
    """An engine's two halves for one run."""

    manager: NetworkManager
    log_engine: LogEngine


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def summary(self) -> str:
        """One line for `coda-executive engines`."""

    @property
    def options_type(self) -> type[msgspec.Struct]:
        """The engine's own options; command-line flags and validation are made from its fields and their
        `Meta`.
        """

    @property
    def capabilities(self) -> tuple[type, ...]:
        """Protocols of `capabilities` that its nodes satisfy."""

    def check(self) -> tuple[Finding, ...]:
        """Whether it can run here, and what is missing if not. Fast; starts nothing."""

    def run(self, main: Callable[[], Coroutine[Any, Any, T]], *, seed: int) -> T:
        """Run a coroutine on the event loop that the engine needs, like `asyncio.run`."""

    def open(self, context: RunContext, options: msgspec.Struct) -> Session:
        """The manager and log engine of one run; touches nothing yet. Call it on the event loop."""
