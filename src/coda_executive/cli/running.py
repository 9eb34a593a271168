"""What `run` does: tests in, verdicts and an exit code out."""

import json
import secrets
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from coda_executive.cli.output import tell
from coda_executive.cli.pausing import pause
from coda_executive.errors import ConfigError, EngineError
from coda_executive.executive.engines import chosen_options, find_engine
from coda_executive.executive.genesis import found_genesis
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.keeping import keeper_of
from coda_executive.executive.load import find_test
from coda_executive.executive.monitor import Monitor
from coda_executive.executive.outcome import EXIT_CODES, Outcome, Verdict, suite_verdict
from coda_executive.executive.runner import Keep, RunSettings, run_test
from coda_executive.executive.slot_length import with_slot_seconds
from coda_executive.genesis_store.location import Location
from coda_executive.interfaces.engine import Engine
from coda_executive.report.summary import suite_lines, summary_lines


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A command line, parsed. `slot_seconds` None keeps each test's own slots, `seed` None draws one."""

    targets: tuple[str, ...]
    engine: str
    engine_options: dict[str, Any]
    daemon: str | None
    seed: int | None
    slot_seconds: float | None
    run_dir: Path | None
    keep: Keep
    timeout_factor: float
    strict: bool
    pause_on_failure: bool
    as_json: bool
    genesis: Location | None = None


def run_tests(request: RunRequest, *, plan_only: bool) -> int:
    """Run the tests one after the other and answer the exit code of all; or print their plans."""
    if not request.targets:
        raise ConfigError("no test is named; `coda-executive list` shows the catalogue")
    if request.timeout_factor <= 0:
        raise ConfigError(f"--timeout-factor must be above 0, got {request.timeout_factor:g}")
    if request.run_dir is not None and len(request.targets) > 1:
        raise ConfigError("--run-dir holds one run; leave it out to run several tests")
    engine = find_engine(request.engine)
    if request.pause_on_failure:
        keeper_of(engine)
        if request.as_json:
            raise ConfigError("--pause-on-failure waits for a person's key; leave it out, or --json")
    options = chosen_options(engine, request.engine_options)
    chosen = [(target, _with_slot(find_test(target), request.slot_seconds)) for target in request.targets]
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    if plan_only:
        from coda_executive.config.plan_document import plan_document
        from coda_executive.executive.planning import planned

        for _target, test in chosen:
            genesis = found_genesis(test.network, test.runtime, request.genesis)
            [plan] = planned(
                [(test.network, genesis.runtime)],
                engine,
                options,
                seed=seed,
                daemon=request.daemon,
                genesis_files=genesis.files,
            )
            click.echo(plan_document(plan), nl=False)
        return 0
    refuse_if_it_cannot_run(engine)
    runs: list[tuple[str, Verdict, Path | None]] = []
    for target, test in chosen:
        genesis = found_genesis(test.network, test.runtime, request.genesis)
        test = replace(test, runtime=genesis.runtime)
        monitor = monitor_for(plain=request.as_json, on_stderr=request.as_json)
        settings = RunSettings(
            seed=seed,
            engine_options=options,
            daemon=request.daemon,
            run_dir=request.run_dir,
            keep=request.keep,
            timeout_factor=request.timeout_factor,
            strict=request.strict,
            command=repeated_command("run", target, seed),
            pause=partial(pause, monitor=monitor) if request.pause_on_failure else None,
            genesis_files=genesis.files,
        )
        outcome, directory = run_test(test, engine, settings, monitor)
        runs.append((test.name, outcome.verdict, directory))
        _tell(test, outcome, directory, settings, request.as_json, _reported(directory))
        if outcome.verdict is Verdict.INTERRUPTED:
            break
    if len(runs) > 1 and not request.as_json:
        tell("\n".join(suite_lines(runs)))
    return EXIT_CODES[suite_verdict([verdict for _, verdict, _ in runs])]


def _with_slot(test: IntegrationTest, slot_seconds: float | None) -> IntegrationTest:
    return test if slot_seconds is None else with_slot_seconds(test, slot_seconds)


def refuse_if_it_cannot_run(engine: Engine) -> None:
    """Raise EngineError with all that the engine misses on this machine."""
    missing = [finding for finding in engine.check() if not finding.ok]
    if missing:
        lines = "".join(f"\n  {f.subject}: {f.detail}. {f.remedy or ''}" for f in missing)
        raise EngineError(f"engine {engine.name} cannot run here:{lines}")


def repeated_command(command: str, target: str, seed: int) -> tuple[str, ...]:
    """A command line for this target alone, with its seed and all that was given but where the evidence goes."""
    context = click.get_current_context()
    repeated = ["coda-executive", command, target]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in ("tests", "file", "seed", "run_dir", "as_json"):
            continue
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        if isinstance(value, bool):
            repeated.append((parameter.opts if value else parameter.secondary_opts)[-1])
        else:
            repeated += [parameter.opts[-1], str(value)]
    return (*repeated, "--seed", str(seed))


def monitor_for(*, plain: bool, on_stderr: bool) -> Monitor:
    """A live display on a terminal unless `plain`, else lines."""
    if (sys.stderr if on_stderr else sys.stdout).isatty() and not plain:
        from rich.console import Console

        from coda_executive.report.live import LiveMonitor

        return LiveMonitor(Console(stderr=on_stderr))
    from coda_executive.report.plain import PlainMonitor

    return PlainMonitor(partial(tell, err=on_stderr))


def _reported(directory: Path | None) -> Path | None:
    """Write the reports of a run and answer where its page is. What keeps them from being written is told and
    changes no verdict.
    """
    if directory is None:
        return None
    from coda_executive.report.write import write_reports

    try:
        return write_reports(directory).page
    except Exception as error:  # noqa: BLE001 (a report that cannot be made must not hide the verdict)
        name = "" if isinstance(error, EngineError) else f"{type(error).__name__}: "
        tell(f"coda-executive: there is no report: {name}{error}", err=True)
        return None


def _tell(
    test: IntegrationTest,
    outcome: Outcome,
    directory: Path | None,
    settings: RunSettings,
    as_json: bool,
    page: Path | None,
) -> None:
    if not as_json:
        tell("\n".join(summary_lines(test.name, outcome, directory, settings.command, page)))
        return
    document = {
        "test": test.name,
        "verdict": outcome.verdict,
        "exit_code": outcome.exit_code,
        "seed": settings.seed,
        "run_directory": str(directory) if directory else None,
        "report": str(page) if page else None,
        "errors": [msgspec.to_builtins(error) for error in outcome.errors],
        "sections": [msgspec.to_builtins(section) for section in outcome.sections],
        "phases": {phase.phase: phase.seconds for phase in outcome.phases},
        "findings": [msgspec.to_builtins(finding) for finding in outcome.findings],
        "skipped": outcome.skipped,
        "repeat": list(settings.command),
    }
    tell(json.dumps(document))
