"""The engine's front: what it is called, what it can do, whether it can run here. Cheap to import."""

import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.engines.local.options import LocalOptions
from coda_executive.errors import EngineError
from coda_executive.interfaces.capabilities import (
    Killable,
    LinkShapeable,
    Partitionable,
    Pausable,
    Resettable,
    Upgradable,
)
from coda_executive.interfaces.engine import Finding, RunContext, Session
from coda_executive.interfaces.keeping import KeptTestnet, Leftover

T = TypeVar("T")


class LocalEngine:
    """Satisfies Engine, Cleanable and Keeper. Needs Linux: subreapers, pidfds and /proc are what nothing gets past."""

    name = "local"
    summary = "daemon processes on this machine, in real time"
    options_type: type[msgspec.Struct] = LocalOptions
    # Links go through proxies, which cost something, only where a test needs one of the three that want them.
    capabilities: tuple[type, ...] = (
        Killable,
        Pausable,
        Upgradable,
        Partitionable,
        LinkShapeable,
        Resettable,
    )

    def check(self) -> tuple[Finding, ...]:
        linux = sys.platform == "linux" and Path("/proc/self/stat").exists() and hasattr(os, "pidfd_open")
        system = Finding(
            "Linux", linux, sys.platform, "Use Linux 5.3 or newer with /proc mounted, or --engine simulation."
        )
        return (system, *((*_state_findings(), _archive_finding()) if linux else ()))

    def find_leftovers(self, older_than: float) -> Sequence[Leftover]:
        """Satisfies Cleanable."""
        from coda_executive.engines.local import leftovers

        return leftovers.find_leftovers(older_than)

    def kept(self) -> Sequence[KeptTestnet]:
        """Satisfies Keeper, as the methods below."""
        from coda_executive.engines.local import kept

        return kept.kept_testnets()

    def renew(self, name: str, lease: float | None) -> None:
        from coda_executive.engines.local import kept

        kept.renew(name, lease)

    def start_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        from coda_executive.engines.local import kept

        kept.start(name, nodes)

    def stop_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        from coda_executive.engines.local import kept

        kept.stop(name, nodes)

    def destroy_kept(self, name: str) -> None:
        from coda_executive.engines.local import kept

        kept.destroy(name)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]], *, seed: int) -> T:
        import asyncio

        del seed  # real processes do not repeat by seed
        return asyncio.run(main())

    def open(self, context: RunContext, options: msgspec.Struct) -> Session:
        from coda_executive.engines.local.manager import LocalManager
        from coda_executive.log_engines.file_tail import FileTail

        assert isinstance(options, LocalOptions)
        manager = LocalManager(context, options)
        return Session(manager, FileTail(manager.log_path))


def _archive_finding() -> Finding:
    """Archives run without a server as well, so this is never a reason not to run."""
    from coda_executive.engines.local.postgresql import find_postgresql, where_archives_are

    return Finding("archives", True, where_archives_are(find_postgresql()))


def _state_findings() -> tuple[Finding, ...]:
    from coda_executive.engines.local.journal import state_directory
    from coda_executive.engines.local.ports import port_range

    try:
        state, state_ok = str(state_directory()), True
    except EngineError as error:
        state, state_ok = str(error), False
    try:
        ports = port_range()
        leased, ports_ok = f"{ports.start} to {ports.stop - 1}", True
    except EngineError as error:
        leased, ports_ok = str(error), False
    return (
        Finding("state directory", state_ok, state, "Set XDG_RUNTIME_DIR to a directory of yours."),
        Finding("ports for nodes", ports_ok, leased, "Set net.ipv4.ip_local_port_range to 32768 60999."),
    )
