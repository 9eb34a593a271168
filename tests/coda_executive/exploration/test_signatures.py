"""When two failures are one."""

from coda_executive.dsl.sections import FoundError, Severity
from coda_executive.executive.outcome import Outcome, Verdict
from coda_executive.exploration.signatures import signature_of


def failed(message: str, *, section: tuple[str, ...] = ("faults",), kind: str = "CrashedNode") -> Outcome:
    warning = FoundError(Severity.WARNING, "SlowWait", "slow", (), 1)
    error = FoundError(Severity.HARD, kind, message, section, 2)
    return Outcome(Verdict.FAILED, (warning, error), (), ())


def test_names_and_numbers_do_not_matter() -> None:
    one = "block-producer-1 at 3.5 s: 3NKuQqh8SEvW3LCtHk7cdNHmSX9EKxcfAQGnS8omAJn396rm4PxH is bad"
    other = "block-producer-12 at 44 s: 3NLVdE8TVqSDLwUfJjxPSdphXWfcwQvezBME95oprNJjniXUwwyq is bad"
    assert signature_of(failed(one)) == signature_of(failed(other))
    assert signature_of(failed("two roots")) == signature_of(failed("two roots (the first of 3 such)"))


def test_kind_section_and_words_matter() -> None:
    outcomes = (
        failed("it is bad"),
        failed("it is worse"),
        failed("it is bad", section=("liveness",)),
        failed("it is bad", kind="WaitTimeout"),
    )
    assert len({signature_of(outcome) for outcome in outcomes}) == 4


def test_only_the_first_line_counts() -> None:
    assert signature_of(failed("it is bad\n  here")) == signature_of(failed("it is bad\n  there"))


def test_a_run_that_passed_has_none() -> None:
    assert signature_of(Outcome(Verdict.PASSED, (), (), ())) is None


def test_a_run_that_failed_without_an_error_has_its_verdict() -> None:
    assert signature_of(Outcome(Verdict.INTERRUPTED, (), (), ())) == "interrupted"
