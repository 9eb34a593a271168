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


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_it_passes_in_virtual_time(simulated: Callable[..., Run], name: str, seed: int) -> None:
    """Strictly: within its soft limits, and with a chance to fail for every validator that it exercises."""
    run = simulated(name, seed=seed, options=("--strict",))

    assert run.code == 0, run.shown


@pytest.mark.real
@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_it_passes_on_real_nodes(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "coda_executive", "run", name, "--engine", "local"]

    done = subprocess.run(
        [*command, "--run-dir", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_test_measures_is_in_the_history(simulated: Callable[..., Run]) -> None:
    run = simulated("basic-bootstrap")

    entries = HistoryReader(run.directory / "history")
    measured = [entry.record for entry in entries if isinstance(entry.record, Measured)]

    assert [each.name.partition(" once ")[0] for each in measured] == ["bootstrap", "bootstrap"]
    assert all(each.unit == "s" and 0 < each.value < 10 for each in measured)
