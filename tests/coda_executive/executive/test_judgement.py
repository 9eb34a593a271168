"""The rules that turn errors and findings into a verdict."""

from pathlib import Path

import pytest

from coda_executive.executive.judgement import errors_of, judge_run, verdict_of
from coda_executive.executive.outcome import Verdict
from coda_executive.observation.history import (
    ErrorFound,
    HistoryRecord,
    HistoryWriter,
    RunEnded,
    ValidationBegan,
)
from coda_executive.validation.finding import Finding, Validity

_END = RunEnded(interrupted=False, infrastructure_failed=False, bad_usage=False)
_UNKNOWN = Finding("v", Validity.UNKNOWN, "too few logs")


@pytest.mark.parametrize(
    ("end", "has_errors", "findings", "verdict"),
    [
        (_END, False, (), Verdict.PASSED),
        (_END, True, (), Verdict.FAILED),
        (_END, False, (_UNKNOWN,), Verdict.INCONCLUSIVE),
        (_END, True, (_UNKNOWN,), Verdict.FAILED),
        (
            RunEnded(interrupted=False, infrastructure_failed=True, bad_usage=False),
            True,
            (),
            "infrastructure failed",
        ),
        (RunEnded(interrupted=True, infrastructure_failed=True, bad_usage=False), True, (), "interrupted"),
        (RunEnded(interrupted=False, infrastructure_failed=False, bad_usage=True), True, (), Verdict.USAGE),
    ],
)
def test_the_verdict_names_who_must_act_first(
    end: RunEnded, *, has_errors: bool, findings: tuple[Finding, ...], verdict: Verdict
) -> None:
    assert verdict_of(end, has_errors=has_errors, findings=findings) == verdict


def test_a_violation_is_an_error_and_a_vacuous_validator_one_if_it_is_required() -> None:
    findings = [
        Finding("broken", Validity.INVALID, "it broke", witness=("first", "second")),
        Finding("idle", Validity.VACUOUS, "nothing happened"),
        Finding("elsewhere", Validity.VACUOUS, "nothing happened"),
        _UNKNOWN,
    ]

    assert [str(error) for error in errors_of(findings, required=())] == [
        "broken: it broke.\n    first\n    second"
    ]
    assert [str(error)[:26] for error in errors_of(findings, required=("idle", "broken"))] == [
        "broken: it broke.\n    firs",
        "idle had no chance to fail",
    ]


def _history(directory: Path, *records: HistoryRecord) -> None:
    with HistoryWriter(directory / "history") as history:
        for number, record in enumerate(records):
            history.extend(number, (record,))


def _error(severity: str, kind: str = "SomeError") -> ErrorFound:
    return ErrorFound(severity, kind, "it went wrong", ())


@pytest.mark.parametrize(
    ("records", "verdict"),
    [
        ((ValidationBegan(), _END), "passed"),
        ((_error("warning"), ValidationBegan(), _END), "passed"),
        ((_error("soft"), ValidationBegan(), _END), "failed"),
        # Errors of findings are found again, or they are none.
        ((ValidationBegan(), _error("soft", "InvariantViolated"), _END), "passed"),
        ((_error("soft"),), "failed"),
        ((), "inconclusive"),
    ],
)
def test_errors_are_taken_as_they_were_recorded(
    tmp_path: Path, records: tuple[HistoryRecord, ...], verdict: str
) -> None:
    """Also of a run that ended before it had a plan, so there is nothing to validate."""
    _history(tmp_path, *records)

    assert judge_run(tmp_path).verdict == verdict
