"""`list`, `engines`, `doctor`: what there is, and what can run here."""

import json
import sys
from typing import Any

import click

from coda_executive.executive.engines import engine_names, find_engine
from coda_executive.interfaces.engine import Finding

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the tests of the catalogue, with what each shows."""
    from coda_executive.executive.load import catalogue

    tests = catalogue().values()
    if as_json:
        click.echo(json.dumps([{"name": test.name, "summary": test.summary} for test in tests], indent=2))
        return
    width = max((len(test.name) for test in tests), default=0)
    for test in tests:
        click.echo(f"{test.name:<{width}}  {test.summary}")


@click.command("engines")
@json_option
def engines_command(as_json: bool) -> None:
    """List the engines, what they can do to nodes, and whether they can run here."""
    rows: list[dict[str, Any]] = []
    for name in engine_names():
        engine = find_engine(name)
        missing = [finding for finding in engine.check() if not finding.ok]
        rows.append(
            {
                "name": name,
                "summary": engine.summary,
                "capabilities": [capability.__name__ for capability in engine.capabilities],
                "runs_here": not missing,
                "missing": [f"{finding.subject}: {finding.detail}" for finding in missing],
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(
            f"{row['name']:<12}{'runs here' if row['runs_here'] else 'cannot run here':<17}{row['summary']}"
        )
        for line in row["missing"]:
            click.echo(f"{'':<12}{line} (coda-executive doctor says what to do)")


@click.command("doctor")
@json_option
def doctor_command(as_json: bool) -> int:
    """Look at everything that the engines need on this machine. Exits 3 when something is missing."""
    findings = {"python": _python_findings()} | {name: find_engine(name).check() for name in engine_names()}
    healthy = all(finding.ok for group in findings.values() for finding in group)
    if as_json:
        document = {
            name: [{"subject": f.subject, "ok": f.ok, "detail": f.detail, "remedy": f.remedy} for f in group]
            for name, group in findings.items()
        }
        click.echo(json.dumps(document, indent=2))
    else:
        for name, group in findings.items():
            click.echo(name)
            for finding in group:
                click.echo(f"  {'ok     ' if finding.ok else 'MISSING'} {finding.subject}: {finding.detail}")
                if finding.remedy and not finding.ok:
                    click.echo(f"          {finding.remedy}")
    return 0 if healthy else 3


def _python_findings() -> tuple[Finding, ...]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return (
        Finding(
            "Python",
            sys.version_info >= (3, 11, 3),
            f"{found} at {sys.executable}",
            "Install Python 3.11.3 or newer.",
        ),
    )
