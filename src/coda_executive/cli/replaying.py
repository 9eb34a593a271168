"""What `run --replay RUN` does: the same run again, and whether it was the same."""

import secrets
from pathlib import Path

import click

from coda_executive.cli.find_run import find_run
from coda_executive.errors import ConfigError
from coda_executive.executive.outcome import EXIT_CODES, Verdict
from coda_executive.executive.replay import STEPS, compare_runs, first_step, flags_of, read_trace
from coda_executive.executive.run_directory import read_description
from coda_executive.executive.runs_folder import DEFAULT_PARENT
from coda_executive.executive.sources import changes, has_other_steps

_NOTHING_CHANGED = (
    "Neither Python nor this program nor the test's file has changed: something draws chance or reads time that is not "
    "the run's, or goes by the order of a set. `run --audit` tells the line that reads a real clock or entropy; of a "
    "run with --trace-text the replay names the first step that differs."
)


def replay(run: str, repeat: click.Command, run_dir: Path | None) -> int:
    """Repeat a run by its command line, its seed and its stored options, and compare the evidence.

    Answers the repeated run's exit code if it was the same; else that of a failed test, and prints the first
    difference. Raises EngineError for a run that left nothing exact to compare with.
    """
    original = find_run(run)
    stored = read_description(original)
    if stored.command[:2] != ("coda-executive", "run"):
        raise ConfigError(f"{original} was not made by `coda-executive run`; there is no command to repeat")
    read_trace(original)  # before the run, not after it: without a trace there is nothing to compare with
    repeated = run_dir or Path(DEFAULT_PARENT) / f"replay-of-{original.name}-{secrets.token_hex(2)}"
    # Of an option that is given twice the last one counts: the stored ones, for defaults may have changed since.
    arguments = [*stored.command[2:], *flags_of(stored.options), "--run-dir", str(repeated)]
    code = repeat.main(arguments, prog_name="coda-executive run", standalone_mode=False)
    now = read_description(repeated)
    difference = compare_runs(original, repeated)
    if difference is None:
        click.echo(f"the repetition of {original.name} was the same, step by step")
        return int(code)
    if difference.what == STEPS and has_other_steps(stored, now):
        click.echo(
            f"the repetition of {original.name} had the same history and logs; its steps cannot be compared: Python "
            f"{stored.python} takes other ones than {now.python}"
        )
        return int(code)
    click.echo(f"the repetition of {original.name} was NOT the same: {difference}")
    step = None if difference.what == STEPS else first_step(original, repeated)
    if step is not None:
        click.echo(f"and {step}")
    changed = changes(stored, now)
    for change in changed:
        click.echo(f"  {change}")
    if not changed:
        click.echo(f"  {_NOTHING_CHANGED}")
    return EXIT_CODES[Verdict.FAILED]
