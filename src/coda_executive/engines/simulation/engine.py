"""The simulation engine: the testnet and the executive in one process and in virtual time."""

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

import msgspec

from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.interfaces.capabilities import (
    ClockSkewable,
    CpuThrottleable,
    DiskFaultable,
    Killable,
    LinkShapeable,
    Partitionable,
    Pausable,
    Resettable,
    Upgradable,
)
from coda_executive.interfaces.engine import Finding, RunContext, Session

T = TypeVar("T")


class SimulationEngine:
    """Satisfies Engine. What it runs on is imported when it is used: listing the engines must be quick."""

    name = "simulation"
    summary = "in this process and in virtual time; a seed repeats a run exactly"
    options_type: type[msgspec.Struct] = SimulationOptions
    capabilities: tuple[type, ...] = (
        Killable,
        Pausable,
        Partitionable,
        LinkShapeable,
        Resettable,
        ClockSkewable,
        DiskFaultable,
        CpuThrottleable,
        Upgradable,
    )

    def check(self) -> tuple[Finding, ...]:
        from coda_executive.engines.simulation.daemons import GROUP, daemon_names

        names = daemon_names()
        remedy = None if names else f"install a package with an entry point in {GROUP}"
        return (Finding("simulated daemons", bool(names), ", ".join(names) or "none is installed", remedy),)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]], *, seed: int) -> T:
        """In virtual time, beginning at 0. The seed counts from `open` on: the loop itself draws nothing
        before.
        """
        from coda_executive.engines.simulation.event_loop import run

        return run(main)

    def open(self, context: RunContext, options: msgspec.Struct) -> Session:
        from coda_executive.engines.simulation.event_loop import running_loop
        from coda_executive.engines.simulation.log_engine import SimulatedLogEngine
        from coda_executive.engines.simulation.manager import SimulatedNetworkManager
        from coda_executive.engines.simulation.trace import Trace, text_writer

        assert isinstance(options, SimulationOptions)
        loop = running_loop()
        if context.keeps_logs and (options.trace or options.trace_text):
            path = context.directory / "trace.txt"
            loop.trace = Trace(text_writer(path) if options.trace_text else None)
        if options.ready_order == "random":
            loop.pick_ready_by(Random(f"{context.seed}:ready order"))  # noqa: S311  repeatable on purpose
        if options.audit:
            loop.audit()
        log_engine = SimulatedLogEngine()
        return Session(SimulatedNetworkManager(context, options, loop, log_engine), log_engine)
