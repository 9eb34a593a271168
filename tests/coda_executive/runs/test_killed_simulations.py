"""Killed at any step, a run leaves a directory that can be read as far as it was written."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.coda_executive.runs import killed_simulation

from coda_executive.executive.run_directory import read_description, read_outcome
from coda_executive.observation.history import HistoryEntry, HistoryReader

ROOT = Path(killed_simulation.__file__).parents[3]


def entries(run: Path) -> list[HistoryEntry]:
    return list(HistoryReader(run / "history"))


def test_every_step_leaves_a_consistent_run_directory(write_test: Callable[..., str], tmp_path: Path) -> None:
    """The description is whole or absent, the history a beginning of the whole one, the verdict whole or absent."""
    target = write_test(
        """
        with dsl.section("initialise"):
            await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        """
    )
    runs = tmp_path / "killed"
    runs.mkdir()
    done = subprocess.run(
        [sys.executable, killed_simulation.__file__, str(runs), target],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    steps = len(list(runs.iterdir())) - 1
    assert steps > 60
    whole = entries(runs / str(steps))
    torn = 0

    for step in range(1, steps):
        run = runs / str(step)
        if not (run / "run.json").exists():
            assert not (run / "history").exists()  # nothing was started
            continue
        assert read_description(run).seed == 1
        if (run / "plan.json").exists():
            json.loads((run / "plan.json").read_text())
        if list((run / "history").glob("*.jsonl")):
            reader = HistoryReader(run / "history")
            found = list(reader)
            torn += reader.torn is not None
            assert found == whole[: len(found)]
        outcome = read_outcome(run) if (run / "outcome.json").exists() else None
        if outcome is not None:
            assert outcome.verdict == "passed"
            assert entries(run) == whole
    assert torn > 0
