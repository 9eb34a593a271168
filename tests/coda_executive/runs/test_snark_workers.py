"""Runs of networks with SNARK workers beside their coordinators."""

import re
from pathlib import Path

import pytest
from tests.coda_executive.runs import working_tests

from coda_executive.cli.main import run_cli
from coda_executive.events.event import CompanionStarted
from coda_executive.executive.run_directory import read_outcome
from coda_executive.observation.history import EventSeen, HistoryReader

FILE = working_tests.__file__


def run(directory: Path, name: str, *options: str) -> int:
    return run_cli(["run", f"{FILE}::{name}", "--run-dir", str(directory), "--seed", "1", *options])


def worker_logs(directory: Path) -> list[str]:
    paths = sorted((directory / "nodes" / "snark-coordinator-1").glob("worker-*.log"))
    return [path.read_text() for path in paths]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--engine", "simulation"), id="simulation"),
        pytest.param(("--engine", "local", "--slot", "0.5"), id="local", marks=pytest.mark.real),
    ],
)
def test_a_ledger_proof_is_made_by_the_workers(tmp_path: Path, options: tuple[str, ...]) -> None:
    """And their logs stay when the run passed."""
    assert run(tmp_path / "run", "a_ledger_proof", *options) == 0
    logs = worker_logs(tmp_path / "run")
    assert len(logs) == 2
    assert "Error communicating" not in "".join(logs), "they were started before their coordinator listened"
    # One of them may be quicker at every piece.
    assert re.search(r"Submitted completed SNARK work \[\d+,\d+\]", "".join(logs))
    started = [
        entry.record.event.companion
        for entry in HistoryReader(tmp_path / "run" / "history")
        if isinstance(entry.record, EventSeen) and isinstance(entry.record.event, CompanionStarted)
    ]
    assert started == ["snark-coordinator-1-worker-1", "snark-coordinator-1-worker-2"]


def test_workers_repeat_by_seed(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in ("one", "two")]
    for directory in directories:
        assert run(directory, "a_ledger_proof", "--engine", "simulation") == 0
    assert worker_logs(directories[0]) == worker_logs(directories[1])


def test_a_worker_that_ends_by_itself_fails_the_run(tmp_path: Path) -> None:
    assert run(tmp_path / "run", "workers_that_cannot_start", "--engine", "simulation") == 1
    outcome = read_outcome(tmp_path / "run")
    assert outcome is not None
    [error] = [error for error in outcome.errors if error.kind == "CrashedNode"]
    assert error.message.startswith("snark-coordinator-1-worker-1 crashed: it exited with code 1")
    assert "CODA_PROVING_MS is 'soon'" in error.message
