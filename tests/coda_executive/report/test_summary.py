"""The closing lines of a run."""

from pathlib import Path

from coda_executive.executive.outcome import Outcome, PhaseTime, Verdict
from coda_executive.report.summary import finding_lines, suite_lines, summary_lines
from coda_executive.validation.finding import Finding, Validity


def finding(name: str, validity: Validity) -> Finding:
    return Finding(
        validator=name, validity=validity, sentence=f"{name} says so", chances=0, violations=0, witness=()
    )


def shown(*phases: str) -> str:
    outcome = Outcome(Verdict.FAILED, (), (), tuple(PhaseTime(phase, 1.0) for phase in phases))
    return "\n".join(summary_lines("it", outcome, Path("runs/x"), ("coda-executive", "run", "it")))


def test_logs_are_offered_only_where_nodes_could_write_any() -> None:
    assert "all logs       coda-executive logs runs/x" in shown("validate", "plan", "deploy", "start")
    assert "all logs" not in shown("validate", "plan")


def test_validators_without_a_chance_are_counted_and_what_was_found_is_told() -> None:
    findings = (
        finding("a", Validity.VALID),
        finding("b", Validity.VACUOUS),
        finding("c", Validity.VACUOUS),
        finding("d", Validity.INVALID),
    )

    assert finding_lines(findings) == [
        "  validators: 1 of 4 valid, 2 without a chance to fail",
        "    invalid  d: d says so",
    ]
    assert "    vacuous  c: c says so" in finding_lines(findings, tell_vacuous=True)


def test_a_run_that_ended_before_its_validation_says_so() -> None:
    assert finding_lines(()) == ["  validators: the run ended before its validation"]


def test_several_runs_end_with_their_number_and_with_those_that_did_not_pass() -> None:
    runs = [
        ("one", Verdict.PASSED, Path("runs/one")),
        ("two", Verdict.FAILED, Path("runs/two")),
        ("three", Verdict.PASSED, None),
        ("four", Verdict.NOTHING_RAN, None),
    ]

    assert suite_lines(runs) == [
        "",
        "4 tests: 2 passed, 1 failed, 1 nothing ran",
        "  FAILED         two  runs/two",
        "  NOTHING RAN    four",
    ]
