"""Searches with real workers: what is found, how small it gets, and that it repeats."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from tests.coda_executive.runs import gate

from coda_executive.cli.explore import explore_command
from coda_executive.cli.main import run_cli
from coda_executive.errors import EngineError
from coda_executive.executive.outcome import Verdict
from coda_executive.exploration.attempt import Attempt, Result, Setup
from coda_executive.exploration.explore import Exploration, explore
from coda_executive.exploration.workers import Workers
from coda_executive.nemesis.schedule import KINDS

pytestmark = [pytest.mark.real]

TARGET = f"{gate.__file__}::small"
HERE = Path(__file__).parent


def wait_until(is_so: Callable[[], bool]) -> None:
    """The test's own limit ends it when that never comes."""
    while not is_so():
        time.sleep(0.05)


def setup(most_faults: int = 8, kinds: tuple[str, ...] = ("Kill", "Pause", "SlowLinks")) -> Setup:
    return Setup(TARGET, "simulation", {}, fault_slots=20, most_faults=most_faults, kinds=kinds)


def search(chosen: Setup, seeds: range) -> Exploration:
    with Workers(chosen, jobs=2) as workers:
        return explore(chosen, seeds, workers, tell=lambda *_: None)


def test_a_search_repeats_whatever_processes_do_it() -> None:
    one, other = (search(setup(), range(5, 11)) for _ in range(2))

    assert one.attempts == other.attempts
    assert [kept.seed for kept in one.attempts] == [5, 6, 7, 8, 9, 10]
    assert len({kept.digest for kept in one.attempts}) == 6


def test_a_run_that_kills_its_worker_is_a_failure_of_its_own() -> None:
    command = [sys.executable, str(HERE / "deadly_worker.py")]
    with Workers(setup(most_faults=0), jobs=2, command=command) as workers:
        results = list(workers.results(Attempt(seed) for seed in (1, 2, 3, 4, 5)))

    assert [result.verdict for result in results] == [
        Verdict.PASSED,
        Verdict.PASSED,
        Verdict.INFRASTRUCTURE,
        Verdict.INFRASTRUCTURE,
        Verdict.PASSED,
    ]
    assert "ended with -9" in results[2].error
    assert "did not end within" in results[3].error


def test_a_worker_that_cannot_start_ends_the_search() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    with (
        Workers(setup(), jobs=1, command=command) as workers,
        pytest.raises(EngineError, match="no such thing"),
    ):
        list(workers.results([Attempt(1)]))


def test_nothing_is_left_of_a_search_that_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    started: list[subprocess.Popen[bytes] | None] = []

    def broken_off() -> None:
        with Workers(setup(), jobs=2) as workers:
            next(workers.results(Attempt(seed) for seed in range(10)))
            started.extend(worker._process for worker in workers._workers)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()

    assert list(tmp_path.iterdir()) == []
    assert [process.returncode is None for process in started if process is not None] == [False, False]


@pytest.mark.parametrize(("seeds", "failed"), [(range(1, 50), [3, 4]), (range(2, 4), [3])])
def test_a_search_that_is_interrupted_keeps_what_it_has_found(seeds: range, failed: list[int]) -> None:
    """While it searches, and while it shrinks."""

    def impatient(attempts: int, _failures: int, doing: str) -> None:
        if attempts == 4 or doing != "searching":
            raise KeyboardInterrupt

    command = [sys.executable, str(HERE / "deadly_worker.py")]
    with Workers(setup(most_faults=0), jobs=1, command=command) as workers:
        found = explore(setup(most_faults=0), seeds, workers, tell=impatient)

    assert found.interrupted
    assert [kept.seed for kept in found.attempts] == list(seeds)[:4]
    assert [(failure.seeds, failure.is_repeatable) for failure in found.failures] == [
        ((seed,), None) for seed in failed
    ]


