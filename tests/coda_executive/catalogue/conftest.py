"""Shipped tests, run in virtual time in this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli


@dataclass(frozen=True)
class Run:
    """A run that ended: its exit code, all that was printed, and its directory."""

    code: int
    shown: str
    directory: Path


@pytest.fixture
def simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    numbers: Iterator[int] = iter(range(100))

    def run(target: str, *, seed: int = 1, options: tuple[str, ...] = ()) -> Run:
        directory = tmp_path / f"run-{next(numbers)}"
        where = ["--engine", "simulation", "--seed", str(seed), "--run-dir", str(directory)]
        code = run_cli(["run", target, *where, *options])
        shown = capsys.readouterr()
        return Run(code, shown.out + shown.err, directory)

    return run
