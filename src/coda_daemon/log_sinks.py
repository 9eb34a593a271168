"""Where log lines go: the console, and files that rotate (daemon contract A.7, C.1)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from coda_daemon.log import Record
from coda_daemon.ports import Console, Store
from coda_protocol.log_message import encode_log_message, fill_in, format_timestamp, placeholders
from coda_protocol.structured_events import NEW_BEST_TIP_EVENT, Level

MEBIBYTE = 1024 * 1024
MAX_LINE = MEBIBYTE
REJECTING_BLOCK = "Rejecting block"  # how the lines of rejected blocks begin
# Daemon contract C.1.
ELIDED = "<log message elided as it exceeded the max log line length; see oversized logs for full log>"


@dataclass(frozen=True)
class JsonConsole:
    """Standard output with `-log-json`: a JSON object a line."""

    console: Console
    level: Level
    only_event: str | None = None

    def write(self, record: Record) -> None:
        self.console.log(*record.encoded)


@dataclass(frozen=True)
class TextConsole:
    """Standard output for people: the message filled in, and under it the values that the message does not
    name.
    """

    console: Console
    level: Level
    only_event: str | None = None

    def write(self, record: Record) -> None:
        time = format_timestamp(record.time_ns).partition(".")[0]
        self.console.out(f"{time} UTC [{record.level.text}] {fill_in(record.message, record.metadata)}")
        named = placeholders(record.message)
        for key in sorted(record.metadata):
            if key not in named and key not in ("pid", "host", "peer_id", "port"):
                self.console.out(f"\t{key}: {fill_in('$value', {'value': record.metadata[key]})}")


class RotatingFile:
    """A file that is renamed to `NAME.N` when it has grown over its size; N counts 0, 1, … and wraps around.

    Lines are collected and written once per step of the event loop. A disk that refuses them is told once on
    standard error, and the file is left alone from then on: a daemon outlives its log.
    """

    def __init__(self, store: Store, console: Console, path: str, *, max_size: int, rotations: int) -> None:
        self._store = store
        self._console = console
        self._path = path
        self._max_size = max_size
        self._rotations = max(1, rotations)
        self._pending: list[bytes] = []
        self._flush_is_due = False
        self._failed = False
        self._size = store.size(path) if store.exists(path) else 0
        self._next = next((n for n in range(self._rotations) if not store.exists(f"{path}.{n}")), 0)

    def write_line(self, line: bytes) -> None:
        self._pending += (line, b"\n")
        if not self._flush_is_due:
            self._flush_is_due = True
            _soon(self.flush)

    def flush(self) -> None:
        """Write what is collected. Call it at the end of the process: the loop will not."""
        self._flush_is_due = False
        data = b"".join(self._pending)
        self._pending.clear()
        if not data or self._failed:
            return
        try:
            self._store.append(self._path, data)
            self._size += len(data)
            if self._size > self._max_size:
                self._store.rename(self._path, f"{self._path}.{self._next}")
                self._next = (self._next + 1) % self._rotations
                self._size = 0
        except OSError as error:
            self._failed = True
            self._console.err(f"cannot write {self._path}: {error}; this log file ends here")


def _soon(flush: Callable[[], None]) -> None:
    try:
        asyncio.get_running_loop().call_soon(flush)
    except RuntimeError:  # no loop: before or after the run of the daemon
        flush()


class LogFiles:
    """The log files of a configuration directory, as sinks; `flush` before the process ends."""

    def __init__(
        self, store: Store, console: Console, directory: str, *, level: Level, rotations: int
    ) -> None:
        def file(name: str, mebibytes: int, count: int) -> RotatingFile:
            path = f"{directory}/{name}"
            return RotatingFile(store, console, path, max_size=mebibytes * MEBIBYTE, rotations=count)

        self._files = (
            file("mina.log", 10, rotations),
            file("mina-oversized-logs.log", 10, 20),
            file("mina-best-tip.log", 5, 1),
            file("mina-rejected-blocks.log", 5, 50),
        )
        main, oversized, best_tip, rejected = self._files
        self.sinks = (MainFile(main, oversized, level), BestTipFile(best_tip), RejectedBlocksFile(rejected))

    def flush(self) -> None:
        for file in self._files:
            file.flush()


@dataclass(frozen=True)
class MainFile:
    """mina.log; an over-long line is replaced there and goes to mina-oversized-logs.log whole."""

    file: RotatingFile
    oversized: RotatingFile
    level: Level
    only_event: str | None = None

    def write(self, record: Record) -> None:
        line = record.line
        if len(line) < MAX_LINE:
            self.file.write_line(line)
            return
        self.oversized.write_line(line)
        self.file.write_line(
            encode_log_message(
                timestamp_ns=record.time_ns,
                level=record.level,
                source=record.source,
                message=ELIDED,
                metadata={},
            )
        )


@dataclass(frozen=True)
class BestTipFile:
    """mina-best-tip.log: changes of the best tip only."""

    file: RotatingFile
    level: Level = NEW_BEST_TIP_EVENT.level
    only_event: str | None = NEW_BEST_TIP_EVENT.id

    def write(self, record: Record) -> None:
        self.file.write_line(record.line)


@dataclass(frozen=True)
class RejectedBlocksFile:
    """mina-rejected-blocks.log: blocks that broke a rule. They have no event of their own (contract C.4)."""

    file: RotatingFile
    level: Level = Level.FAULTY_PEER
    only_event: str | None = None

    def write(self, record: Record) -> None:
        if record.message.startswith(REJECTING_BLOCK):
            self.file.write_line(record.line)
