"""The name of a whole history: a hash over its entries, of one on disk or of one that is never written.

A run that is repeatable needs no more kept of it: the same seed gives the history again.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from coda_executive.observation.history import EntryEncoder, HistoryRecord

_BUFFER_BYTES = 1 << 16
_DIGEST_BYTES = 16


class HistoryDigest:
    """Takes what a HistoryWriter takes, and keeps only the hash. A context manager: it closes at the block's end."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=_DIGEST_BYTES)
        self._buffer = bytearray()
        self._encode = EntryEncoder().encode
        self._before_close: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._before_close:
            self._before_close.pop()()

    def before_close(self, callback: Callable[[], None]) -> None:
        """Have a function called when the block ends, to append what it still holds back."""
        self._before_close.append(callback)

    def extend(self, time_ns: int, records: Iterable[HistoryRecord]) -> None:
        self._encode(time_ns, records, self._buffer)
        if len(self._buffer) >= _BUFFER_BYTES:
            self._digest()

    def flush(self) -> None:
        """Nothing waits to be written."""

    @property
    def text(self) -> str:
        """Of all entries so far, as 32 hexadecimal digits."""
        self._digest()
        return self._hash.hexdigest()

    def _digest(self) -> None:
        self._hash.update(self._buffer)
        self._buffer.clear()


def digest_of_history(directory: Path) -> str:
    """Of all entries in a history on disk, as `HistoryDigest.text` gives it."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for segment in sorted(directory.glob("*.jsonl")):
        _header, _, entries = segment.read_bytes().partition(b"\n")
        digest.update(entries)
    return digest.hexdigest()
