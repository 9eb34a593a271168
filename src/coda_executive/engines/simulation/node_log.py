"""A simulated node's log: each line goes to its file, as evidence, and to the log engine, without a detour
over the file.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from coda_executive.config.node_id import NodeId
from coda_executive.errors import DeployError, EngineError
from coda_protocol.log_message import EncodedLine, unlike_any

LAST_LINES = 20
READY_SECONDS = 3600.0  # virtual; a processor may be slowed down, and to wait costs nothing
_LONGEST_LAST_LINE = 2000  # characters
_PIECES_AT_ONCE = 4096  # of lines are written to the file

# Node, number from 1, offset in bytes, line.
LineWritten = Callable[[NodeId, int, int, EncodedLine], None]


class NodeLog:
    """Lines are collected; `flush` puts them on the disk. A file that cannot be written fails at the next `flush`.

    Without a path there is no file: lines are counted, and handed on.
    The daemon must not notice what happens to its evidence, so its writing never raises.
    """

    def __init__(self, node: NodeId, path: Path | None, written: LineWritten) -> None:
        self._node = node
        self._path = path
        self._written = written
        self._number = 0
        self._offset = 0
        self._last: deque[EncodedLine] = deque(maxlen=LAST_LINES)
        self._unwritten: list[bytes] = []  # pieces of lines
        self._failure: OSError | None = None
        self._expected: list[tuple[bytes, asyncio.Future[bool]]] = []
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
            self.write_line(unlike_any(line))

    def write_line(self, line: EncodedLine) -> None:
        self._last.append(line)
        if self._file is not None:
            self._unwritten += line.pieces
            if len(self._unwritten) >= _PIECES_AT_ONCE:
                self._write_out()
        if self._expected:
            self._tell(line)
        self._number = number = self._number + 1
        offset = self._offset
        self._offset = offset + line.size
        self._written(self._node, number, offset, line)

    def expect(self, text: str) -> "asyncio.Future[bool]":
        """Whether a line with `text` is written before `expect_no_more`."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._expected.append((text.encode(), told))
        return told

    def expect_no_more(self) -> None:
        """Whoever wrote has ended."""
        for _, told in self._expected:
            if not told.done():
                told.set_result(False)
        self._expected.clear()

    def _tell(self, line: EncodedLine) -> None:
        whole = line.text
        for text, told in self._expected:
            if text in whole and not told.done():
                told.set_result(True)
        self._expected = [each for each in self._expected if not each[1].done()]

    @property
    def last_lines(self) -> tuple[str, ...]:
        return tuple(line.text.decode(errors="replace")[:_LONGEST_LAST_LINE] for line in self._last)

    def flush(self) -> None:
        """Raises EngineError if anything that was written so far is lost."""
        self._write_out()
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

    def _write_out(self) -> None:
        try:
            if self._file is not None and not self._file.closed:
                self._file.write(b"".join(self._unwritten))
        except OSError as error:
            self._failure = self._failure or error
        self._unwritten.clear()

    def _cannot_write(self, error: OSError) -> EngineError:
        return EngineError(
            f"the log of {self._node} cannot be written to {self._path}: {error.strerror}; "
            f"is the disk full or the directory gone?"
        )


async def until_told(who: str, log: NodeLog, text: str, told: "asyncio.Future[bool]") -> bool:
    """What a log was expected to say, as soon as that is known. Raises DeployError when it takes too long."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await told
    except TimeoutError as error:
        last = " / ".join(log.last_lines[-3:]) or "nothing"
        raise DeployError(
            f"{who} was started {READY_SECONDS:g} virtual seconds ago and has not said {text!r} yet; the end of its "
            f"log: {last}"
        ) from error
