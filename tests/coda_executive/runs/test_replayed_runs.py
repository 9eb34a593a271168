"""`run --replay RUN`: the run again, and whether it was the same."""

import asyncio
import itertools
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


def test_a_run_that_kept_no_trace_cannot_be_replayed(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = write_test(BODY)
    original = str(tmp_path / "original")
    run(target, "--engine", "simulation", "--seed", "7", "--no-trace", "--run-dir", original)

    assert run("--replay", original, "--run-dir", str(tmp_path / "again")) == 3

    assert "has no trace.json" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()


def planted_step() -> None:
    """Does nothing, but takes a step of the loop."""


@pytest.mark.parametrize(
    ("planted", "where", "what"),
    [
        # A line more in a log: what the history shows is that the block's own event comes a line later.
        (
            lambda producer: producer._log.info("Block_producer", "planted"),
            "of the history",
            '"BlockProduced"',
        ),
        (lambda _: asyncio.get_running_loop().call_soon(planted_step), "of the steps", "planted_step"),
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

    _, _, told = capsys.readouterr().out.partition("the runs part at line ")
    number, place = told.partition("\n")[0].split(" ", 1)
    assert place == where
    lines = told.partition("  original:\n")[2].splitlines()
    assert what in lines[0]
    evidence = {"of the history": "history/000001.jsonl", "of the steps": "trace.txt"}[where]
    assert (original / evidence).read_text().splitlines()[int(number) - 1].startswith(lines[0].strip()[:200])
