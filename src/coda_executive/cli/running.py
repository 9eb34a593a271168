"""What `run` does: tests in, verdicts and an exit code out."""

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from coda_executive.cli.engine_options import chosen_options
from coda_executive.errors import ConfigError, EngineError
from coda_executive.executive.engines import find_engine
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.load import find_test
from coda_executive.executive.monitor import Monitor
from coda_executive.executive.outcome import EXIT_CODES, Outcome, Verdict, suite_verdict
from coda_executive.executive.runner import Keep, RunSettings, run_test
from coda_executive.executive.slot_length import with_slot_seconds
from coda_executive.interfaces.engine import Engine
from coda_executive.report.summary import summary_lines


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
    as_json: bool


def run_tests(request: RunRequest, *, plan_only: bool) -> int:
    """Run the tests one after the other and answer the exit code of all; or print their plans."""
    if not request.targets:
        raise ConfigError("no test is named; `coda-executive list` shows the catalogue")
    if request.timeout_factor <= 0:
        raise ConfigError(f"--timeout-factor must be above 0, got {request.timeout_factor:g}")
    if request.run_dir is not None and len(request.targets) > 1:
        raise ConfigError("--run-dir holds one run; leave it out to run several tests")
    engine = find_engine(request.engine)
    options = chosen_options(engine, request.engine_options)
    chosen = [(target, _with_slot(find_test(target), request.slot_seconds)) for target in request.targets]
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    if plan_only:
        from coda_executive.executive.planning import planned

        for _target, test in chosen:
            click.echo(planned(test, engine, options, seed=seed, daemon=request.daemon))
        return 0
    _refuse_if_it_cannot_run(engine)
    verdicts = []
    for target, test in chosen:
        settings = RunSettings(
            seed=seed,
            engine_options=options,
            daemon=request.daemon,
            run_dir=request.run_dir,
            keep=request.keep,
            timeout_factor=request.timeout_factor,
            strict=request.strict,
            command=_repeat(target, seed),
        )
        outcome, directory = run_test(test, engine, settings, _monitor(request.as_json))
        verdicts.append(outcome.verdict)
        _tell(test, outcome, directory, settings, request.as_json)
        if outcome.verdict is Verdict.INTERRUPTED:
            break
    return EXIT_CODES[suite_verdict(verdicts)]


def _with_slot(test: IntegrationTest, slot_seconds: float | None) -> IntegrationTest:
    return test if slot_seconds is None else with_slot_seconds(test, slot_seconds)


def _refuse_if_it_cannot_run(engine: Engine) -> None:
    missing = [finding for finding in engine.check() if not finding.ok]
    if missing:
        lines = "".join(f"\n  {f.subject}: {f.detail}. {f.remedy or ''}" for f in missing)
        raise EngineError(f"engine {engine.name} cannot run here:{lines}")


def _repeat(target: str, seed: int) -> tuple[str, ...]:
    """A command line for this test alone, with its seed and all that was given but where the evidence goes."""
    context = click.get_current_context()
    repeated = ["coda-executive", "run", target]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in ("tests", "seed", "run_dir", "as_json"):
            continue
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        repeated += [parameter.opts[-1]] if value is True else [parameter.opts[-1], str(value)]
    return (*repeated, "--seed", str(seed))


def _monitor(as_json: bool) -> Monitor:
    if sys.stdout.isatty() and not as_json:
        from rich.console import Console

        from coda_executive.report.live import LiveMonitor

        return LiveMonitor(Console())
    from coda_executive.report.plain import PlainMonitor

    return PlainMonitor(lambda line: click.echo(line, err=as_json))


def _tell(
    test: IntegrationTest, outcome: Outcome, directory: Path | None, settings: RunSettings, as_json: bool
) -> None:
    if not as_json:
        click.echo("\n".join(summary_lines(test.name, outcome, directory, settings.command)))
        return
    document = {
        "test": test.name,
        "verdict": outcome.verdict,
        "exit_code": outcome.exit_code,
        "seed": settings.seed,
        "run_directory": str(directory) if directory else None,
        "errors": [msgspec.to_builtins(error) for error in outcome.errors],
        "sections": [msgspec.to_builtins(section) for section in outcome.sections],
        "phases": {phase.phase: phase.seconds for phase in outcome.phases},
        "skipped": outcome.skipped,
        "repeat": list(settings.command),
    }
    click.echo(json.dumps(document))
