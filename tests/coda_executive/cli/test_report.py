"""`report`: a page of a run, and what every run leaves of itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.report.made_runs import make_run
from tests.coda_executive.runs.conftest import PREAMBLE

from coda_executive.cli.main import run_cli

Simulate = Callable[..., tuple[int, str, Path]]


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Simulate:
    """Run a test body; answers exit code, what was printed, and the run directory."""

    def run(body: str, *arguments: str) -> tuple[int, str, Path]:
        test = tmp_path / "own.py"
        test.write_text(f"{PREAMBLE}\n@integration_test(**SMALL)\nasync def it(dsl):\n    {body}\n")
        directory = tmp_path / "run"
        options = ["--engine", "simulation", "--seed", "1", "--run-dir", str(directory), *arguments]
        code = run_cli(["run", f"{test}::it", *options])
        return code, capsys.readouterr().out, directory

    return run


@pytest.mark.parametrize(
    ("body", "code", "verdict"),
    [("await dsl.wait_for(blocks_to_be_produced(1))", 0, "PASSED"), ("assert False, 'no'", 1, "FAILED")],
)
def test_every_run_ends_with_the_path_of_its_report(
    simulate: Simulate, body: str, code: int, verdict: str
) -> None:
    ended, printed, directory = simulate(body)

    assert ended == code
    assert f"  report         {directory}/report.html\n" in printed
    assert verdict in (directory / "report.html").read_text()
    assert json.loads((directory / "report.json").read_text())["exit_code"] == code
    assert (directory / "junit.xml").read_text().count("<testcase ") == 1


def test_a_machine_is_told_where_the_report_is(simulate: Simulate) -> None:
    _, printed, directory = simulate("pass", "--json")

    assert json.loads(printed)["report"] == str(directory / "report.html")


def test_waits_of_a_real_run_have_limits_in_seconds(simulate: Simulate) -> None:
    _, _, directory = simulate("await dsl.wait_for(blocks_to_be_produced(1))", "--timeout-factor", "2")

    (wait,) = json.loads((directory / "report.json").read_text())["waits"]
    assert wait["result"] == "reached"
    assert 0 < wait["seconds"] < wait["soft_limit"] < wait["hard_limit"]
    assert 0 < wait["used"] < 1


def test_a_report_that_cannot_be_made_hides_no_verdict(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def break_down(_directory: Path) -> None:
        raise RuntimeError("a bug of the report's")

    monkeypatch.setattr("coda_executive.report.write.write_reports", break_down)
    code, printed, directory = simulate("pass")

    assert code == 0
    assert "it: PASSED" in printed
    assert f"  report         coda-executive report {directory}\n" in printed


def test_a_page_is_written_where_it_is_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = make_run(tmp_path / "run")
    files = [str(tmp_path / name) for name in ("page.html", "junit.xml", "run.json")]

    code = run_cli(["report", str(directory), "--out", files[0], "--junit", files[1], "--json", files[2]])

    assert (code, capsys.readouterr().out) == (0, f"{files[0]}\n")
    assert "two-blocks" in Path(files[0]).read_text()
    assert "<testsuites" in Path(files[1]).read_text()
    assert json.loads(Path(files[2]).read_text())["verdict"] == "failed"
    assert not (directory / "report.html").exists()


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = make_run(tmp_path / "run")

    assert run_cli(["report", str(directory), "--out", str(tmp_path / "no" / "page.html")]) == 3
    assert "page.html: No such file or directory" in capsys.readouterr().err
