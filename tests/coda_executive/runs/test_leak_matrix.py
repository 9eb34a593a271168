"""Nothing outlives a run, whichever signal ends it, whatever it is doing, whatever the daemons do."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.coda_executive.engines.local.testnets import until
from tests.coda_executive.runs.stub_runs import DAEMONS, gone, start_stub_run, what_is_left

from coda_executive.cli.main import run_cli
from coda_executive.observation.history import HistoryReader
from coda_executive.support.clock import monotonic

# A clean-up finds what dead runs left on the whole machine: such tests must not run beside each other.
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("leftovers")]

# The bar is the stop limit and 1 s; a slow machine gets more, yet less than a guardian that gives up would need.
GONE_SECONDS = 10.0
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGKILL")
# Phase -> the test that comes there, what is printed then, and what the report says it was doing.
PHASES = {
    "deploying": ("ends", "HELD", "phase deploy"),
    "starting": ("ends", "HELD", "phase start"),
    "waiting": ("waits", "waiting for 2 nodes", "waiting for 2 nodes to initialise"),
    "draining": ("ends", "HELD", "phase drain"),
    "destroying": ("ends", "HELD", "phase destroy"),
}


def matrix() -> list[Any]:
    """All combinations; every third, with each signal, phase and daemon in some of them, is not long."""
    return [
        pytest.param(
            *(number, phase, daemon),
            marks=() if (row + column + depth) % 3 == 0 else pytest.mark.long,
            id=f"{number}-{phase}-{daemon}",
        )
        for row, number in enumerate(SIGNALS)
        for column, phase in enumerate(PHASES)
        for depth, daemon in enumerate(DAEMONS)
    ]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))


@pytest.mark.parametrize(("number", "phase", "daemon"), matrix())
async def test_a_signal_leaves_nothing(number: str, phase: str, daemon: str, tmp_path: Path) -> None:
    test, marker, doing = PHASES[phase]
    run = start_stub_run(tmp_path, test, daemon=daemon, phase=phase)
    try:
        run.until_printed(marker)
        pids = run.processes()
        assert len(pids) > 1
        run.process.send_signal(signal.Signals[number])
        began = monotonic()
        async with asyncio.timeout(GONE_SECONDS):
            await until(gone(pids))
        print(f"gone after {monotonic() - began:.2f} s")
        shown = run.end()
        await until(lambda: what_is_left(run.run_dir) == [])
    finally:
        run.process.kill()

    assert "Traceback" not in shown
    assert json.loads((run.run_dir / "run.json").read_text())["seed"] == 1
    list(HistoryReader(run.run_dir / "history"))
    if number == "SIGKILL":
        assert run.process.returncode == -signal.SIGKILL
        assert not (run.run_dir / "outcome.json").exists()
    else:
        assert run.process.returncode == 130, shown
        outcome = json.loads((run.run_dir / "outcome.json").read_text())
        assert outcome["verdict"] == "interrupted"
        assert doing in outcome["doing"]
        assert doing in shown


@pytest.mark.parametrize("daemon", DAEMONS)
async def test_a_killed_guardian_fails_the_run_and_leaves_nothing(daemon: str, tmp_path: Path) -> None:
    run = start_stub_run(tmp_path, "waits", daemon=daemon)
    run.until_printed("waiting for 2 nodes")
    pids = run.processes()

    os.kill(run.guardian(), signal.SIGKILL)
    shown = run.end()

    assert run.process.returncode == 3
    assert "the guardian of the run" in shown
    await until(gone(pids))
    assert what_is_left(run.run_dir) == []


@pytest.mark.parametrize("daemon", DAEMONS)
async def test_cleanup_after_a_kill_of_guardian_and_executive_leaves_nothing(
    daemon: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = start_stub_run(tmp_path, "waits", daemon=daemon)
    run.until_printed("waiting for 2 nodes")
    pids = run.processes()
    guardian = run.guardian()

    run.process.send_signal(signal.SIGSTOP)  # it must not do the guardian's work
    os.kill(guardian, signal.SIGKILL)
    run.process.kill()
    run.end()
    await until(gone([guardian]))

    assert run_cli(["cleanup", "--dry-run"]) == 0
    assert "would remove" in capsys.readouterr().out
    assert what_is_left(run.run_dir) != []
    assert run_cli(["cleanup", "--older-than", "1h"]) == 0
    assert capsys.readouterr().out == "nothing is left of dead runs older than 60 min\n"
    assert what_is_left(run.run_dir) != []
    assert run_cli(["cleanup", "--json"]) == 0
    (removed,) = json.loads(capsys.readouterr().out)
    assert removed["removed"]
    assert removed["directory"] == str(run.run_dir)
    assert gone(pids)()
    assert what_is_left(run.run_dir) == []
    assert run_cli(["cleanup"]) == 0
    assert capsys.readouterr().out == "nothing is left of dead runs\n"
