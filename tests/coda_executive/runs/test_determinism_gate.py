"""The determinism gate: whole runs, faults included, are the same wherever and whenever they are made."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.coda_executive.runs import gate

from coda_executive.executive.replay import compare_runs

ROOT = Path(__file__).parents[3]


def elsewhere(directory: Path, seeds: range, *, python: str = sys.executable) -> list[str]:
    """What the gate prints in a fresh process with a hash seed of its own."""
    done = subprocess.run(
        [python, str(gate.__file__), str(directory), str(seeds.start), str(seeds.stop)],
        env={**os.environ, "PYTHONHASHSEED": str(random.Random(str(directory)).randrange(1, 2**32))},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def other_pythons() -> list[str]:
    """The newest interpreter of each minor version but this one that the package supports, on the PATH or of pyenv."""
    folders = [*map(Path, os.get_exec_path()), *Path.home().glob(".pyenv/versions/*/bin")]
    found: dict[tuple[int, int], str] = {}
    for path in (folder / f"python3.{minor}" for folder in folders for minor in range(11, 20)):
        version = (3, int(path.name.rpartition(".")[2]))
        if version != sys.version_info[:2] and os.access(path, os.X_OK):
            found[version] = str(path)
    return [found[version] for version in sorted(found)]


def with_this_package(python: str, directory: Path) -> str:
    """An environment of another interpreter with the pinned dependencies; skips where they cannot be had."""
    subprocess.run([python, "-m", "venv", str(directory)], check=True, capture_output=True)
    interpreter = str(directory / "bin" / "python")
    for arguments in (
        ["--require-hashes", "-r", "requirements/run.txt"],
        ["--no-deps", "--no-build-isolation", "--no-index", "--editable", "."],
    ):
        done = subprocess.run(
            [interpreter, "-m", "pip", "install", "--quiet", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"{python} cannot have the dependencies: {done.stderr.strip().splitlines()[-1:]}")
    return interpreter


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


@pytest.mark.real
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("python", other_pythons(), ids=lambda path: Path(path).parents[1].name)
def test_two_hundred_histories_are_the_same_on_another_python(python: str, tmp_path: Path) -> None:
    """And so are the steps from process to process, for one minor version."""
    interpreter = with_this_package(python, tmp_path / "venv")
    seeds = range(1000, 1200)

    here = [gate.fingerprint(seed, tmp_path / "here" / str(seed)) for seed in seeds]
    one, other = (elsewhere(tmp_path / name, seeds, python=interpreter) for name in ("one", "other"))

    assert [line.split()[:3] for line in one] == [line.split()[:3] for line in here]
    assert one == other
