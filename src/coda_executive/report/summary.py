"""The closing lines of a run: verdict first, then the first cause, sections, times, and how to go on."""

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from coda_executive.dsl.sections import SectionRecord, Severity
from coda_executive.executive.outcome import Outcome, Verdict
from coda_executive.observation.history import Measured
from coda_executive.validation.finding import Finding, Validity

_MOST_MEASUREMENTS = 20
_MARKS = {True: "ok  ", False: "FAIL", None: "cut "}


def summary_lines(
    test: str,
    outcome: Outcome,
    directory: Path | None,
    command: tuple[str, ...],
    page: Path | None = None,
) -> list[str]:
    """Lines for a terminal, without colours. `page` is the report, None where none was written."""
    if outcome.skipped is not None:
        return [f"{test}: skipped: {outcome.skipped}"]
    lines = ["", f"{test}: {outcome.verdict.upper()}"]
    if outcome.doing is not None:
        lines.append(f"  it was {outcome.doing}")
    for error in outcome.errors:
        mark = "warning" if error.severity is Severity.WARNING else error.kind
        where = f" [{' / '.join(error.section)}]" if error.section else ""
        first, *rest = error.message.splitlines() or [""]
        lines.append(f"  {mark}{where} at {error.time_ns / 1e9:.2f} s: {first}")
        run = "RUN" if directory is None else shlex.quote(str(directory))
        lines.extend(
            f"    {line.replace(' RUN ', f' {run} ') if line.startswith('next: ') else line}" for line in rest
        )
    if outcome.sections:
        lines.append("")
        lines.extend(_section_line(section) for section in outcome.sections)
    if outcome.measurements:
        lines.append("")
        lines.extend(_measurement_line(measured) for measured in outcome.measurements[:_MOST_MEASUREMENTS])
        if (more := len(outcome.measurements) - _MOST_MEASUREMENTS) > 0:
            lines.append(f"  and {more} more measurements, in the report")
    if outcome.findings:
        lines.append("")
        lines.extend(finding_lines(outcome.findings))
    lines.append("")
    lines.append("  " + "  ".join(f"{phase.phase} {phase.seconds:.2f} s" for phase in outcome.phases))
    if outcome.kept is not None:
        lines.append(
            f"  still up       coda-executive env {outcome.kept}  (ends with coda-executive destroy)"
        )
    if directory is not None:
        lines.append(f"  run directory  {directory}")
        lines.append(f"  report         {page or f'coda-executive report {shlex.quote(str(directory))}'}")
        if outcome.verdict is not Verdict.PASSED and any(phase.phase == "start" for phase in outcome.phases):
            lines.append(f"  all logs       coda-executive logs {shlex.quote(str(directory))}")
    if command:
        lines.append(f"  repeat         {shlex.join(command)}")
    return lines


def suite_lines(runs: Sequence[tuple[str, Verdict, Path | None]]) -> list[str]:
    """The end of several runs: how many ended in which way, and those that did not pass, each with its evidence."""
    counts = Counter(verdict for _, verdict, _ in runs)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    odd = [(test, verdict, directory) for test, verdict, directory in runs if verdict is not Verdict.PASSED]
    return ["", f"{len(runs)} tests: {told}"] + [
        f"  {verdict.upper():<14} {test}" + ("" if directory is None else f"  {directory}")
        for test, verdict, directory in odd
    ]


def finding_lines(findings: tuple[Finding, ...], *, tell_vacuous: bool = False) -> list[str]:
    """How many validators found nothing wrong, and a line for each that found something or could not tell.

    Those that had no chance to fail are counted; with `tell_vacuous` each says why.
    """
    if not findings:
        return ["  validators: the run ended before its validation"]
    valid = sum(finding.validity is Validity.VALID for finding in findings)
    vacuous = sum(finding.validity is Validity.VACUOUS for finding in findings)
    told = [
        finding
        for finding in findings
        if finding.validity is not Validity.VALID
        and (tell_vacuous or finding.validity is not Validity.VACUOUS)
    ]
    lines = [f"  validators: {valid} of {len(findings)} valid"]
    if vacuous and not tell_vacuous:
        lines[0] += f", {vacuous} without a chance to fail"
    return lines + [f"    {finding.validity:<8} {finding.validator}: {finding.sentence}" for finding in told]


def _measurement_line(measured: Measured) -> str:
    what = f"{measured.name} ({measured.node})" if measured.node else measured.name
    return f"  {what:<58}{measured.value:>9.6g} {measured.unit}"


def _section_line(section: SectionRecord) -> str:
    indent = "  " * len(section.path)
    seconds = "" if section.ended_ns is None else f"{(section.ended_ns - section.began_ns) / 1e9:8.2f} s"
    return f"{indent}{_MARKS[section.passed]} {section.path[-1]:<{max(1, 56 - len(indent))}}{seconds}"
