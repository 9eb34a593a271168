"""What `judge` does: a history or log files in, findings and an exit code out."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from coda_executive.cli.find_run import find_run
from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError, EngineError
from coda_executive.events.parse import Parser
from coda_executive.events.protocol_constants import ProtocolConstants, constants_told_by
from coda_executive.executive.judgement import judge_run, run_panel
from coda_executive.executive.outcome import EXIT_CODES, Verdict
from coda_executive.executive.run_directory import read_outcome
from coda_executive.log_engines.lines import merge_logs
from coda_executive.nemesis.journal import JOURNAL_FILE, outstanding
from coda_executive.observation.history import EventSeen, GenesisSet, HistoryEntry
from coda_executive.report.summary import finding_lines
from coda_executive.validation.finding import Finding, Validity, worst
from coda_executive.validation.validator import RunFacts
from coda_protocol.structured_events import BY_NAME

_MAINNET = RunFacts(k=290, slots_per_epoch=7140, slot_ms=180_000)
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
    targets: Sequence[str],
    *,
    k: int | None,
    slot_seconds: float | None,
    slots_per_epoch: int | None,
    as_json: bool,
) -> int:
    """Print what the logs of some nodes say; what of the network's constants is None is as their blocks say, or as on
    mainnet. Raises ConfigError if two would be one node's or one is no log of a daemon.
    """
    logs = _logs(targets)
    silent = set(logs)
    try:
        told = _constants_of(logs.values())
        facts = _facts(told, k=k, slot_seconds=slot_seconds, slots_per_epoch=slots_per_epoch)
        panel = run_panel(facts)
        for entry in _entries(logs, silent, None if told is None else told.genesis_ms):
            panel.take(entry.time_ns, (entry.record,))
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


def _constants_of(logs: Iterable[Path]) -> ProtocolConstants | None:
    """What the first block says that tells all, of whichever log; None if no block was made."""
    partly: ProtocolConstants | None = None
    for path in logs:
        with path.open("rb") as lines:
            for line in lines:
                told = constants_told_by(line)
                if told is not None and told.slot_ms is not None:
                    return told
                partly = told or partly
    return partly


def _facts(
    told: ProtocolConstants | None,
    *,
    k: int | None,
    slot_seconds: float | None,
    slots_per_epoch: int | None,
) -> RunFacts:
    slot_ms = None if slot_seconds is None else round(slot_seconds * 1000)
    if told is None:
        return RunFacts(
            k or _MAINNET.k, slots_per_epoch or _MAINNET.slots_per_epoch, slot_ms or _MAINNET.slot_ms
        )
    return RunFacts(
        k or told.k,
        slots_per_epoch or told.slots_per_epoch,
        slot_ms or told.slot_ms or _MAINNET.slot_ms,
        slots_per_sub_window=told.slots_per_sub_window,
        grace_period_slots=told.grace_period_slots,
        genesis_slot=told.genesis_slot,
    )


def _entries(
    logs: Mapping[NodeId, Path], silent: set[NodeId], genesis_ms: int | None
) -> Iterator[HistoryEntry]:
    """The lines of all nodes by time, as a history would hold them; the first line is at 0. Who wrote a record is no
    longer `silent`. `genesis_ms` is since the Unix epoch.
    """
    parser = Parser({event.name: event.id for event in BY_NAME.values()})
    began: datetime | None = None
    text, time_ns = "", 0
    for line in merge_logs(logs):
        if line.time and line.time != text:
            text = line.time
            now = datetime.fromisoformat(text)
            if began is None:
                began = now
                if genesis_ms is not None:
                    began_us = (began.astimezone(UTC) - _UNIX_EPOCH) // timedelta(microseconds=1)
                    yield HistoryEntry(0, GenesisSet(genesis_ms * 1_000_000 - began_us * 1000))
            time_ns = (now - began) // timedelta(microseconds=1) * 1000
        if line.message is not None and line.text.startswith(b"{"):
            silent.discard(line.node)
        _timestamp, event = parser.parse(line.text)
        yield HistoryEntry(time_ns, EventSeen(line.node, event, line.number))
