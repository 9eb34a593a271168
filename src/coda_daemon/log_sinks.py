"""Where log lines go: the console, and files that rotate (daemon contract A.7, C.1)."""

from collections.abc import Callable
from dataclasses import dataclass

from coda_daemon.log import Taker
from coda_daemon.ports import Console, Store
from coda_protocol.log_message import (
    EncodedLine,
    decode_log_message,
    fill_in,
    metadata_texts,
    placeholders,
    shortened,
    unlike_any,
)
from coda_protocol.structured_events import NEW_BEST_TIP_EVENT, Level

AtEndOfStep = Callable[[Callable[[], None]], None]

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

    def taker(self, message: str, event_id: str | None) -> Taker:
        del message, event_id  # all are taken
        return self.console.log


@dataclass(frozen=True)
class TextConsole:
    """Standard output for people: the message filled in, and under it the values that the message does not
    name.
    """

    console: Console
    level: Level

    def taker(self, message: str, event_id: str | None) -> Taker:
        del message, event_id  # all are taken
        return self._take

    def _take(self, line: EncodedLine) -> None:
        read = decode_log_message(line.text)
        time = (read.timestamp or "").partition(".")[0]
        metadata = metadata_texts(read)
        self.console.out(f"{time} UTC [{read.level}] {fill_in(read.message, metadata)}")
        named = placeholders(read.message)
        for key, value in metadata.items():
            if key not in named and key not in ("pid", "host", "peer_id", "port"):
                self.console.out(f"\t{key}: {value}")


class RotatingFile:
    """A file that is renamed to `NAME.N` when it has grown over its size; N counts 0, 1, … and wraps around.

    Where there is another file for over-long lines, these go there whole and are replaced here.

    Lines are collected and written once per step of the event loop. A disk that refuses them is told once on
    standard error, and the file is left alone from then on: a daemon outlives its log.
    """

    def __init__(
        self,
        store: Store,
        console: Console,
        path: str,
        *,
        max_size: int,
        rotations: int,
        at_end_of_step: AtEndOfStep,
        oversized: "RotatingFile | None" = None,
    ) -> None:
        """`at_end_of_step` is the host's."""
        self._store = store
        self._console = console
        self._path = path
        self._max_size = max_size
        self._rotations = max(1, rotations)
        self._oversized = oversized
        self._at_end_of_step = at_end_of_step
        self._pending: list[bytes] = []
        self._failed = False
        self._size = store.size(path) if store.exists(path) else 0  # with what is collected
        self._next = next((n for n in range(self._rotations) if not store.exists(f"{path}.{n}")), 0)

    def take(self, line: EncodedLine) -> None:
        if line.size > MAX_LINE and self._oversized is not None:
            self._oversized.take(line)
            line = unlike_any(shortened(line.text, ELIDED))
        is_first = not self._pending
        self._pending += line.pieces
        self._size += line.size
        if is_first:
            self._at_end_of_step(self.flush)

    def flush(self) -> None:
        """Write what is collected. Call it at the end of the process: the loop will not."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        if self._failed:
            return
        try:
            self._store.append(self._path, *pending)
            if self._size > self._max_size:
                self._store.rename(self._path, f"{self._path}.{self._next}")
                self._next = (self._next + 1) % self._rotations
                self._size = 0
        except OSError as error:
            self._failed = True
            self._console.err(f"cannot write {self._path}: {error}; this log file ends here")


class LogFiles:
    """The log files of a configuration directory, as sinks; `flush` before the process ends."""

    def __init__(
        self,
        store: Store,
        console: Console,
        directory: str,
        *,
        level: Level,
        rotations: int,
        at_end_of_step: AtEndOfStep,
    ) -> None:
        """`at_end_of_step` is the host's."""

        def file(
            name: str, mebibytes: int, count: int, oversized: RotatingFile | None = None
        ) -> RotatingFile:
            return RotatingFile(
                store,
                console,
                f"{directory}/{name}",
                max_size=mebibytes * MEBIBYTE,
                rotations=count,
                oversized=oversized,
                at_end_of_step=at_end_of_step,
            )

        oversized = file("mina-oversized-logs.log", 10, 20)
        main = file("mina.log", 10, rotations, oversized)
        best_tip = file("mina-best-tip.log", 5, 1)
        rejected = file("mina-rejected-blocks.log", 5, 50)
        self._files = (main, oversized, best_tip, rejected)
        self.sinks = (MainFile(main, level), BestTipFile(best_tip), RejectedBlocksFile(rejected))

    def flush(self) -> None:
        for file in self._files:
            file.flush()


@dataclass(frozen=True)
class MainFile:
    """mina.log, or a worker's log."""

    file: RotatingFile
    level: Level

    def taker(self, message: str, event_id: str | None) -> Taker:
        del message, event_id  # all are taken
        return self.file.take


@dataclass(frozen=True)
class BestTipFile:
    """mina-best-tip.log: changes of the best tip only."""

    file: RotatingFile
    level: Level = NEW_BEST_TIP_EVENT.level

    def taker(self, message: str, event_id: str | None) -> Taker | None:
        del message
        return self.file.take if event_id == NEW_BEST_TIP_EVENT.id else None


@dataclass(frozen=True)
class RejectedBlocksFile:
    """mina-rejected-blocks.log: blocks that broke a rule. They have no event of their own (contract C.4)."""

    file: RotatingFile
    level: Level = Level.FAULTY_PEER

    def taker(self, message: str, event_id: str | None) -> Taker | None:
        del event_id
        return self.file.take if message.startswith(REJECTING_BLOCK) else None
