"""The daemon's log: structured events and plain lines, to every sink that wants them (daemon contract C,
D.8).

    log.event(structured_events.BLOCK_RECEIVED, state_hash=hash, sender=peer.as_json())
    log.info("Block_producer", "Producing new block with parent $breadcrumb", breadcrumb=lambda: costly())

A line that no sink takes costs a comparison: nothing is built. A metadata value may be `msgspec.Raw`, or a
function without arguments that is called only when the line is built.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import FrameType
from typing import Any, Protocol

from coda_daemon.ports import Clock
from coda_protocol.log_message import Source, encode_log_message, placeholders
from coda_protocol.structured_events import Level, StructuredEvent


@dataclass(slots=True)
class Record:
    """One line on its way to the sinks; encoded at most once."""

    time_ns: int
    level: Level
    source: Source
    message: str
    metadata: dict[str, Any]
    event_id: str | None
    _line: bytes | None = field(default=None, repr=False)

    @property
    def line(self) -> bytes:
        """The JSON form of C.1, without a newline."""
        if self._line is None:
            self._line = encode_log_message(
                timestamp_ns=self.time_ns,
                level=self.level,
                source=self.source,
                message=self.message,
                metadata=self.metadata,
                event_id=self.event_id,
            )
        return self._line


class Sink(Protocol):
    """Where lines go. It is handed those at or above its level and, if it names an event, only those of that
    event.
    """

    @property
    def level(self) -> Level: ...

    @property
    def only_event(self) -> str | None: ...

    def write(self, record: Record) -> None: ...


class Log:
    """The log of one daemon process, with the process-wide metadata in each line."""

    def __init__(self, clock: Clock, sinks: Sequence[Sink], *, pid: int) -> None:
        self._clock = clock
        self._sinks = tuple(sinks)
        self._process_wide: dict[str, Any] = {"pid": pid}
        self._lowest = min((sink.level for sink in sinks), default=Level.FATAL)
        self._capturing: frozenset[str] | None = None
        self._captured: list[bytes] = []

    def add_process_metadata(self, **metadata: Any) -> None:
        """Put entries in every line from now on: `host`, `peer_id` and `port` once networking is up."""
        self._process_wide.update(metadata)

    def start_filtered_log(self, event_ids: Iterable[str]) -> bool:
        """Capture events with these ids in memory, whatever the levels; False if a capture runs already
        (D.8).
        """
        if self.is_capturing:
            return False
        self._capturing = frozenset(event_ids)
        return True

    @property
    def is_capturing(self) -> bool:
        return self._capturing is not None

    def filtered_entries(self, offset: int) -> Sequence[bytes]:
        """Captured lines from a position on."""
        return self._captured[max(0, offset) :]

    def event(self, event: StructuredEvent, **metadata: Any) -> None:
        """Write a structured event at its own level; `metadata` holds the event's fields."""
        captured = self._capturing is not None and event.id in self._capturing
        if captured or event.level >= self._lowest:
            self._write(event.level, event.module, event.message, metadata, event.id, captured=captured)

    def debug(self, module: str, message: str, **metadata: Any) -> None:
        if self._lowest <= Level.DEBUG:
            self._write(Level.DEBUG, module, message, metadata)

    def info(self, module: str, message: str, **metadata: Any) -> None:
        if self._lowest <= Level.INFO:
            self._write(Level.INFO, module, message, metadata)

    def warn(self, module: str, message: str, **metadata: Any) -> None:
        if self._lowest <= Level.WARN:
            self._write(Level.WARN, module, message, metadata)

    def error(self, module: str, message: str, **metadata: Any) -> None:
        if self._lowest <= Level.ERROR:
            self._write(Level.ERROR, module, message, metadata)

    def faulty_peer(self, module: str, message: str, **metadata: Any) -> None:
        if self._lowest <= Level.FAULTY_PEER:
            self._write(Level.FAULTY_PEER, module, message, metadata)

    def fatal(self, module: str, message: str, **metadata: Any) -> None:
        self._write(Level.FATAL, module, message, metadata)

    def _write(
        self,
        level: Level,
        module: str,
        message: str,
        given: dict[str, Any],
        event_id: str | None = None,
        *,
        captured: bool = False,
    ) -> None:
        metadata = {**self._process_wide, **given}
        for key, value in given.items():
            if callable(value):
                metadata[key] = value()
        if len(metadata) < len(given) + len(self._process_wide):
            metadata["$duplicated_keys"] = [key for key in given if key in self._process_wide]
        if missing := [name for name in placeholders(message) if name not in metadata]:
            message = f"invalid log call: no metadata for {', '.join(missing)} in {message!r}".replace(
                "$", ""
            )
            level = Level.ERROR
        # Two frames up is the caller of `info`, `event` and the like.
        source = Source(module, _location(sys._getframe(2)))
        record = Record(self._clock.time_ns(), level, source, message, metadata, event_id)
        if captured:
            self._captured.append(record.line)
        for sink in self._sinks:
            if level >= sink.level and sink.only_event in (None, event_id):
                sink.write(record)


def _location(frame: FrameType) -> str:
    return _location_text(frame.f_globals.get("__name__", "?"), frame.f_lineno)


@lru_cache(maxsize=1024)
def _location_text(module: str, line: int) -> str:
    path = module.replace(".", "/")
    return f'File "src/{path}.py", line {line}, characters 0-0'
