"""The shape of a run: sections that passed and failed, measurements, and the analysis after it, in every report."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from coda_executive.cli.main import run_cli

Write = Callable[..., str]

UP = "await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))\n"
COLLECT = (
    UP + "dsl.collect('bootstrap', 3.25, 's', dsl.testnet.seeds[0])\ndsl.collect('bootstrap', 4.5, 's')\n"
)


@dataclass(frozen=True)
class Run:
    code: int
    shown: str
    directory: Path

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "report.json").read_text())
        return found


Simulate = Callable[..., Run]


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str], write_test: Write) -> Simulate:
    """Run a body, with an analysis of the given text."""

    def run(body: str, analysis: str = "None", settings: str = "**SMALL") -> Run:
        directory = tmp_path / "run"
        target = write_test(body, settings=f"{settings}, analysis={analysis}")
        code = run_cli(["run", target, "--engine", "simulation", "--seed", "1", "--run-dir", str(directory)])
        shown = capsys.readouterr()
        return Run(code, shown.out + shown.err, directory)

    return run


def test_measurements_are_on_the_console_and_in_every_report(simulate: Simulate) -> None:
    run = simulate(COLLECT)

    assert run.code == 0, run.shown
    lines = [line.split() for line in run.shown.splitlines() if "bootstrap" in line]
    assert lines == [["bootstrap", "(seed-1)", "3.25", "s"], ["bootstrap", "4.5", "s"]]
    told = [(each["name"], each["value"], each["unit"], each["node"]) for each in run.report["measurements"]]
    assert told == [("bootstrap", 3.25, "s", "seed-1"), ("bootstrap", 4.5, "s", None)]
    page = (run.directory / "report.html").read_text()
    assert '<th scope="row">bootstrap</th><td>seed-1</td><td class="number">3.25</td><td>s</td>' in page
    properties = {
        each.get("name"): each.get("value")
        for each in ElementTree.parse(run.directory / "junit.xml").iter("property")
    }
    assert (properties["bootstrap (seed-1)"], properties["bootstrap"]) == ("3.25 s", "4.5 s")


def test_an_analysis_judges_what_was_collected(simulate: Simulate) -> None:
    analysis = "lambda results: dsl_check(results)"
    run = simulate(
        COLLECT.replace("await", "global dsl_check\ndsl_check = check\nawait", 1).replace(
            "global",
            "def check(results):\n"
            "    assert results.values('bootstrap') == (3.25, 4.5)\n"
            "    assert results.values('bootstrap', node='seed-1') == (3.25,)\n"
            "    assert results.state.node('seed-1').initialized\nglobal",
            1,
        ),
        analysis,
    )

    assert run.code == 0, run.shown
    assert run.report["sections"][-1]["path"] == ["analysis"]
    assert run.report["sections"][-1]["passed"] is True


@pytest.mark.parametrize(
    ("analysis", "kind", "told"),
    [
        ("lambda results: assert_that(max(results.values('bootstrap')) < 4)", "AssertionError", "too much"),
        (
            "lambda results: results.values('bootstrp')",
            "TestFailed",
            "'bootstrp' was not collected in this run",
        ),
        ("lambda results: 1 / 0", "ZeroDivisionError", "division by zero\n    test: own_test.py:"),
    ],
)
def test_what_an_analysis_finds_is_an_error_and_is_judged_again(
    simulate: Simulate, capsys: pytest.CaptureFixture[str], analysis: str, kind: str, told: str
) -> None:
    check = "def check(right):\n    assert right, 'too much'\nglobal assert_that\nassert_that = check\n"
    run = simulate(check + COLLECT, analysis)

    assert run.code == 1, run.shown
    assert f"{kind} [analysis]" in run.shown, run.shown
    assert told in run.shown
    assert "FAIL analysis" in run.shown
    assert run_cli(["judge", str(run.directory)]) == 1
    assert told in capsys.readouterr().out


def test_a_test_that_was_stopped_early_skips_its_analysis(simulate: Simulate) -> None:
    run = simulate(COLLECT + "assert False, 'stop'", "lambda results: 1 / 0")

    assert run.code == 1
    assert "stop" in run.shown
    assert "analysis" not in run.shown


def test_nested_sections_are_told_with_those_that_passed(simulate: Simulate) -> None:
    run = simulate(
        UP
        + """
