"""One growing log file, read piece by piece into numbered lines. Blocking I/O on a local file; no event loop.

Rotation by rename, rotation by copy and truncate, and a file that is not there yet are all followed. Lines
are counted from 1 and offsets from 0 over all the files that the path named: for a log that is only appended
to, an offset is a position in the file.
"""

import os
from dataclasses import dataclass
from pathlib import Path

LONGEST_LINE = 1 << 20  # bytes; a daemon's own log files hold no line this long (daemon contract C.1)
PIECE = 1 << 16  # bytes of one read: what is parsed before others get their turn
_HEAD = 256  # bytes by which a truncated and rewritten file is told from a grown one
_EXCERPT = 2000  # bytes kept of a line that is too long


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines, each ended by a newline; the first has this number and begins at this offset."""

    data: bytes
    number: int
    offset: int


@dataclass(frozen=True, slots=True)
class OverlongLine:
    """A line of more than LONGEST_LINE bytes, of which only the beginning was kept."""

    excerpt: bytes
    number: int
    offset: int


class FollowedFile:
    """Reads what is appended to the file at a path, from its first byte."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._position = 0  # in the open file
        self._head = b""
        self._unfinished = bytearray()  # the beginning of a line whose end is not written yet
        self._is_overlong = False  # that line is too long: the rest of it is skipped
        self._number = 1  # of the next line
        self._offset = 0  # of the next line
        self._skipped = 0  # bytes of an overlong line that are not kept
        self._flushed: bytes | None = None  # the unfinished line as `flush` handed it out

    def __repr__(self) -> str:
        return (
            f"<FollowedFile {self.path} at {self._position}, line {self._number}, "
            f"{len(self._unfinished)} bytes unfinished>"
        )

    def read(self, buffer: bytearray) -> list[Lines | OverlongLine] | None:
        """The lines that the next piece of the file completes; None when all that is written has been read.

        `buffer` is scratch space, and its length bounds the piece. Raises OSError when the file cannot be
        read.
        """
        if self._file is None and not self._open():
            return None
        completed: list[Lines | OverlongLine] = []
        if self._was_truncated():
            completed += self._end_line()
            self._start_over()
        size = self._read_into(buffer)
        if size == 0 and self._was_replaced():
            # Between the read above and the rename the writer may have added its last lines to the old file.
            size = self._read_into(buffer)
            if size == 0:
                completed += self._end_line()
                self.close()
                return completed + (self.read(buffer) or [])
        if size == 0:
            return completed or None
        return completed + self._take(bytes(memoryview(buffer)[:size]))

    def flush(self) -> list[Lines | OverlongLine]:
        """The unfinished last line, if it has grown since the last flush, as if it ended here.

        When its end is written later, the whole line is given again under the same number, unless only the
        newline was missing.
        """
        unfinished = bytes(self._unfinished)
        if not unfinished or unfinished == self._flushed:
            return []
        self._flushed = unfinished
        if self._is_overlong:
            return [OverlongLine(unfinished, self._number, self._offset)]
        return [Lines(unfinished + b"\n", self._number, self._offset)]

    def close(self) -> None:
        """Let go of the file; reading on would open it again. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> bool:
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self._start_over()
        return True

    def _start_over(self) -> None:
        self._position = 0
        self._head = b""

    def _read_into(self, buffer: bytearray) -> int:
        assert self._file is not None
        size = os.preadv(self._file, [buffer], self._position)
        if size and len(self._head) < _HEAD:
            self._head = os.pread(self._file, min(_HEAD, self._position + size), 0)
        self._position += size
        return size

    def _was_truncated(self) -> bool:
        """Whether the file became shorter, or holds something else where we began to read."""
        assert self._file is not None
        if os.fstat(self._file).st_size < self._position:
            return True
        return os.pread(self._file, len(self._head), 0) != self._head

    def _was_replaced(self) -> bool:
        """Whether the path names another file by now. A path that names none does not: the new one is yet to
        come.
        """
        assert self._file is not None
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return False
        return not os.path.samestat(now, os.fstat(self._file))

    def _take(self, piece: bytes) -> list[Lines | OverlongLine]:
        first, newline, rest = piece.partition(b"\n")
        if not newline:
            self._grow(piece)
            return []
        if not self._unfinished:
            return self._whole_lines(piece)
        self._grow(first)
        return self._end_line() + self._whole_lines(rest)

    def _whole_lines(self, piece: bytes) -> list[Lines | OverlongLine]:
        """Lines from a piece that begins one; what follows its last newline stays for later."""
        end = piece.rfind(b"\n") + 1
        self._grow(piece[end:])
        if end == 0:
            return []
        lines = Lines(piece[:end], self._number, self._offset)
        self._number += lines.data.count(b"\n")
        self._offset += end
        return [lines]

    def _grow(self, part: bytes) -> None:
        if self._is_overlong:
            self._skipped += len(part)
            return
        self._unfinished += part
        if len(self._unfinished) > LONGEST_LINE:
            self._is_overlong = True
            self._skipped = len(self._unfinished) - _EXCERPT
            del self._unfinished[_EXCERPT:]

    def _end_line(self) -> list[Lines | OverlongLine]:
        """The unfinished line, which ends here, unless it was handed out exactly so before."""
        line = bytes(self._unfinished)
        if not line:
            return []
        number, offset, is_overlong = self._number, self._offset, self._is_overlong
        is_known = self._flushed is not None and line.rstrip(b"\r") == self._flushed.rstrip(b"\r")
        self._number += 1
        self._offset += len(line) + self._skipped + 1
        self._unfinished.clear()
        self._is_overlong, self._skipped, self._flushed = False, 0, None
        if is_known:
            return []
        return [OverlongLine(line, number, offset) if is_overlong else Lines(line + b"\n", number, offset)]
