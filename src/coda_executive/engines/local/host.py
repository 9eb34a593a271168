"""How busy this machine is: what the kernel says, and how late our own timer fires."""

import asyncio
import os
import re
from collections import deque
from pathlib import Path

from coda_executive.interfaces.host import HostLoad

_TICK = 0.25  # seconds between two looks at our own lateness
_KEPT = 240  # looks: a minute


class HostWatch:
    """Watches from `start` to `stop`; `stop` is idempotent."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._delays: deque[float] = deque(maxlen=_KEPT)
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        self._schedule()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def load(self) -> HostLoad:
        return HostLoad(
            cores=len(os.sched_getaffinity(0)),
            load=float((self._read("loadavg") or "0").split()[0]),
            waiting_for_cpu=self._pressure("cpu"),
            waiting_for_memory=self._pressure("memory"),
            free_memory_mib=self._free_memory(),
            own_delay=max([*self._delays, self._delay_now()]),
        )

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _TICK
        self._timer = loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self._delays.append(self._delay_now())
        self._schedule()

    def _delay_now(self) -> float:
        return 0.0 if self._timer is None else max(0.0, asyncio.get_running_loop().time() - self._due)

    def _read(self, name: str) -> str | None:
        try:
            return (self._proc / name).read_text()
        except OSError:
            return None  # a kernel without it, or a container that hides it

    def _pressure(self, what: str) -> float | None:
        found = re.search(r"some avg10=([0-9.]+)", self._read(f"pressure/{what}") or "")
        return None if found is None else float(found.group(1))

    def _free_memory(self) -> int | None:
        found = re.search(r"MemAvailable: *([0-9]+) kB", self._read("meminfo") or "")
        return None if found is None else int(found.group(1)) >> 10