def test_the_command_tells_of_a_search_that_was_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_self: Workers, _attempts: object) -> list[Result]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workers, "results", interrupted)
    out = tmp_path / "out"

    assert run_cli(["explore", TARGET, "--seeds", "3", "--jobs", "1", "--out", str(out)]) == 130

    assert "interrupted after 0 runs; what was found until then:\nresults: " in capsys.readouterr().out
    assert [path.name for path in out.iterdir()] == ["exploration.json"]


def test_a_worker_that_cannot_go_on_ends_the_search_with_what_it_has_found() -> None:
    command = [sys.executable, str(HERE / "deadly_worker.py")]
    with Workers(setup(most_faults=0), jobs=1, command=command) as workers:
        found = explore(setup(most_faults=0), range(4, 50), workers, tell=lambda *_: None)

    assert found.broken_off is not None
    assert "No space left on device; free some space" in found.broken_off
    assert [kept.seed for kept in found.attempts] == [4, 5, 6]
    assert [failure.seeds for failure in found.failures] == [(4,), (6,)]


def test_a_search_that_has_no_place_for_its_runs_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(EngineError, match=r"No space left on device in .*set TMPDIR"):
        Workers(setup(), jobs=1)


def test_nothing_is_left_of_a_search_that_is_killed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    arguments = ["--seeds", "500", "--jobs", "2", "--out", str(tmp_path / "out")]
    search = subprocess.Popen(
        [sys.executable, "-m", "coda_executive", "explore", TARGET, *arguments],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: len(list(scratch.glob("*/*/batch-1"))) == 2)
    search.kill()
    search.wait()

    wait_until(lambda: not list(scratch.iterdir()))


def test_what_was_found_is_told_even_if_it_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exploration.json").mkdir()
    arguments = ["--seeds", "1", "--seed", "1", "--jobs", "1", "--density", "0", "--out", str(tmp_path)]

    assert run_cli(["explore", TARGET, *arguments]) == 3

    shown = capsys.readouterr()
    assert "no failure in 1 runs" in shown.out
    assert "cannot write" in shown.err


def test_the_command_tells_the_bound_when_nothing_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    arguments = ["--seeds", "3", "--seed", "1", "--jobs", "1", "--density", "0", "--out", out]

    assert run_cli(["explore", TARGET, *arguments]) == 0

    assert "no failure in 3 runs: with 95 % confidence a run fails with p <= 1" in capsys.readouterr().out
    assert [path.name for path in Path(out).iterdir()] == ["exploration.json"]


def test_a_kind_of_fault_that_there_is_none_of_is_refused_before_any_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    assert run_cli(["explore", TARGET, "--seeds", "1", "--kind", "Kil", "--out", str(out)]) == 4

    assert "--kind: there is no fault Kil; there are Kill, Stop, " in capsys.readouterr().err
    assert not out.exists()


def test_a_kind_of_fault_that_the_engine_cannot_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--engine", "local", "--seeds", "2", "--jobs", "1", "--kind", "Kill", "--kind", "SlowCpu"]

    assert run_cli(["explore", TARGET, *arguments, "--out", str(tmp_path / "out")]) == 4

    assert "engine local gives its nodes no CpuThrottleable" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_help_of_a_search_names_all_kinds_of_faults() -> None:
    """It does not read them: help is quicker than what they import."""
    [option] = (each for each in explore_command.params if each.name == "kinds")
    assert isinstance(option, click.Option)
    assert f"There are {', '.join(KINDS)}." in str(option.help)


def test_a_test_that_cannot_run_here_is_no_search_without_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its needs are met by no engine; with any seed it would be skipped."""
    target = tmp_path / "own.py"
    target.write_text(
        "from coda_executive import *\n"
        "class Flying:\n    pass\n"
        "@integration_test(needs=(Flying,), network=NetworkConfig(block_producers=BlockProducers(count=1)),"
        " runtime=RuntimeConfig(ledger=sample_ledger([Balance.of_coda('1000')])))\n"
        "async def it(dsl):\n    pass\n"
    )

    assert (
        run_cli(["explore", str(target), "--seeds", "2", "--jobs", "1", "--out", str(tmp_path / "out")]) == 4
    )

    assert "the test does not run here, with any seed: " in capsys.readouterr().err
