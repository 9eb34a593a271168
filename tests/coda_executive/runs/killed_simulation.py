"""Simulated runs, each killed one step later than the one before: `killed_simulation.py DIRECTORY TEST`.

A step is an edge of a phase, an entry of the history, or anything done to a file of the run directory; of what is
written to the history also the moment when half of it is on disk. Run K is in DIRECTORY/K and dies at its K-th step as
by SIGKILL: nothing is flushed, no `finally` runs. The
first run and the last one end by themselves. Prints what each step was, one a line.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coda_executive.cli.main import run_cli
from coda_executive.executive.execution import Execution
from coda_executive.observation.history import HistoryWriter

KILLED = 9
FILE_EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")
WRITING = os.O_WRONLY | os.O_RDWR


class Steps:
    """Counts the steps of this process and ends it at one of them."""

    def __init__(self, last: int, directory: Path) -> None:
        self.last = last
        self.directory = str(directory)
        self.count = 0
        self.write = os.write

    def take(self, what: str) -> None:
        self.count += 1
        if self.count == self.last:
            self.write(1, f"{what}\n".encode())
            os._exit(KILLED)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FILE_EVENTS and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            reads = event == "open" and not (arguments[2] or 0) & WRITING
            if isinstance(path, str) and path.startswith(self.directory) and not reads:
                self.take(f"{event} {path.removeprefix(self.directory)}")

    def write_in_halves(self, descriptor: int, data: bytes) -> int:
        self.take("before a write")
        half = len(data) // 2
        written = self.write(descriptor, data[:half])
        self.take("in the middle of a write")
        written += self.write(descriptor, data[half:])
        self.take("after a write")
        return written


def plant(steps: Steps) -> None:
    def stepping(original: Callable[..., Any], what: str) -> Callable[..., Any]:
        def stepped(*arguments: Any, **options: Any) -> Any:
            steps.take(what)
            return original(*arguments, **options)

        return stepped

    phase = Execution._phase

    @contextmanager
    def stepping_phase(self: Execution, name: str) -> Iterator[None]:
        steps.take(f"before {name}")
        with phase(self, name):
            yield
        steps.take(f"after {name}")

    HistoryWriter.extend = stepping(HistoryWriter.extend, "extend")  # type: ignore[method-assign]
    Execution._phase = stepping_phase  # type: ignore[method-assign]
    os.fsync = stepping(os.fsync, "written, not renamed")
    os.write = steps.write_in_halves  # type: ignore[assignment]
    sys.addaudithook(steps.audit)


def run_until(last: int, directory: Path, test: str) -> int:
    """Run in a child that dies at its `last`-th step; answers its exit code."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            run_dir = directory / str(last)
            steps = Steps(last, run_dir)
            plant(steps)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 2)
            code = run(run_dir, test)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def run(run_dir: Path, test: str) -> int:
    return run_cli(
        ["run", test, "--engine", "simulation", "--seed", "1", "--run-dir", str(run_dir), "--json"]
    )


def main(directory: Path, test: str) -> int:
    run(directory / "0", test)  # whole, so that the others find everything imported
    last = 1
    while (code := run_until(last, directory, test)) == KILLED:
        last += 1
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
