"""Comparing two runs: where they part, and what is around."""

import json
from pathlib import Path

import pytest

from coda_executive.errors import EngineError
from coda_executive.executive.replay import compare_runs, first_difference, flags_of


def make_run(directory: Path, *, history: str = "one\ntwo\n", log: str = "a\n", checkpoints: int = 3) -> Path:
    (directory / "history").mkdir(parents=True)
    (directory / "history" / "000001.jsonl").write_text(history)
    (directory / "nodes" / "node-1").mkdir(parents=True)
    (directory / "nodes" / "node-1" / "daemon.log").write_text(log)
    names = [f"checkpoint {number}" for number in range(checkpoints)]
    (directory / "trace.json").write_text(json.dumps({"digest": str(checkpoints), "checkpoints": names}))
    return directory


def test_equal_texts_have_no_difference() -> None:
    assert first_difference("it", ["a", "b"], ["a", "b"]) is None


def test_the_first_difference_has_the_lines_around_it_of_both_sides() -> None:
    original = [f"line {number}" for number in range(1, 20)]
    repeated = [*original[:9], "another", *original[10:]]

    difference = first_difference("it", original, repeated)

    assert difference is not None
    assert difference.number == 10
    assert difference.before == ("line 7", "line 8", "line 9")
    assert difference.original == ("line 10", "line 11", "line 12", "line 13")
    assert difference.repeated == ("another", "line 11", "line 12", "line 13")


def test_a_text_that_ends_early_differs_at_its_end() -> None:
    difference = first_difference("it", ["a", "b"], ["a"])
    assert difference is not None
    assert (difference.number, difference.original, difference.repeated) == (2, ("b",), ())
    assert "(nothing more)" in str(difference)


def test_runs_with_equal_evidence_are_the_same(tmp_path: Path) -> None:
    assert compare_runs(make_run(tmp_path / "one"), make_run(tmp_path / "other")) is None


def test_the_history_is_compared_before_the_logs(tmp_path: Path) -> None:
    one = make_run(tmp_path / "one", log="x\n")
    other = make_run(tmp_path / "other", history="one\nthree\n")
    assert "at line 2 of the history" in str(compare_runs(one, other))


def test_logs_are_compared_too(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "one", log="x\n"), make_run(tmp_path / "other")
    assert "at line 1 of the log of node-1" in str(compare_runs(one, other))


def test_without_its_text_a_difference_of_steps_is_told_to_the_checkpoint(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "one", checkpoints=2), make_run(tmp_path / "other", checkpoints=3)
    difference = compare_runs(one, other)
    assert difference is not None
    assert difference.number == 2001
    assert "--trace-text" in str(difference)


def test_with_its_text_a_difference_of_steps_is_told_to_the_line(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "one"), make_run(tmp_path / "other")
    (one / "trace.txt").write_text("1 a\n2 b\n")
    (other / "trace.txt").write_text("1 a\n3 b\n")
    assert "at line 2 of the steps" in str(compare_runs(one, other))


def test_a_run_without_a_trace_cannot_be_compared(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "one"), make_run(tmp_path / "other")
    (one / "trace.json").unlink()
    with pytest.raises(EngineError, match=r"has no trace\.json"):
        compare_runs(one, other)


def test_options_become_flags() -> None:
    options = {"stop_limit": 30.0, "audit": False, "trace": True, "nothing": None}
    assert flags_of(options) == ["--stop-limit", "30.0", "--no-audit", "--trace"]
