"""Which log lines fail a test."""

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import Severity
from coda_executive.events.event import ErrorLogged
from coda_executive.executive.log_policy import ExpectedLog, LogJudge, LogPolicy

NODE = NodeId("block-producer-1")


def line(level: str, message: str = "something") -> ErrorLogged:
    return ErrorLogged(level, message, None)


@pytest.mark.parametrize(
    ("level", "severity"),
    [("Warn", None), ("Faulty_peer", Severity.SOFT), ("Error", Severity.HARD), ("Fatal", Severity.HARD)],
)
def test_levels_weigh_as_the_design_says(level: str, severity: Severity | None) -> None:
    assert LogJudge(LogPolicy()).judge(NODE, line(level)) == severity


def test_a_test_may_opt_into_warnings() -> None:
    assert LogJudge(LogPolicy(judge_warnings=True)).judge(NODE, line("Warn")) is Severity.SOFT


def test_an_expected_line_is_no_error_and_its_absence_is_one() -> None:
    policy = LogPolicy(
        expected=(ExpectedLog("ban.*peer"), ExpectedLog("never seen"), ExpectedLog("may be", required=False))
    )
    judge = LogJudge(policy)

    assert judge.judge(NODE, line("Error", "will ban the peer")) is None
    assert judge.judge(NODE, line("Error", "something else")) is Severity.HARD

    assert judge.missing() == (ExpectedLog("never seen"),)


def test_an_expected_warning_came_also_where_warnings_are_not_judged() -> None:
    judge = LogJudge(LogPolicy(expected=(ExpectedLog("ban.*peer"),)))

    assert judge.judge(NODE, line("Warn", "will ban the peer")) is None
    assert judge.missing() == ()


def test_an_expected_line_of_another_node_is_an_error() -> None:
    judge = LogJudge(LogPolicy(expected=(ExpectedLog("boom", node="seed-1"),)))

    assert judge.judge(NODE, line("Error", "boom")) is Severity.HARD
    assert judge.judge(NodeId("seed-1"), line("Error", "boom")) is None
