"""`cleanup`: what dead runs left on this machine, over all engines."""

import json
from typing import TYPE_CHECKING

import click

from coda_executive.cli.durations import Duration, shown

if TYPE_CHECKING:
    from coda_executive.interfaces.keeping import Leftover


@click.command("cleanup", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--older-than", type=Duration(), default=0.0, help="Only of runs dead for longer, such as 90s, 2h or 1d."
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def cleanup_command(older_than: float, dry_run: bool, as_json: bool) -> int:
    """Remove what dead runs left: processes, temporary files, journals.

    A run leaves something only when both it and its guardian were killed, or the power went. Runs and testnets
    that live are never touched, and evidence in run directories stays. Exits 3 when something cannot be removed.
    """
    from coda_executive.errors import EngineError
    from coda_executive.executive.leftovers import find_leftovers

    rows: list[dict[str, object]] = []
    failed = False
    for engine, leftover in find_leftovers(older_than):
        error = None
        if not as_json:
            click.echo(_described(engine, leftover, dry_run))
        if not dry_run:
            try:
                leftover.remove()
            except EngineError as refusal:
                error, failed = str(refusal), True
                click.echo(f"coda-executive: {error}", err=True)
        rows.append(
            {
                "engine": engine,
                "run": leftover.label,
                "directory": leftover.directory or None,
                "age_seconds": round(leftover.age, 3),
                "things": leftover.things,
                "removed": not dry_run and error is None,
                "error": error,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo(
            "nothing is left of dead runs" + (f" older than {shown(older_than)}" if older_than else "")
        )
    return 3 if failed else 0


def _described(engine: str, leftover: "Leftover", dry_run: bool) -> str:
    verb = "would remove" if dry_run else "removing"
    where = leftover.directory or "an unknown directory"
    head = (
        f"{verb} what run {leftover.label} on {engine} left {shown(leftover.age)} ago (run directory {where})"
    )
    return "\n".join([head, *(f"  {thing}" for thing in leftover.things)])
