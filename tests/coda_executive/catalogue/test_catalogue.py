"""Every shipped test passes on a network without fault: in virtual time always, on real nodes in the long tests."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.catalogue.conftest import Run

from coda_executive.executive.load import catalogue
from coda_executive.observation.history import HistoryReader, Measured

NAMES = sorted(catalogue())
LONGEST_PASS = 2700  # seconds; three times what it takes, for busy machines


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_it_passes_in_virtual_time(simulated: Callable[..., Run], name: str, seed: int) -> None:
    """Strictly: within its soft limits, and with a chance to fail for every validator that it exercises."""
    run = simulated(name, seed=seed, options=("--strict",))

    assert run.code == 0, run.shown


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(LONGEST_PASS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_all_pass_on_real_nodes_one_after_the_other(number: int, tmp_path: Path) -> None:
    """Three passes in a row; on an idle machine with two cores each takes less than 15 minutes."""
    command = [sys.executable, "-m", "coda_executive", "run", *NAMES, "--engine", "local"]

    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_PASS, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, f"pass {number}: {done.stdout[-20_000:]}{done.stderr[-5000:]}"


def test_what_a_test_measures_is_in_the_history(simulated: Callable[..., Run]) -> None:
    run = simulated("basic-bootstrap")

    entries = HistoryReader(run.directory / "history")
    measured = [entry.record for entry in entries if isinstance(entry.record, Measured)]

    assert [each.name.partition(" once ")[0] for each in measured] == ["bootstrap", "bootstrap"]
    assert all(each.unit == "s" and 0 < each.value < 10 for each in measured)
