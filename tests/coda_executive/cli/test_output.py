"""A run whose reader leaves early."""

import subprocess
import sys
from pathlib import Path

from coda_executive.executive.run_directory import read_outcome


def test_a_run_ends_as_it_would_when_its_reader_leaves(tmp_path: Path) -> None:
    """As in `run … | head -1`: the verdict, the evidence and the exit code stay."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "coda_executive", "run", "block-production", "--engine", "simulation"]
    with subprocess.Popen(
        [*command, "--seed", "1", "--run-dir", str(run)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "block-production on simulation" in process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()

    assert (process.returncode, complaints) == (0, "")
    outcome = read_outcome(run)
    assert outcome is not None
    assert outcome.exit_code == 0
    assert (run / "report.html").exists()
