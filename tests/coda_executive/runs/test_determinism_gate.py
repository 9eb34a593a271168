"""The determinism gate: whole runs, faults included, are the same wherever and whenever they are made."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.coda_executive.runs import gate
from tests.coda_executive.runs.other_pythons import other_pythons, python_path

from coda_executive.executive.replay import compare_runs

NO_OTHER_PYTHON = pytest.param(
    "none", marks=pytest.mark.skip("no Python but this one, of 3.11.3 or newer, is on the PATH or of pyenv")
)
ON_OTHER_PYTHONS = pytest.mark.parametrize(
    "python", other_pythons() or [NO_OTHER_PYTHON], ids=lambda path: Path(path).name
)


def elsewhere(
    directory: Path, seeds: range, *, python: str = sys.executable, path: str | None = None
) -> list[str]:
    """What the gate prints in a fresh process with a hash seed of its own."""
    done = subprocess.run(
        [python, str(gate.__file__), str(directory), str(seeds.start), str(seeds.stop)],
        env={
            **os.environ,
            **({} if path is None else {"PYTHONPATH": path}),
            "PYTHONHASHSEED": str(random.Random(str(directory)).randrange(1, 2**32)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def unrelated_work() -> list[object]:
    """Allocations, names and draws that have nothing to do with a run."""
    random.random()
    return [object() for _ in range(100_000)] + [f"name-{number}" for number in range(1000)]


def check_seeds(seeds: range, tmp_path: Path) -> None:
    first = [gate.fingerprint(seed, tmp_path / "first" / str(seed)) for seed in seeds]
    kept = unrelated_work()
    again = [gate.fingerprint(seed, tmp_path / "again" / str(seed)) for seed in seeds]
    fresh = elsewhere(tmp_path / "fresh", seeds)
    del kept
    for seed, one, two, three in zip(seeds, first, again, fresh, strict=True):
        for name, found in (("again", two), ("fresh", three)):
            assert found == one, compare_runs(tmp_path / "first" / str(seed), tmp_path / name / str(seed))
    assert len(set(first)) == len(first)


@pytest.mark.real
def test_twenty_seeds_repeat_in_this_process_and_in_a_fresh_one(tmp_path: Path) -> None:
    check_seeds(range(20), tmp_path)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_two_hundred_seeds_repeat_in_this_process_and_in_a_fresh_one(tmp_path: Path) -> None:
    check_seeds(range(1000, 1200), tmp_path)


def check_another_python(python: str, seeds: range, tmp_path: Path) -> None:
    """Histories are ours; the steps, which are finer, are equal from process to process of its minor version."""
    path = python_path(python, tmp_path)
    here = [gate.fingerprint(seed, tmp_path / "here" / str(seed)) for seed in seeds]
    one, other = (elsewhere(tmp_path / name, seeds, python=python, path=path) for name in ("one", "other"))

    for seed, ours, theirs in zip(seeds, here, one, strict=True):
        assert theirs.split()[:3] == ours.split()[:3], compare_runs(
            tmp_path / "here" / str(seed), tmp_path / "one" / str(seed)
        )
    assert one == other


@pytest.mark.real
@ON_OTHER_PYTHONS
def test_histories_are_the_same_on_another_python(python: str, tmp_path: Path) -> None:
    check_another_python(python, range(5), tmp_path)


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3600)
@ON_OTHER_PYTHONS
def test_two_hundred_histories_are_the_same_on_another_python(python: str, tmp_path: Path) -> None:
    check_another_python(python, range(1000, 1200), tmp_path)
