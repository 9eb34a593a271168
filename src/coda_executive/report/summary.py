"""The closing lines of a run: verdict first, then the first cause, sections, times, and how to go on."""

import shlex
from pathlib import Path

from coda_executive.dsl.sections import SectionRecord, Severity
from coda_executive.executive.outcome import Outcome, Verdict

_MARKS = {True: "ok  ", False: "FAIL", None: "cut "}


def summary_lines(test: str, outcome: Outcome, directory: Path | None, command: tuple[str, ...]) -> list[str]:
    """Lines for a terminal, without colours."""
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
        lines.extend(f"    {line}" for line in rest)
    if outcome.sections:
        lines.append("")
        lines.extend(_section_line(section) for section in outcome.sections)
    lines.append("")
    lines.append("  " + "  ".join(f"{phase.phase} {phase.seconds:.2f} s" for phase in outcome.phases))
    if directory is not None:
        lines.append(f"  run directory  {directory}")
        if outcome.verdict is not Verdict.PASSED:
            lines.append(f"  all logs       coda-executive logs {shlex.quote(str(directory))}")
    if command:
        lines.append(f"  repeat         {shlex.join(command)}")
    return lines


def _section_line(section: SectionRecord) -> str:
    indent = "  " * len(section.path)
    seconds = "" if section.ended_ns is None else f"{(section.ended_ns - section.began_ns) / 1e9:8.2f} s"
    return f"{indent}{_MARKS[section.passed]} {section.path[-1]:<{max(1, 56 - len(indent))}}{seconds}"
