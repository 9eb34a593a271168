"""What makes two failures one: the kind of error, where it came, and its text without names and numbers."""

import re

from coda_executive.dsl.sections import FoundError, Severity
from coda_executive.executive.outcome import Outcome, Verdict

_LONGEST = 160  # characters
_PARTICULARS = (
    (
        re.compile(
            r"\b3N[A-Za-z0-9]{20,}|\bB62[A-Za-z0-9]{20,}|\b12D3[A-Za-z0-9]{20,}|\bj[wx][A-Za-z0-9]{30,}|\b5J[A-Za-z0-9]{30,}"
        ),
        "#",
    ),
    (re.compile(r"\b(block-producer|snark-coordinator|archive-node|archive|seed|node|plain)-\d+"), "NODE"),
    (re.compile(r" \(the first of \d+ such\)"), ""),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "#"),
)


def first_error(outcome: Outcome) -> FoundError | None:
    """The first that counts against the run."""
    return next((error for error in outcome.errors if error.severity is not Severity.WARNING), None)


def signature_of(outcome: Outcome) -> str | None:
    """Equal for failures that are probably the same; None for a run that passed or was skipped."""
    if outcome.verdict in (Verdict.PASSED, Verdict.NOTHING_RAN):
        return None
    error = first_error(outcome)
    if error is None:
        return outcome.verdict.value
    section = " / ".join(error.section)
    place = f" in {section}" if section else ""
    text = error.message.partition("\n")[0]
    for pattern, substitute in _PARTICULARS:
        text = pattern.sub(substitute, text)
    return f"{error.kind}{place}: {text}"[:_LONGEST]
