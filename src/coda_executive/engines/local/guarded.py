"""A program under the guardian that is started, and perhaps started again, under one key."""

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

from coda_executive.engines.local.process import Command, Guardian, ProcessEnd

LAST_LINES = 20
LONGEST_LINE = 2000  # characters: most records are whole, so people can be shown their message alone
TAIL_BYTES = 1 << 18


class GuardedProcess:
    """`ended` is called at each end of it, never before its start was told. `command` may be replaced between
    two lives.
    """

    def __init__(
        self, key: str, command: Command, guardian: Guardian, ended: Callable[[ProcessEnd], None]
    ) -> None:
        self.key = key
        self.command = command
        self._guardian = guardian
        self._ended = ended
        self._pid: int | None = None
        self._starting = False
        self._early_end: ProcessEnd | None = None

    @property
    def pid(self) -> int | None:
        """It leads a session of its own; None while it does not run."""
        return self._pid

    async def clear(self) -> None:
        """Kill what a crashed life may have left."""
        await self._guardian.kill(self.key)

    async def start(self, started: Callable[[], None]) -> None:
        """Start it, after `clear`. `started` is called once it runs. Raises DeployError when it cannot be
        started.
        """
        self._starting = True
        try:
            self._pid = await self._guardian.spawn(self.key, self.command, self._on_end)
        finally:
            self._starting = False
        started()
        if self._early_end is not None:
            end, self._early_end = self._early_end, None
            self._on_end(end)

    async def stop(self, limit: float) -> None:
        """SIGTERM, and SIGKILL after `limit` seconds; return once all its processes are gone."""
        if self._pid is not None:
            await self._guardian.stop(self.key, limit=limit)

    async def kill(self) -> None:
        if self._pid is not None:
            await self._guardian.kill(self.key)

    async def signal(self, name: str) -> None:
        if self._pid is not None:
            await self._guardian.signal(self.key, name)

    def lose(self) -> bool:
        """The guardian is gone, and the process was killed in its place. Whether it ran."""
        ran, self._pid = self._pid is not None, None
        return ran

    def _on_end(self, end: ProcessEnd) -> None:
        if self._starting:
            self._early_end = end  # told after its start
            return
        self._pid = None
        self._ended(end)


def last_lines(log: Path) -> tuple[str, ...]:
    """How a log ends: few lines, the long ones cut; nothing when it cannot be read."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            lines = deque(file.read().splitlines(), maxlen=LAST_LINES)
    except OSError:
        return ()
    texts = (line.decode("utf-8", "replace") for line in lines)
    return tuple(text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…" for text in texts)
