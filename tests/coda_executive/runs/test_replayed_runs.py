"""`run --replay RUN`: the run again, and whether it was the same."""

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from coda_daemon.block_producer import BlockProducer
from coda_daemon.consensus.lottery import Win
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
    assert "  own_test.py has changed since the original was made" in shown


def edit_description(run_dir: Path, **changes: object) -> None:
    path = run_dir / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_replay_on_another_python_compares_no_steps(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original, again = tmp_path / "original", str(tmp_path / "again")
    run(target, "--engine", "simulation", "--seed", "7", "--run-dir", str(original))
    edit_description(original, python="3.99.1")
    trace = json.loads((original / "trace.json").read_text())
    (original / "trace.json").write_text(json.dumps(trace | {"digest": "another"}))

    assert run("--replay", str(original), "--run-dir", again) == 0

    assert (
        "had the same history and logs; its steps cannot be compared: Python 3.99.1"
        in capsys.readouterr().out
    )


def test_a_replay_that_differs_tells_that_this_program_has_changed(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original, again = tmp_path / "original", str(tmp_path / "again")
    run(target, "--engine", "simulation", "--seed", "7", "--run-dir", str(original))
    edit_description(original, version="0.0.9", python="3.99.1", sources={"Coda Executive": "another"})
    with (original / "nodes" / "seed-1" / "daemon.log").open("a") as log:
        log.write("more\n")

    assert run("--replay", str(original), "--run-dir", again) == 1

    shown = capsys.readouterr().out
    assert "the original was made by Python 3.99.1, the repetition by " in shown
    assert "Coda Executive was 0.0.9, and is " in shown
    assert "Coda Executive has changed since the original was made" in shown
    assert "own_test.py has changed" not in shown


def test_a_run_that_kept_no_trace_cannot_be_replayed(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original = str(tmp_path / "original")
    run(target, "--engine", "simulation", "--seed", "7", "--no-trace", "--run-dir", original)

    assert run("--replay", original, "--run-dir", str(tmp_path / "again")) == 3

    assert "has no trace.json" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def test_a_run_that_does_not_say_what_it_was_cannot_be_replayed(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "original" / "nodes").mkdir(parents=True)

    assert run("--replay", str(tmp_path / "original")) == 3

    assert "original/run.json cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_replay_takes_neither_a_test_nor_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ["--run-dir", str(tmp_path / "again")]

    assert run("block-production", "--replay", str(tmp_path), "--seed", "1", "--jitter", "0.1", *again) == 4

    assert "with its own test, seed and options; leave out TEST, --seed, --jitter" in capsys.readouterr().err


def planted_step() -> None:
    """Does nothing, but takes a step of the loop."""


@pytest.mark.parametrize(
    ("planted", "where", "what", "is_step_told"),
    [
        # A line more in a log: what the history shows is that the block's own event comes a line later.
        (
            lambda producer: producer._log.info("Block_producer", "planted"),
            "of the history",
            '"BlockProduced"',
            False,  # the steps are the same
        ),
        (
            lambda producer: asyncio.get_running_loop().call_soon(producer._log.info, "Miner", "planted"),
            "of the log of block-producer-1",
            "planted",
            True,
        ),
        (lambda _: asyncio.get_running_loop().call_soon(planted_step), "of the steps", "planted_step", False),
    ],
)
def test_a_planted_nondeterminism_is_located_to_its_line(
    write_test: Write,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    planted: Callable[[BlockProducer], object],
    where: str,
    what: str,
    is_step_told: bool,
) -> None:
    """The daemon does something at its second block in this process that it does not do at others."""
    produce, produced = BlockProducer._produce, itertools.count(1)

    def stray(self: BlockProducer, win: Win) -> None:
        if next(produced) == 2:
            planted(self)
        produce(self, win)

    monkeypatch.setattr(BlockProducer, "_produce", stray)
    original = tmp_path / "original"
    options = ["--engine", "simulation", "--seed", "7", "--trace-text", "--run-dir", str(original)]
    assert run(write_test(BODY), *options) == 0

    assert run("--replay", str(original), "--run-dir", str(tmp_path / "again")) == 1

    shown = capsys.readouterr().out
    assert "Neither Python nor this program nor the test's file has changed" in shown
    assert ("and the runs part at line" in shown) == is_step_told
    _, _, told = shown.partition("the runs part at line ")
    number, place = told.partition("\n")[0].split(" ", 1)
    assert place == where
    lines = told.partition("  original:\n")[2].splitlines()
    assert what in lines[0]
    evidence = {
        "of the history": "history/000001.jsonl",
        "of the log of block-producer-1": "nodes/block-producer-1/daemon.log",
        "of the steps": "trace.txt",
    }[where]
    assert (original / evidence).read_text().splitlines()[int(number) - 1].startswith(lines[0].strip()[:200])
