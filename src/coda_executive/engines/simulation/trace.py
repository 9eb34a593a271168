"""The trace of a run: one line of text for each step, hashed as it goes.

Two runs of one commit, seed and minor version of Python have equal traces; the checkpoints tell where two
part.
"""

import functools
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from coda_executive.engines.simulation.schedulables import SimulatedTask
from coda_executive.errors import EngineError

LINES_PER_CHECKPOINT = 1000


def text_writer(path: Path) -> Callable[[str], object]:
    """Appends to a file, opened for each write: a thousand lines at a time, that costs nothing.

    Raises EngineError when the disk refuses.
    """

    def write(text: str) -> None:
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise EngineError(f"the trace cannot be written to {path}: {error.strerror}") from error

    return write


class Trace:
    """A chained blake2b over the steps; `checkpoints[i]` covers the first (i + 1) × 1,000 lines.

    `write` is given the text too, a thousand lines at a time, each line with its end.
    """

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self.checkpoints: list[str] = []
        self._chain = b""
        self._lines: list[str] = []
        self._write = write
        self._now_ns, self._now = 0, "0 "  # the time of the last step, and how its line begins

    def step(self, now_ns: int, callback: Any) -> None:
        if now_ns != self._now_ns:
            self._now_ns, self._now = now_ns, f"{now_ns} "
        owner = getattr(callback, "__self__", None)
        if type(owner) is SimulatedTask:
            name = owner.traced_as or _task_name(owner)
        else:
            name = getattr(callback, "__qualname__", None) or _name(callback)
        self._lines.append(self._now + name)
        if len(self._lines) == LINES_PER_CHECKPOINT:
            self._chain = self._chained()
            self.checkpoints.append(self._chain.hex())
            self.write_out()
            self._lines.clear()

    def write_out(self) -> None:
        """Give `write` the lines since the last checkpoint: once more at the end of a run."""
        if self._write is not None and self._lines:
            self._write("\n".join(self._lines) + "\n")

    @property
    def digest(self) -> str:
        """Of all steps so far, as 32 hexadecimal digits."""
        return self._chained().hex()

    def _chained(self) -> bytes:
        return blake2b(self._chain + "\n".join(self._lines).encode(), digest_size=16).digest()


def _name(callback: Any) -> str:
    """Of a callback without a name of its own."""
    if isinstance(callback, functools.partial):
        callback = callback.func
    return getattr(callback, "__qualname__", None) or type(callback).__qualname__


def _task_name(task: SimulatedTask) -> str:
    """With its process in front; as the task was called when it first ran."""
    name = task.get_name()
    if task.process is not None and not name.startswith(task.process.name):
        name = f"{task.process.name}: {name}"
    task.traced_as = name
    return name
