"""`judge`: the verdict of a run again, from its history alone; and that of log files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.runs.conftest import PREAMBLE

from coda_executive.cli.main import run_cli

Judge = Callable[..., tuple[int, dict[str, object]]]

_PASSED = "await dsl.wait_for(blocks_to_be_produced(3))"
_FAILED = """
    with dsl.section("impossible"):
        assert 1 + 1 == 3, 'arithmetic'
"""
_INTERRUPTED = """
    import signal
    signal.raise_signal(signal.SIGINT)
    await dsl.wait_for(blocks_to_be_produced(3))
"""
_CRASHED = """
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
    raise RuntimeError("a bug of the test's own")
"""


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Path]]:
    def run(body: str, *arguments: str) -> tuple[int, Path]:
        test = tmp_path / "own.py"
        settings = "**SMALL, exercises=('finality',)"
        code = f"@integration_test({settings})\nasync def it(dsl):\n    {body.strip()}\n"
        test.write_text(f"{PREAMBLE}\n{code}")
        directory = tmp_path / "run"
        options = ["--engine", "simulation", "--seed", "1", "--run-dir", str(directory), *arguments]
        ended = run_cli(["run", f"{test}::it", *options])
        capsys.readouterr()
        return ended, directory

    return run


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> Judge:
    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        code = run_cli(["judge", "--json", *arguments])
        return code, json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize(
    ("body", "arguments", "verdict"),
    [
        (_PASSED, (), "passed"),
        (_PASSED, ("--strict",), "failed"),
        (_FAILED, (), "failed"),
        (_CRASHED, (), "failed"),
        (_INTERRUPTED, (), "interrupted"),
    ],
)
def test_a_history_gives_the_verdict_that_the_run_gave(
    simulate: Callable[..., tuple[int, Path]],
    judge: Judge,
    body: str,
    arguments: tuple[str, ...],
    verdict: str,
) -> None:
    """Without the outcome: the history and the plan are enough. Findings and errors are the same too."""
    code, directory = simulate(body, *arguments)
    outcome = json.loads((directory / "outcome.json").read_text())
    (directory / "outcome.json").unlink()

    judged_code, judgement = judge(str(directory))

    assert (outcome["verdict"], judgement["verdict"]) == (verdict, verdict)
    assert judged_code == code == outcome["exit_code"]
    if outcome["findings"]:
        assert judgement["findings"] == outcome["findings"]
    errors = [f"{error['kind']}: {error['message']}" for error in outcome["errors"]]
    assert judgement["errors"] == errors


def test_a_violation_fails_the_run_and_shows_its_witness(
    simulate: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The crash is expected by nobody; the wait would have told it, had there been one."""
    code, directory = simulate(_PASSED)
    assert code == 0
    history = directory / "history" / "000001.jsonl"
    lines = history.read_text().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if '"event":"BlockProduced"' in line)
    lines.insert(number, lines[number].replace('"state_hash":"3N', '"state_hash":"4N', 1))
    history.write_text("".join(lines))

    code = run_cli(["judge", str(directory)])

    shown = capsys.readouterr().out
    assert code == 1
    assert "its outcome says passed: the history was changed, or the validators were" in shown
    assert "InvariantViolated: one-block-per-slot: " in shown
    assert shown.count(" produced ") == 2


def test_a_run_that_was_killed_is_inconclusive(
    simulate: Callable[..., tuple[int, Path]], judge: Judge
) -> None:
    _, directory = simulate(_PASSED)
    (directory / "outcome.json").unlink()
    history = directory / "history" / "000001.jsonl"
    lines = history.read_text().splitlines(keepends=True)
    history.write_text("".join(lines[: len(lines) // 2]))

    code, judgement = judge(str(directory))

    assert (code, judgement["verdict"]) == (2, "inconclusive")
    assert judgement["remark"] == "the history has no end: the run goes on, or was killed"


def test_a_fault_that_was_at_work_when_the_run_was_killed_is_told(
    simulate: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, directory = simulate("async with dsl.nemesis.applied(Pause('seed-1')): pass")
    journal = directory / "nemesis.jsonl"
    applied, healed = journal.read_text().splitlines(keepends=True)
    capsys.readouterr()

    run_cli(["judge", str(directory)])
    assert "never healed" not in capsys.readouterr().out

    journal.write_text(applied)
    run_cli(["judge", str(directory)])
    assert "fault 1 was never healed: Pause(target='seed-1')" in capsys.readouterr().out
    assert "Healed" in healed


def test_logs_alone_are_judged_by_what_they_hold(
    simulate: Callable[..., tuple[int, Path]], judge: Judge
) -> None:
    _, directory = simulate("await dsl.wait_for(block_height_to_grow(20))")
    logs = sorted(str(path) for path in directory.glob("nodes/*/daemon.log"))

    code, judgement = judge(*logs)

    assert (code, judgement["verdict"]) == (0, "passed")
    assert judgement["nodes"] == ["block-producer-1", "block-producer-2", "seed-1"]
    findings = judgement["findings"]
    assert isinstance(findings, list)
    assert [finding["validator"] for finding in findings if finding["validity"] == "valid"] == [
        "one-block-per-slot",
        "chain-links",
        "no-early-block",
        "window-density",
        "common-prefix",
        "chain-selection",
        "finality",
    ]


def test_logs_of_one_producer_too_few_leave_questions_open(
    simulate: Callable[..., tuple[int, Path]], judge: Judge
) -> None:
    _, directory = simulate("await dsl.wait_for(block_height_to_grow(20))")
    logs = [str(directory / "nodes" / node / "daemon.log") for node in ("block-producer-1", "seed-1")]

    code, judgement = judge(*logs, "--k", "12", "--slot", "1")

    assert (code, judgement["verdict"]) == (2, "inconclusive")


def test_options_go_before_what_the_blocks_of_a_log_say(
    simulate: Callable[..., tuple[int, Path]], judge: Judge
) -> None:
    """With slots of an hour, all that make a block a second are early, or the clocks are wrong."""
    _, directory = simulate("await dsl.wait_for(block_height_to_grow(3))")
    logs = [str(path) for path in directory.glob("nodes/*/daemon.log")]

    code, judgement = judge(*logs, "--slot", "3600")

    findings = judgement["findings"]
    assert isinstance(findings, list)
    assert code == 2
    assert [each["validator"] for each in findings if each["validity"] == "unknown"] == ["no-early-block"]


def test_two_logs_of_one_node_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder / "seed").mkdir(parents=True)
        (tmp_path / folder / "seed" / "daemon.log").touch()
    logs = [str(tmp_path / folder / "seed" / "daemon.log") for folder in ("one", "other")]

    assert run_cli(["judge", *logs]) == 4
    assert "would both be node 'seed'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["import os\n", "", "2026-11-23 03:09:37 UTC [Info] written for people\n"])
def test_a_file_that_is_no_log_is_refused_and_does_not_pass(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text(text)

    assert run_cli(["judge", str(tmp_path / "own.py")]) == 4
    assert f"found no such line in {tmp_path / 'own.py'}" in capsys.readouterr().err


def test_a_damaged_plan_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "plan.json").write_text("{}")

    assert run_cli(["judge", str(tmp_path)]) == 3
    assert "plan.json cannot be read: Object missing required field" in capsys.readouterr().err
