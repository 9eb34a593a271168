"""Runs of the idle tests over stub daemons, as processes that can be signalled."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.coda_executive.engines.local.testnets import stub, wrapped
from tests.coda_executive.runs import held_executive, idle_tests

from coda_executive.engines.local.guardian import process_entry, process_table, subtree
from coda_executive.engines.local.journal import read_journal
from coda_executive.engines.local.leftovers import find_leftovers, labelled_processes

ROOT = Path(__file__).parents[3]
STOP_LIMIT = 0.3
DAEMONS = ("plain", "wrapped", "stubborn")


def daemon_command(kind: str, directory: Path) -> str:
    """A daemon that ends on SIGTERM, such a one behind a script without `exec`, or one that ignores SIGTERM."""
    match kind:
        case "wrapped":
            return wrapped(directory, stub("obeys"))
        case "stubborn":
            return stub("ignores")
        case _:
            return stub("obeys")


@dataclass
class StubRun:
    """A run in `directory`/run with a state directory of its own; `printed` is its output as far as read."""

    directory: Path
    process: "subprocess.Popen[str]"
    printed: list[str] = field(default_factory=list)

    @property
    def run_dir(self) -> Path:
        return self.directory / "run"

    def until_printed(self, part: str) -> None:
        """Read up to the line that has `part` in it; AssertionError if it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            if part in line:
                return
        raise AssertionError(f"{part!r} was never printed:\n{''.join(self.printed)}")

    def end(self) -> str:
        """All that it printed, once it has ended."""
        assert self.process.stdout is not None
        self.printed += self.process.stdout.readlines()
        self.process.stdout.close()
        self.process.wait()
        return "".join(self.printed)

    def processes(self) -> list[int]:
        """The executive and all that it has started."""
        return subtree(process_table(), [self.process.pid])

    def guardian(self) -> int:
        (journal,) = (self.directory / "runtime" / "coda-executive" / "runs").glob("*.jsonl")
        guardian = read_journal(journal).guardian
        assert guardian is not None
        return guardian.pid


def start_stub_run(
    directory: Path, test: str, *options: str, daemon: str = "plain", phase: str = "waiting"
) -> StubRun:
    """Start a run of an idle test that stays in `phase`."""
    arguments = (
        *("run", f"{idle_tests.__file__}::{test}", "--seed", "1", "--run-dir", str(directory / "run")),
        *("--daemon", daemon_command(daemon, directory), "--stop-limit", str(STOP_LIMIT), *options),
    )
    process = subprocess.Popen(
        [sys.executable, held_executive.__file__, phase, *arguments],
        cwd=directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return StubRun(directory, process)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def gone(pids: list[int]) -> Callable[[], bool]:
    """Zombies count as gone: only their parent can reap them."""
    return lambda: all((entry := process_entry(pid)) is None or entry.state in "ZX" for pid in pids)


def what_is_left(run_dir: Path) -> list[str]:
    """What of a run is still there, by label, journal and temporary files; its processes' zombies apart."""
    labelled = labelled_processes(process_table())
    left = [
        f"process {pid}" for label, pids in labelled.items() if _is_of(label, pids, run_dir) for pid in pids
    ]
    left += [thing for leftover in find_leftovers() for thing in leftover.things]
    left += [str(path) for path in run_dir.glob("nodes/*/tmp")]
    return left


def _is_of(label: str, pids: list[int], run_dir: Path) -> bool:
    """Several tests name their runs alike; their processes have directories of their own."""
    return label.startswith(f"{run_dir.name}.") and any(
        _directory(pid).is_relative_to(run_dir) for pid in pids
    )


def _directory(pid: int) -> Path:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return Path("/")
