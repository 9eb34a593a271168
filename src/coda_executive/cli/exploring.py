"""What `explore` does: a live counter, then each kind of failure with its smallest case."""

import contextlib
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from coda_executive.errors import ConfigError, EngineError, ExecutiveError
from coda_executive.executive.engines import chosen_options, find_engine
from coda_executive.executive.load import find_test
from coda_executive.executive.outcome import EXIT_CODES, Verdict
from coda_executive.executive.runs_folder import DEFAULT_PARENT
from coda_executive.exploration.attempt import Setup
from coda_executive.exploration.explore import Exploration, explore, failure_test
from coda_executive.exploration.workers import Workers
from coda_executive.nemesis.schedule import KINDS
from coda_executive.support.clock import wall_time

_TOLD_EVERY = 100  # attempts, where there is no terminal


@dataclass(frozen=True, slots=True)
class ExploreRequest:
    """A command line, parsed. `first_seed` None draws one; `out` None makes a folder."""

    target: str
    seeds: int
    first_seed: int | None
    jobs: int
    engine: str
    engine_options: dict[str, Any]
    daemon: str | None
    slot_seconds: float | None
    most_faults: int
    fault_slots: int
    kinds: tuple[str, ...]
    budget: int
    out: Path | None


def run_exploration(request: ExploreRequest) -> int:
    """Search, tell what was found, and answer the exit code: 0 if every run passed, 1 if not, 130 after Ctrl-C, 3 if
    the search or its results were cut short by the infrastructure.
    """
    engine = find_engine(request.engine)
    test = find_test(request.target)
    if unknown := [kind for kind in request.kinds if kind not in KINDS]:
        raise ConfigError(f"--kind: there is no fault {', '.join(unknown)}; there are {', '.join(KINDS)}")
    options = msgspec.to_builtins(chosen_options(engine, request.engine_options))
    setup = Setup(
        target=request.target,
        engine=request.engine,
        options=options,
        daemon=request.daemon,
        slot_seconds=request.slot_seconds,
        fault_slots=request.fault_slots,
        most_faults=request.most_faults,
        kinds=request.kinds,
    )
    first = secrets.randbelow(2**31) if request.first_seed is None else request.first_seed
    click.echo(
        f"exploring {test.name} with seeds {first} to {first + request.seeds - 1}, {request.jobs} at once"
    )
    directory = _directory(test.name, request.out)
    try:
        with Workers(setup, jobs=request.jobs) as workers:
            found = explore(
                setup,
                range(first, first + request.seeds),
                workers,
                tell=_tell_terminal if sys.stderr.isatty() else _tell_plain,
                budget=request.budget,
            )
    except ExecutiveError:
        with contextlib.suppress(OSError):
            directory.rmdir()
        raise
    if sys.stderr.isatty():
        click.echo(err=True)
    texts = _tell_findings(found, directory)
    # After all was told: what cannot be written is not lost.
    document = directory / "exploration.json"
    texts[document] = msgspec.json.format(msgspec.json.encode(found), indent=1).decode()
    for path, text in texts.items():
        _write(path, text)
    click.echo(f"results: {document}")
    if found.broken_off is not None:
        raise EngineError(f"the search ended early: {found.broken_off}")
    if found.interrupted:
        return EXIT_CODES[Verdict.INTERRUPTED]
    return EXIT_CODES[Verdict.FAILED if found.failures else Verdict.PASSED]


def _tell_findings(found: Exploration, directory: Path) -> dict[Path, str]:
    """Answers what is to be written where."""
    texts: dict[Path, str] = {}
    runs = len(found.attempts)
    if found.interrupted or found.broken_off is not None:
        click.echo(f"interrupted after {runs} run{'' if runs == 1 else 's'}; what was found until then:")
    if not found.failures and runs:
        click.echo(f"no failure in {runs} runs: with 95 % confidence a run fails with p <= {found.bound:.2g}")
    for number, failure in enumerate(found.failures, start=1):
        click.echo(
            f"\nfailure {number}: {len(failure.seeds)} of {runs} runs, first with seed {failure.seeds[0]}"
        )
        click.echo(f"  {failure.error}")
        if failure.is_repeatable is None:
            click.echo("  It was neither run again nor shrunk.")
        elif not failure.is_repeatable:
            click.echo("  It did NOT fail in the same way each time that it was repeated.")
        elif not failure.has_one_history:
            click.echo(
                "  It failed in the same way each time that it was repeated, but not with the same history."
            )
        if failure.has_one_history is False:
            click.echo(
                "  In real time that is to be expected. In the simulation it is a nondeterminism: run it with "
                "--trace-text, and `coda-executive run --replay` that run, which names the first step that differs."
            )
        path = directory / f"failure_{number}.py"
        text = failure_test(found.setup, failure, str(path))
        if text is not None:
            texts[path] = text
            click.echo(f"  the smallest case found, in {path}:\n\n{text}")
    return texts


def _directory(test: str, requested: Path | None) -> Path:
    moment = wall_time().strftime("%Y%m%d-%H%M%S")
    directory = requested or Path(DEFAULT_PARENT) / f"explore-{test}-{moment}-{secrets.token_hex(2)}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"the results cannot be written to {directory}: {error.strerror}; give another --out"
        ) from error
    return directory


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise EngineError(f"cannot write {path}: {error.strerror}; give another --out") from error


def _counter(attempts: int, failures: int, doing: str) -> str:
    bound = "" if failures else f", p <= {min(1.0, 3 / max(1, attempts)):.2g}"
    return f"{attempts} run{'' if attempts == 1 else 's'}, {failures} failed{bound}; {doing}"


def _tell_terminal(attempts: int, failures: int, doing: str) -> None:
    click.echo(f"\r\x1b[K{_counter(attempts, failures, doing)[:100]}", err=True, nl=False)


def _tell_plain(attempts: int, failures: int, doing: str) -> None:
    if attempts % _TOLD_EVERY == 0 or doing != "searching":
        click.echo(_counter(attempts, failures, doing), err=True)
