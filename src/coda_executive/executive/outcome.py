"""The verdict of a run, and the exit code that says it to a shell."""

from dataclasses import dataclass
from enum import StrEnum

from coda_executive.dsl.sections import FoundError, SectionRecord
from coda_executive.observation.history import Measured
from coda_executive.validation.finding import Finding


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    INFRASTRUCTURE = "infrastructure failed"
    USAGE = "bad usage or configuration"
    NOTHING_RAN = "nothing ran"
    FLAKY = "passed only on a retry"
    INTERRUPTED = "interrupted"


EXIT_CODES = {
    Verdict.PASSED: 0,
    Verdict.FAILED: 1,
    Verdict.INCONCLUSIVE: 2,
    Verdict.INFRASTRUCTURE: 3,
    Verdict.USAGE: 4,
    Verdict.NOTHING_RAN: 5,
    Verdict.FLAKY: 6,
    Verdict.INTERRUPTED: 130,
}

# Of a suite, the first of these that occurred is its verdict.
_SUITE_ORDER = (
    Verdict.INTERRUPTED,
    Verdict.USAGE,
    Verdict.INFRASTRUCTURE,
    Verdict.FAILED,
    Verdict.INCONCLUSIVE,
    Verdict.FLAKY,
    Verdict.PASSED,
)


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """Seconds that a phase took on the engine's clock."""

    phase: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `doing` is what was going on when it was cut short, None for a run that came to its
    end. `findings` are empty when it ended before its validation. `kept` is the name under which its testnet
    is still up, None where it was destroyed. `measurements` are what the test collected, in that order.
    `digest` names the history of a run that kept nothing else.
    """

    verdict: Verdict
    errors: tuple[FoundError, ...]
    sections: tuple[SectionRecord, ...]
    phases: tuple[PhaseTime, ...]
    doing: str | None = None
    skipped: str | None = None
    kept: str | None = None
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measured, ...] = ()
    digest: str = ""

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def suite_verdict(verdicts: list[Verdict]) -> Verdict:
    """The verdict of several runs; none of them, or only skipped ones, is "nothing ran"."""
    return next((verdict for verdict in _SUITE_ORDER if verdict in verdicts), Verdict.NOTHING_RAN)