with dsl.section("outer"):
    with dsl.section("good"):
        await dsl.wait_for(blocks_to_be_produced(1))
    with dsl.section("bad"):
        assert False, "this"
    with dsl.section("after", hard=True):
        pass
"""
    )

    assert run.code == 1
    told = [(section["path"], section["passed"]) for section in run.report["sections"]]
    assert told == [
        (["outer"], False),
        (["outer", "good"], True),
        (["outer", "bad"], False),
        (["outer", "after"], True),
    ]
    assert run.report["errors"][0]["section"] == ["outer", "bad"]
    marks = [
        line.split()[:2] for line in run.shown.splitlines() if line.startswith(("  ok", "  FAIL", "    "))
    ]
    assert ["ok", "good"] in marks
    assert ["FAIL", "bad"] in marks


def test_an_expected_line_that_never_came_is_an_error_and_one_that_came_is_none(simulate: Simulate) -> None:
    policy = (
        "**SMALL, log_policy=LogPolicy(expected=(ExpectedLog('Could not read', node='seed-1'), "
        "ExpectedLog('never said')), judge_warnings=True)"
    )
    run = simulate(UP, settings=policy)

    assert run.code == 1
    kinds = {error["kind"] for error in run.report["errors"]}
    assert "MissingLogLine" in kinds
    missing = [error["message"] for error in run.report["errors"] if error["kind"] == "MissingLogLine"]
    assert missing == [
        "the test expects a log line of level Warn or above that matches 'never said', and none came"
    ]
    warned = [error["message"] for error in run.report["errors"] if error["kind"] == "LogLine"]
    assert any("Could not read" in message for message in warned), "another node's is judged"
    assert not any("seed-1 logged" in message and "Could not read" in message for message in warned)


def test_several_hard_errors_at_once_are_all_told(simulate: Simulate) -> None:
    run = simulate(
        UP
        + """
async def fail(text):
    with dsl.section("part", hard=True):
        assert False, text
await dsl.together(one=lambda: fail("first"), other=lambda: fail("second"))
"""
    )

    assert run.code == 1
    told = [(error["severity"], tuple(error["section"])) for error in run.report["errors"]]
    assert [severity for severity, _ in told] == ["hard", "hard"]
    assert "first" in run.shown
    assert "second" in run.shown


def test_an_error_that_stops_the_test_tells_its_section_and_a_bug_of_the_test_its_line(
    simulate: Simulate,
) -> None:
    run = simulate(
        UP
        + """
with dsl.section("outer"):
    with dsl.section("arithmetic"):
        height = {}["height"]
"""
    )

    assert run.code == 1
    (error,) = run.report["errors"]
    assert error["section"] == ["outer", "arithmetic"]
    first, second, third = error["message"].splitlines()
    assert first == "'height'"
    assert second.startswith("test: own_test.py:")
    assert second.endswith(': height = {}["height"]')
    assert third == "next: mend the test's own code, which raised this; no node is to blame"


def test_a_wait_of_a_task_is_told_as_the_task_s(simulate: Simulate) -> None:
    run = simulate(
        UP
        + """
with dsl.section("body"):
    async with dsl.task("beside", lambda: dsl.wait_for(blocks_to_be_produced(1))):
        with dsl.section("inner"):
            await dsl.wait_for(blocks_to_be_produced(2))
"""
    )

    assert run.code == 0, run.shown
    told = {wait["description"]: wait["section"] for wait in run.report["waits"]}
    assert told == {
        "3 nodes to initialise": [],
        "1 block to be produced": ["body", "beside"],
        "2 blocks to be produced": ["body", "inner"],
    }
