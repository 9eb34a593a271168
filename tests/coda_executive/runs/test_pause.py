"""`run --pause-on-failure`, on a terminal of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.coda_executive.engines.local.testnets import stub, until
from tests.coda_executive.runs import idle_tests
from tests.coda_executive.runs.stub_runs import STOP_LIMIT, environment, start_stub_run, what_is_left

from coda_executive.cli.main import run_cli
from coda_executive.executive.keeping import kept_testnets

# A clean-up finds what dead runs left on the whole machine: such tests must not run beside each other.
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("leftovers")]


@dataclass
class Terminal:
    """A run of a failing test on a pseudo-terminal."""

    run_dir: Path
    process: "subprocess.Popen[bytes]"
    descriptor: int
    shown: str = field(default="")

    def until_shown(self, part: str) -> None:
        while part not in self.shown:
            if not self.read():
                raise AssertionError(f"{part!r} was never shown:\n{self.shown}")

    def read(self) -> bool:
        try:
            data = os.read(self.descriptor, 1 << 16)
        except OSError:  # the other side has closed it
            return False
        self.shown += data.decode()
        return bool(data)

    def press(self, key: str) -> None:
        os.write(self.descriptor, key.encode())

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait()


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "coda_executive", "run", f"{idle_tests.__file__}::fails"),
            *("--run-dir", str(tmp_path / "run"), "--daemon", stub("obeys"), "--stop-limit", str(STOP_LIMIT)),
            "--pause-on-failure",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
        start_new_session=True,
    )
    os.close(theirs)
    paused = Terminal(tmp_path / "run", process, ours)
    try:
        paused.until_shown("as Ctrl-C")
        yield paused
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        for kept in kept_testnets():
            kept.keeper.destroy_kept(kept.testnet.name)


async def test_a_failed_network_is_up_until_a_key_destroys_it(terminal: Terminal) -> None:
    assert what_is_left(terminal.run_dir) != []  # it runs
    assert "AssertionError: as expected" in terminal.shown
    assert "/graphql  pid " in terminal.shown
    assert f"coda-executive logs {terminal.run_dir} --follow" in terminal.shown

    terminal.press("x")  # means nothing
    terminal.press("r")

    assert terminal.end() == 1
    assert "as expected" in terminal.shown
    assert json.loads((terminal.run_dir / "outcome.json").read_text())["verdict"] == "failed"
    assert what_is_left(terminal.run_dir) == []


async def test_ctrl_c_destroys_it(terminal: Terminal) -> None:
    terminal.process.send_signal(signal.SIGINT)

    assert terminal.end() == 130
    assert "as expected" in terminal.shown
    assert "phase pause" in terminal.shown
    await until(lambda: what_is_left(terminal.run_dir) == [])


async def test_a_terminal_that_goes_away_destroys_it(terminal: Terminal) -> None:
    os.close(terminal.descriptor)
    terminal.descriptor = os.open(os.devnull, os.O_RDONLY)
    terminal.process.wait()
    await until(lambda: what_is_left(terminal.run_dir) == [])


async def test_it_can_be_kept_up_as_a_testnet(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.press("k")

    assert terminal.end() == 1
    assert "still up       coda-executive env run" in terminal.shown
    assert run_cli(["ls", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["nodes"] == {"seed-1": True, "block-producer-1": True}
    assert run_cli(["cleanup"]) == 0
    assert run_cli(["destroy", "run"]) == 0
    assert what_is_left(terminal.run_dir) == []


async def test_without_a_terminal_it_does_not_pause(tmp_path: Path) -> None:
    run = start_stub_run(tmp_path, "fails", "--pause-on-failure")
    shown = run.end()
    assert run.process.returncode == 1
    assert "not paused: there is no terminal to press a key on" in shown


def test_it_is_refused_where_nobody_could_query(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", "block-production", "--pause-on-failure", "--engine", "simulation"]) == 4
    assert "cannot be queried" in capsys.readouterr().err
    assert run_cli(["run", "block-production", "--pause-on-failure", "--json"]) == 4
    assert "a person's key" in capsys.readouterr().err
