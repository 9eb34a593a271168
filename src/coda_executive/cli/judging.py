"""What `judge` does: a history or log files in, findings and an exit code out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from coda_executive.cli.find_run import find_run
from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError, EngineError
from coda_executive.events.parse import Parser
from coda_executive.executive.judgement import judge_run, run_panel
from coda_executive.executive.outcome import EXIT_CODES, Verdict
from coda_executive.executive.run_directory import read_outcome
from coda_executive.log_engines.lines import merge_logs
from coda_executive.nemesis.journal import JOURNAL_FILE, outstanding
from coda_executive.observation.history import EventSeen, HistoryEntry
from coda_executive.report.summary import finding_lines
from coda_executive.validation.finding import Finding, Validity, worst
from coda_executive.validation.validator import RunFacts
from coda_protocol.structured_events import BY_NAME

_VERDICTS = {Validity.INVALID: Verdict.FAILED, Validity.UNKNOWN: Verdict.INCONCLUSIVE}


def are_logs(targets: Sequence[str]) -> bool:
    """Whether files are named; a run is a directory or a name."""
    return bool(targets) and all(Path(target).is_file() for target in targets)


def judge_one_run(given: str | None, *, as_json: bool) -> int:
    """Print what the history of a run says and answer the exit code of its verdict."""
    directory = find_run(given)
    judgement = judge_run(directory)
    outcome = read_outcome(directory)
    if as_json:
        document = {
            "run_directory": str(directory),
            "verdict": judgement.verdict,
            "exit_code": EXIT_CODES[judgement.verdict],
            "recorded": outcome.verdict if outcome else None,
            "errors": list(judgement.errors),
            "findings": _plain(judgement.findings),
            "remark": judgement.remark,
        }
        click.echo(json.dumps(document))
        return EXIT_CODES[judgement.verdict]
    click.echo(f"{directory.name}: {judgement.verdict.upper()}")
    if judgement.remark is not None:
        click.echo(f"  {judgement.remark}")
    if outcome is not None and outcome.verdict is not judgement.verdict:
        click.echo(f"  its outcome says {outcome.verdict}: the history was changed, or the validators were")
    for applied in outstanding(directory / JOURNAL_FILE):
        click.echo(f"  fault {applied.number} was never healed: {applied.fault}")
    for error in judgement.errors:
        first, *rest = error.splitlines()
        click.echo("\n".join([f"  {first}", *(f"    {line}" for line in rest)]))
    click.echo("\n".join(finding_lines(judgement.findings, tell_vacuous=True)))
    return EXIT_CODES[judgement.verdict]


def judge_log_files(
    targets: Sequence[str], *, k: int, slot_seconds: float, slots_per_epoch: int, as_json: bool
) -> int:
    """Print what the logs of some nodes say. Raises ConfigError if two would be one node's or
    one is no log of a daemon.
    """
    logs = _logs(targets)
    silent = set(logs)
    panel = run_panel(RunFacts(k=k, slots_per_epoch=slots_per_epoch, slot_ms=round(slot_seconds * 1000)))
    try:
        panel.take(_entries(logs, silent))
    except OSError as error:
        raise EngineError(f"cannot read the logs: {error}") from error
    if silent:
        named = ", ".join(str(path) for name, path in logs.items() if name in silent)
        raise ConfigError(f"expected logs that a daemon wrote with -log-json, found no such line in {named}")
    findings = panel.findings()
    verdict = _VERDICTS.get(worst(finding.validity for finding in findings), Verdict.PASSED)
    if as_json:
        document: dict[str, Any] = {
            "nodes": list(logs),
            "verdict": verdict,
            "exit_code": EXIT_CODES[verdict],
            "findings": _plain(findings),
        }
        click.echo(json.dumps(document))
        return EXIT_CODES[verdict]
    click.echo(f"{len(logs)} logs: {verdict.upper()}")
    click.echo("\n".join(finding_lines(findings, tell_vacuous=True)))
    for finding in findings:
        click.echo("".join(f"    {event}\n" for event in finding.witness), nl=False)
    return EXIT_CODES[verdict]


def _plain(findings: Sequence[Finding]) -> list[Any]:
    return [msgspec.to_builtins(finding) for finding in findings]


def _logs(targets: Sequence[str]) -> Mapping[NodeId, Path]:
    logs: dict[NodeId, Path] = {}
    for target in targets:
        path = Path(target)
        name = NodeId(path.resolve().parent.name if path.name == "daemon.log" else path.stem)
        if name in logs:
            raise ConfigError(f"{logs[name]} and {path} would both be node {name!r}; rename one")
        logs[name] = path
    return logs


def _entries(logs: Mapping[NodeId, Path], silent: set[NodeId]) -> Iterator[HistoryEntry]:
    """The lines of all nodes by time, as a history would hold them; the first line is at 0. Who wrote a record is no
    longer `silent`.
    """
    parser = Parser({event.name: event.id for event in BY_NAME.values()})
    began: datetime | None = None
    text, time_ns = "", 0
    for line in merge_logs(logs):
        if line.time and line.time != text:
            text = line.time
            now = datetime.fromisoformat(text)
            began = began or now
            time_ns = (now - began) // timedelta(microseconds=1) * 1000
        if line.message is not None and line.text.startswith(b"{"):
            silent.discard(line.node)
        _timestamp, event = parser.parse(line.text)
        yield HistoryEntry(time_ns, EventSeen(line.node, event, line.number))
