"""The daemon's log: structured events and plain lines, to every sink that wants them (daemon contract C,
D.8).

    log.event(structured_events.BLOCK_RECEIVED, state_hash=hash, sender=peer.as_json())
    log.info("Block_producer", "Producing new block with parent $breadcrumb", breadcrumb=lambda: costly())

A line that no sink takes costs a comparison: nothing is built. A metadata value may be `msgspec.Raw`, or a
function without arguments that is called only when the line is built.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple, Protocol

from coda_daemon.ports import Clock
from coda_protocol.log_message import LineTemplate, Source, placeholders
from coda_protocol.structured_events import Level, StructuredEvent

_DUPLICATED = "$duplicated_keys"
_MOST_PLACES = 1000  # whose unchanging parts are kept; a message may hold anything


class Place(NamedTuple):
    """A place in the program that writes lines: what they have in common, and who takes them."""

    level: Level
    source: Source
    message: str
    event_id: str | None
    fixed: Mapping[str, Any]  # metadata that are in each of its lines
    template: LineTemplate
    takers: tuple[Callable[["Record"], None], ...]
    code: CodeType  # held, for places are found by its id


class Record:
    """One line on its way to the sinks; encoded at most once. `given` are its own metadata."""

    __slots__ = ("_encoded", "_given", "_place", "time_ns")

    def __init__(self, time_ns: int, place: Place, given: Mapping[str, Any]) -> None:
        self.time_ns = time_ns
        self._place = place
        self._given = given
        self._encoded: tuple[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"<Record {self.line.decode()}>"

    @property
    def level(self) -> Level:
        return self._place.level

    @property
    def source(self) -> Source:
        return self._place.source

    @property
    def message(self) -> str:
        return self._place.message

    @property
    def metadata(self) -> dict[str, Any]:
        """All, the process-wide included."""
        return {**self._place.fixed, **self._given}

    @property
    def event_id(self) -> str | None:
        return self._place.event_id

    @property
    def line(self) -> bytes:
        """The JSON form of C.1, without a newline."""
        return self.encoded[0]

    @property
    def encoded(self) -> tuple[bytes, bytes]:
        """The line, and its likeness: equal for lines that differ in time, source and process-wide metadata only."""
        encoded = self._encoded
        if encoded is None:
            encoded = self._encoded = self._place.template.line(self.time_ns, self._given)
        return encoded


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
        self._places: dict[tuple[object, ...], Place] = {}

    def add_process_metadata(self, **metadata: Any) -> None:
        """Put entries in every line from now on: `host`, `peer_id` and `port` once networking is up."""
        self._process_wide.update(metadata)
        self._places.clear()

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
        # Two frames up is the caller of `info`, `event` and the like.
        frame = sys._getframe(2)
        code = frame.f_code
        key = (id(code), frame.f_lasti, level, message, event_id, *given)
        place = self._places.get(key)
        if place is None:
            place = self._placed(level, Source(module, _location(frame)), message, given, event_id, code)
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[key] = place
        for name, value in given.items():
            if callable(value):
                given[name] = value()
        record = Record(self._clock.time_ns(), place, given)
        if captured:
            self._captured.append(record.line)
        for take in place.takers:
            take(record)

    def _placed(
        self,
        level: Level,
        source: Source,
        message: str,
        given: Iterable[str],
        event_id: str | None,
        code: CodeType,
    ) -> Place:
        fixed = self._process_wide.copy()
        known = (*given, *fixed)
        if duplicated := [key for key in given if key in fixed]:
            fixed[_DUPLICATED] = duplicated
        if missing := [name for name in placeholders(message) if name not in known]:
            message = f"invalid log call: no metadata for {', '.join(missing)} in {message!r}".replace(
                "$", ""
            )
            level = Level.ERROR
        template = LineTemplate(
            level=level,
            source=source,
            message=message,
            fixed=fixed,
            keys=tuple(given),
            event_id=event_id,
        )
        takers = tuple(
            sink.write for sink in self._sinks if level >= sink.level and sink.only_event in (None, event_id)
        )
        return Place(level, source, message, event_id, fixed, template, takers, code)


def _location(frame: FrameType) -> str:
    path = frame.f_globals.get("__name__", "?").replace(".", "/")
    return f'File "src/{path}.py", line {frame.f_lineno}, characters 0-0'
