"""The power of a search: defects of consensus, ledger and persistence are found, and few faults are left of what
shows them.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.coda_executive.exploration import planted, power
from tests.coda_executive.exploration.defects import DEFECTS
from tests.coda_executive.planting import replacement
from tests.coda_executive.runs import gate

from coda_executive.cli.main import run_cli
from coda_executive.exploration.attempt import Setup
from coda_executive.exploration.explore import SHRINK_BUDGET, Failure, explore, failure_test
from coda_executive.exploration.workers import Workers

pytestmark = [pytest.mark.real]

MOST_SEEDS, MOST_FAULTS = 500, 4
SETUP = Setup(f"{power.__file__}::busy", "simulation", {})
SMALL = Setup(
    f"{gate.__file__}::small", "simulation", {}, fault_slots=15, most_faults=10, kinds=("Stop", "Pause")
)


def first_failure(name: str, setup: Setup, *, jobs: int, budget: int) -> Failure | None:
    """What a search finds first, and makes small; None after so many seeds."""
    found_any = False

    def seeds() -> Iterator[int]:
        for seed in range(1, MOST_SEEDS + 1):
            if found_any:
                return
            yield seed

    def tell(_attempts: int, failures: int, _doing: str) -> None:
        nonlocal found_any
        found_any = failures > 0

    command = [sys.executable, str(planted.__file__), name]
    with Workers(setup, jobs=jobs, command=command) as workers:
        failures = explore(setup, seeds(), workers, tell=tell, budget=budget).failures
    return failures[0] if failures else None


def check_found(name: str, setup: Setup, tmp_path: Path, *, jobs: int, budget: int) -> None:
    """Also that the printed test shows the defect where it is, and passes where it is not."""
    failure = first_failure(name, setup, jobs=jobs, budget=budget)

    assert failure is not None
    told = [part for part in DEFECTS[name].told if part in failure.error]
    assert told, failure.error
    assert failure.is_repeatable
    assert failure.has_one_history
    assert failure.case is not None
    assert len(failure.case.schedule.faults) <= MOST_FAULTS
    path = tmp_path / "failure.py"
    text = failure_test(setup, failure, str(path))
    assert text is not None
    assert failure.signature in text
    path.write_text(text)
    run = [
        "run",
        f"{path}::{setup.target.partition('::')[2]}_with_faults",
        "--engine",
        "simulation",
        "--seed",
        str(failure.case.seed),
    ]
    shown = subprocess.run(
        [sys.executable, str(planted.__file__), name, *run, "--run-dir", str(tmp_path / "planted")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert told[0].removeprefix("InvariantViolated: ") in shown.stdout
    assert run_cli([*run, "--run-dir", str(tmp_path / "sound")]) == 0


@pytest.mark.parametrize("name", DEFECTS)
def test_what_a_defect_replaces_is_there(name: str) -> None:
    """The searches for most of them are long: a moved function is told before."""
    for place, planted_function in DEFECTS[name].planted.items():
        assert callable(getattr(*replacement(place, planted_function)[:2]))


def test_a_canary_is_found_at_once(tmp_path: Path) -> None:
    """If this one is not found, the searcher is broken."""
    check_found("own blocks are not journalled", SMALL, tmp_path, jobs=1, budget=4)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_within_500_seeds_and_shrunk(name: str, tmp_path: Path) -> None:
    check_found(name, SETUP, tmp_path, jobs=2, budget=SHRINK_BUDGET)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_sound_daemon_shows_none_of_them() -> None:
    """What finds defects says nothing of a daemon without one."""
    with Workers(SETUP, jobs=2) as workers:
        found = explore(SETUP, range(1, MOST_SEEDS + 1), workers, tell=lambda *_: None, budget=0)

    assert not found.failures
    assert len(found.attempts) == MOST_SEEDS
