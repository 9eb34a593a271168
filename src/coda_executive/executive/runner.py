"""From a test and an engine to an outcome and a run directory: the entrance for command lines and libraries."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import msgspec

from coda_executive.dsl.dsl import WaitSettings
from coda_executive.dsl.sections import FoundError, Sections, Severity
from coda_executive.errors import EngineError
from coda_executive.executive.execution import Execution, Failures
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.keeping import Keeping, Pause
from coda_executive.executive.monitor import Monitor, RunView
from coda_executive.executive.outcome import Outcome, Verdict
from coda_executive.executive.replay import has_trace
from coda_executive.executive.run_directory import RunDescription, RunDirectory
from coda_executive.executive.sources import sources_of
from coda_executive.interfaces.engine import Engine, RunContext
from coda_executive.observation.history import HistoryWriter
from coda_executive.observation.history_digest import HistoryDigest
from coda_executive.observation.router import History, Router
from coda_executive.support.clock import wall_time

Keep = Literal["never", "failed", "always"]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run is made. `daemon` None is the reference daemon; `command` is what the user typed, for
    repeating it. `keep_up` leaves up the testnet of a test that passed; `pause` is asked what becomes of that
    of a test that failed. `hash_only` keeps the history's digest, in the outcome, and no evidence.
    `genesis_files` are put beside every node's configuration.
    """

    seed: int
    engine_options: msgspec.Struct
    daemon: str | None = None
    run_dir: Path | None = None
    keep: Keep = "failed"
    timeout_factor: float = 1.0
    strict: bool = False
    command: tuple[str, ...] = ()
    hash_only: bool = False
    genesis_files: Mapping[str, bytes] = field(default_factory=dict)
    keep_up: Keeping | None = None
    pause: Pause | None = None


def run_test(
    test: IntegrationTest, engine: Engine, settings: RunSettings, monitor: Monitor
) -> tuple[Outcome, Path | None]:
    """Run one test and leave its run directory; the path is None for a test that was skipped.

    Raises EngineError when no run directory can be made; everything later is in the outcome.
    """
    missing = [need.__name__ for need in test.needs if need not in engine.capabilities]
    if missing:
        reason = f"engine {engine.name} gives its nodes no {', '.join(missing)}"
        return Outcome(Verdict.NOTHING_RAN, (), (), (), skipped=reason), None
    directory = RunDirectory.create(
        test.name, engine.name, settings.run_dir, is_filled=not settings.hash_only
    )
    description = _description(test, engine, settings, directory)
    directory.describe(description)
    view = RunView(test.name, engine.name, settings.seed, directory.path)
    monitor.began(view)
    try:
        outcome = engine.run(
            lambda: _execute(test, engine, settings, monitor, directory, view), seed=settings.seed
        )
    finally:
        monitor.ended()
    wanted = settings.keep == "always" or (
        settings.keep == "failed" and outcome.verdict is not Verdict.PASSED
    )
    if settings.command and has_trace(directory.path):
        # Only what can be repeated exactly is compared by them; to read the whole program would slow every start.
        description = msgspec.structs.replace(description, sources=sources_of(test))
    keeps_state = wanted or outcome.kept is not None
    return _finished(directory, description, outcome, keeps_state=keeps_state), directory.path


def _finished(
    directory: RunDirectory, description: RunDescription, outcome: Outcome, *, keeps_state: bool
) -> Outcome:
    """Store the verdict and remove what is not kept. If the disk does not let us, that is an error of the run,
    unless a worse one was told.
    """
    try:
        if not keeps_state:
            directory.remove_node_state()
        if description.sources:
            directory.describe(description)
        directory.finish(outcome)
    except EngineError as error:
        if outcome.verdict is Verdict.INFRASTRUCTURE:
            return outcome
        at_ns = round(sum(phase.seconds for phase in outcome.phases) * 1e9)
        found = FoundError(Severity.HARD, type(error).__name__, str(error), (), at_ns)
        interrupted = outcome.verdict is Verdict.INTERRUPTED
        verdict = Verdict.INTERRUPTED if interrupted else Verdict.INFRASTRUCTURE
        return replace(outcome, verdict=verdict, errors=(*outcome.errors, found))
    return outcome


async def _execute(
    test: IntegrationTest,
    engine: Engine,
    settings: RunSettings,
    monitor: Monitor,
    directory: RunDirectory,
    view: RunView,
) -> Outcome:
    if settings.hash_only:
        with HistoryDigest() as digest:
            outcome = await _executed(test, engine, settings, monitor, directory, view, digest)
        return replace(outcome, digest=digest.text)
    with HistoryWriter(directory.path / "history") as history:
        return await _executed(test, engine, settings, monitor, directory, view, history)


async def _executed(
    test: IntegrationTest,
    engine: Engine,
    settings: RunSettings,
    monitor: Monitor,
    directory: RunDirectory,
    view: RunView,
    history: History,
) -> Outcome:
    router = Router(history, observer=monitor.recorded)
    failures = Failures()
    context = RunContext(
        run_id=directory.run_id,
        directory=directory.path,
        seed=settings.seed,
        daemon=settings.daemon,
        publish=router.publish,
        fail=failures.report,
        needs=test.needs,
        keeps_logs=not settings.hash_only,
        notice=monitor.notice,
    )
    execution = Execution(
        test=test,
        session=engine.open(context, settings.engine_options),
        router=router,
        sections=Sections(router.now_ns),
        directory=directory,
        seed=settings.seed,
        settings=WaitSettings(settings.timeout_factor, settings.strict),
        monitor=monitor,
        view=view,
        failures=failures,
        genesis_files=settings.genesis_files,
        keep_up=settings.keep_up,
        pause=settings.pause,
    )
    return await execution.execute()


def _description(
    test: IntegrationTest, engine: Engine, settings: RunSettings, directory: RunDirectory
) -> RunDescription:
    options: Mapping[str, Any] = msgspec.to_builtins(settings.engine_options)
    return RunDescription(
        run_id=directory.run_id,
        test=test.name,
        engine=engine.name,
        daemon=settings.daemon,
        seed=settings.seed,
        options=options,
        command=settings.command,
        started=wall_time().isoformat(),
        version=version("coda-executive"),
        python=platform.python_version(),
    )
