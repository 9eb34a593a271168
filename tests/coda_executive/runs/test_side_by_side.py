"""Runs on one machine do not disturb each other."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(900)]

RUNS = 10
ROUNDS = 5


@pytest.fixture(autouse=True)
def two_cores() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:2])
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_ten_runs_of_one_test_at_once_all_pass(turn: int, tmp_path: Path) -> None:
    """On two cores, fifty daemons at once: no run gets another's ports, directory, name or time limit."""
    (tmp_path / "runtime").mkdir()
    runs = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "coda_executive", "run", "block-production"),
                *("--seed", str(turn * RUNS + number)),
            ],
            cwd=tmp_path,
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "runtime")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(RUNS)
    ]
    shown = [run.communicate()[0] for run in runs]

    assert [run.returncode for run in runs] == [0] * RUNS, "\n".join(shown)
    directories = list((tmp_path / "runs").iterdir())
    assert len(directories) == RUNS
    ports = [
        port
        for directory in directories
        for node in json.loads((directory / "plan.json").read_text())["nodes"].values()
        for port in node["ports"].values()
    ]
    assert len(set(ports)) == len(ports) == RUNS * 5 * 3
    assert not list((tmp_path / "runtime" / "coda-executive" / "runs").iterdir())
