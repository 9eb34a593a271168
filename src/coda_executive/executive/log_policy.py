"""Judging what nodes write: which log lines fail a test.

Faulty_peer is a soft error, Error and Fatal are hard ones, Warn counts only where a test opts in. A line that
the test expects is no error; an expected one that never came is.
"""

import re
from dataclasses import dataclass, field

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import Severity
from coda_executive.errors import ConfigError
from coda_executive.events.event import ErrorLogged

_SEVERITY = {
    "Warn": Severity.SOFT,
    "Faulty_peer": Severity.SOFT,
    "Error": Severity.HARD,
    "Fatal": Severity.HARD,
}


@dataclass(frozen=True, slots=True)
class ExpectedLog:
    """A line that is no error: its filled-in message matches `pattern` (a regular expression, searched), on
    `node` if given.

    Unless `required` is false, never seeing it at level Warn or above is an error.
    """

    pattern: str
    node: str | None = None
    required: bool = True

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ConfigError(
                f"the pattern {self.pattern!r} of an ExpectedLog is no regular expression: {error}. "
                f"re.escape makes one of a plain text."
            ) from error


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """How a test judges error lines of daemons: all but the expected ones are errors, and with `judge_warnings`
    lines of level Warn too.
    """

    expected: tuple[ExpectedLog, ...] = ()
    judge_warnings: bool = False


@dataclass(slots=True)
class LogJudge:
    """Applies a policy to one run's lines."""

    policy: LogPolicy
    _seen: set[int] = field(default_factory=set)

    def judge(self, node: NodeId, line: ErrorLogged) -> Severity | None:
        """How bad a line is; None when it is none of the test's concern."""
        matching = [
            index
            for index, expected in enumerate(self.policy.expected)
            if expected.node in (None, node) and re.search(expected.pattern, line.message)
        ]
        self._seen.update(matching)
        if matching or (line.level == "Warn" and not self.policy.judge_warnings):
            return None
        return _SEVERITY[line.level]

    def missing(self) -> tuple[ExpectedLog, ...]:
        """Expected lines that never came."""
        return tuple(
            expected
            for index, expected in enumerate(self.policy.expected)
            if expected.required and index not in self._seen
        )
