"""A simulated node's log: each line goes to its file, as evidence, and to the log engine, without a detour
over the file.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError

LAST_LINES = 20
_LONGEST_LAST_LINE = 2000  # characters

LineWritten = Callable[
    [NodeId, int, int, bytes], None
]  # node, number from 1, offset in bytes, line without its end


class NodeLog:
    """Writes are buffered; `flush` puts them on the disk. A file that cannot be written fails at the next
    `flush`.

    Without a path there is no file: lines are counted, and handed on.
    The daemon must not notice what happens to its evidence, so its writing never raises.
    """

    def __init__(self, node: NodeId, path: Path | None, written: LineWritten) -> None:
        self._node = node
        self._path = path
        self._written = written
        self._number = 0
        self._offset = 0
        self._last: deque[bytes] = deque(maxlen=LAST_LINES)
        self._failure: OSError | None = None
        self._file: BinaryIO | None = None
        if path is None:
            return
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=1 << 16)
        except OSError as error:
            raise self._cannot_write(error) from error

    def write(self, text: str) -> None:
        """A line, or several."""
        for line in text.encode(errors="backslashreplace").split(b"\n"):
            self.write_line(line)

    def write_line(self, line: bytes) -> None:
        """A line without its end, and without any other."""
        if self._file is not None:
            try:
                self._file.write(line + b"\n")
            except OSError as error:
                self._failure = self._failure or error
        self._last.append(line)
        self._number += 1
        self._written(self._node, self._number, self._offset, line)
        self._offset += len(line) + 1

    @property
    def last_lines(self) -> tuple[str, ...]:
        return tuple(line.decode(errors="replace")[:_LONGEST_LAST_LINE] for line in self._last)

    def flush(self) -> None:
        """Raises EngineError if anything that was written so far is lost."""
        try:
            if self._file is not None and not self._file.closed:
                self._file.flush()
        except OSError as error:
            self._failure = self._failure or error
        if self._failure is not None:
            raise self._cannot_write(self._failure) from self._failure

    def close(self) -> None:
        """Flush and close; idempotent. Raises as `flush` does."""
        try:
            self.flush()
        finally:
            try:
                if self._file is not None:
                    self._file.close()
            except OSError as error:
                self._failure = self._failure or error

    def _cannot_write(self, error: OSError) -> EngineError:
        return EngineError(
            f"the log of {self._node} cannot be written to {self._path}: {error.strerror}; "
            f"is the disk full or the directory gone?"
        )
