"""`run --replay RUN`: the run again, and whether it was the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli

Write = Callable[..., str]
BODY = "await dsl.wait_for(blocks_to_be_produced(2))"


def run(*arguments: str) -> int:
    return run_cli(["run", *arguments])


def test_a_run_is_replayed_with_its_own_options(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original, again = str(tmp_path / "original"), str(tmp_path / "again")
    assert run(target, "--engine", "simulation", "--seed", "7", "--jitter", "0.2", "--run-dir", original) == 0

    assert run("--replay", original, "--run-dir", again) == 0

    assert "the repetition of original was the same, step by step" in capsys.readouterr().out


def test_a_replay_of_changed_code_names_the_first_difference(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original, again = str(tmp_path / "original"), str(tmp_path / "again")
    run(target, "--engine", "simulation", "--seed", "7", "--run-dir", original)
    write_test("await asyncio.sleep(1)\n" + BODY.replace("2", "3"))

    assert run("--replay", original, "--run-dir", again) == 1

    shown = capsys.readouterr().out
    assert "was NOT the same: the runs part at line" in shown
    assert "original:" in shown
    assert "repeated:" in shown


def test_a_run_that_kept_no_trace_cannot_be_replayed(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original = str(tmp_path / "original")
    run(target, "--engine", "simulation", "--seed", "7", "--no-trace", "--run-dir", original)

    assert run("--replay", original, "--run-dir", str(tmp_path / "again")) == 3

    assert "has no trace.json" in capsys.readouterr().err
