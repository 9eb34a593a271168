"""The trace of a run: one line of text for each step, hashed as it goes.

Two runs of one commit, seed and minor version of Python have equal traces; the checkpoints tell where two
part.
"""

import asyncio
import functools
from hashlib import blake2b
from typing import Any

LINES_PER_CHECKPOINT = 1000


class Trace:
    """A chained blake2b over the steps; `checkpoints[i]` covers the first (i + 1) × 1,000 lines."""

    def __init__(self) -> None:
        self.checkpoints: list[str] = []
        self._chain = b""
        self._lines: list[str] = []

    def step(self, now_ns: int, callback: Any) -> None:
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, asyncio.Task):
            name = owner.get_name()
        else:
            if isinstance(callback, functools.partial):
                callback = callback.func
            name = getattr(callback, "__qualname__", type(callback).__qualname__)
        self._lines.append(f"{now_ns} {name}")
        if len(self._lines) == LINES_PER_CHECKPOINT:
            self._chain = self._chained()
            self.checkpoints.append(self._chain.hex())
            self._lines.clear()

    @property
    def digest(self) -> str:
        """Of all steps so far, as 32 hexadecimal digits."""
        return self._chained().hex()

    def _chained(self) -> bytes:
        return blake2b(self._chain + "\n".join(self._lines).encode(), digest_size=16).digest()
