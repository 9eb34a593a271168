"""The determinism gate: whole runs, faults included, are the same wherever and whenever they are made."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.coda_executive.runs import gate

from coda_executive.executive.replay import compare_runs


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
@pytest.mark.timeout(1800)
def test_histories_are_the_same_on_every_python(tmp_path: Path) -> None:
    """The interpreters in CODA_EXECUTIVE_PYTHONS, separated by colons, which have this package installed."""
    pythons = [path for path in os.environ.get("CODA_EXECUTIVE_PYTHONS", "").split(":") if path]
    if not pythons:
        pytest.skip("CODA_EXECUTIVE_PYTHONS names no other interpreter that has this package installed")
    seeds = range(20)
    expected = [gate.fingerprint(seed, tmp_path / "here" / str(seed)).split()[:3] for seed in seeds]
    for number, python in enumerate(pythons):
        found = elsewhere(tmp_path / str(number), seeds, python=python)
        assert [line.split()[:3] for line in found] == expected, python


def test_a_planted_nondeterminism_is_located_to_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer that now and then is a nanosecond late: the replay names the log line, and what was around it."""
    from coda_daemon.block_producer import BlockProducer

    gate.fingerprint(1, tmp_path / "original")
    produce = BlockProducer._produce
    produced = 0

    def stray(self: BlockProducer, win: object) -> None:
        nonlocal produced
        produced += 1
        if produced == 2:
            self._log.info("Block_producer", "planted")
        produce(self, win)  # type: ignore[arg-type]

    monkeypatch.setattr(BlockProducer, "_produce", stray)
    gate.fingerprint(1, tmp_path / "repeated")

    difference = compare_runs(tmp_path / "original", tmp_path / "repeated")

    assert difference is not None
    # The planted line has no event of its own: what the history shows is the number of the line after it.
    assert difference.what == "the history"
    log = "\n".join(path.read_text() for path in (tmp_path / "repeated").glob("nodes/*/daemon.log"))
    assert log.count('"planted"') == 1
    assert '"event":"BlockProduced"' in difference.original[0]
    assert difference.before
