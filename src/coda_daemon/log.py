"""The daemon's log: structured events and plain lines, to every sink that wants them (daemon contract C,
D.8).

    log.event(structured_events.BLOCK_RECEIVED, state_hash=hash, sender=peer.sender_json)
    log.info("Block_producer", "Producing new block with parent $breadcrumb", breadcrumb=lambda: costly())

A line that no sink takes costs a comparison: nothing is built. A metadata value may be `msgspec.Raw`, `bytes` that
are JSON text, or a function without arguments that is called only when the line is built.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Protocol

from coda_daemon.ports import Clock
from coda_protocol.log_message import EncodedLine, LineTemplate, Source, placeholders
from coda_protocol.structured_events import Level, StructuredEvent

_DUPLICATED = "$duplicated_keys"

Taker = Callable[[EncodedLine], None]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the program that writes lines: what they have in common, and who takes them."""

    what: StructuredEvent | tuple[Level, str]  # another one may be written there the next time
    template: LineTemplate
    takers: tuple[Taker, ...]
    code: CodeType  # held, for places are found by its id


class Sink(Protocol):
    """Where lines go that are at or above its level."""

    @property
    def level(self) -> Level: ...

    def taker(self, message: str, event_id: str | None) -> Taker | None:
        """Who takes such lines, if any; asked once for all lines of a place."""


class Log:
    """The log of one daemon process, with the process-wide metadata in each line."""

    def __init__(self, clock: Clock, sinks: Sequence[Sink], *, pid: int) -> None:
        self._clock = clock
        self._sinks = tuple(sinks)
        self._process_wide: dict[str, Any] = {"pid": pid}
        self._lowest = min((sink.level for sink in sinks), default=Level.FATAL)
        self._capturing: frozenset[str] | None = None
        self._captured: list[bytes] = []
        # By the place's own number, `id(code) + instruction`: a code object holds its instructions.
        self._places: dict[int, Place] = {}

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
        self._places.clear()
        return True

    @property
    def is_capturing(self) -> bool:
        return self._capturing is not None

    def filtered_entries(self, offset: int) -> Sequence[bytes]:
        """Captured lines from a position on."""
        return self._captured[max(0, offset) :]

    def event(self, event: StructuredEvent, **metadata: Any) -> None:
        """Write a structured event at its own level; `metadata` holds the event's fields."""
        level = event.level
        if level < self._lowest and not self._is_captured(event.id):
            return
        # As `_write`, without another call: nearly all lines are events.
        frame = sys._getframe(1)
        place = self._places.get(id(frame.f_code) + frame.f_lasti)
        if place is None or place.what is not event or place.template.keys != tuple(metadata):
            place = self._placed(level, event.module, event.message, tuple(metadata), event, frame)
        line = place.template.line(self._clock.time_ns(), metadata.values())
        for take in place.takers:
            take(line)

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

    def _is_captured(self, event_id: str | None) -> bool:
        return self._capturing is not None and event_id in self._capturing

    def _write(self, level: Level, module: str, message: str, given: dict[str, Any]) -> None:
        # Two frames up is the caller of `info` and the like.
        frame = sys._getframe(2)
        place = self._places.get(id(frame.f_code) + frame.f_lasti)
        if place is None or place.what != (level, message) or place.template.keys != tuple(given):
            place = self._placed(level, module, message, tuple(given), None, frame)
        line = place.template.line(self._clock.time_ns(), given.values())
        for take in place.takers:
            take(line)

    def _placed(
        self,
        level: Level,
        module: str,
        message: str,
        given: tuple[str, ...],
        event: StructuredEvent | None,
        frame: FrameType,
    ) -> Place:
        what = event or (level, message)
        event_id = event.id if event else None
        fixed = self._process_wide.copy()
        known = (*given, *fixed)
        if duplicated := [name for name in given if name in fixed]:
            fixed[_DUPLICATED] = duplicated
        if missing := [name for name in placeholders(message) if name not in known]:
            message = f"invalid log call: no metadata for {', '.join(missing)} in {message!r}".replace(
                "$", ""
            )
            level = Level.ERROR
        template = LineTemplate(
            level=level,
            source=Source(module, _location(frame)),
            message=message,
            fixed=fixed,
            keys=given,
            event_id=event_id,
        )
        takers = [sink.taker(message, event_id) for sink in self._sinks if level >= sink.level]
        if self._is_captured(event_id):
            takers.append(self._capture)
        place = Place(what, template, tuple(take for take in takers if take is not None), frame.f_code)
        self._places[id(frame.f_code) + frame.f_lasti] = place
        return place

    def _capture(self, line: EncodedLine) -> None:
        self._captured.append(line.text)


def _location(frame: FrameType) -> str:
    path = frame.f_globals.get("__name__", "?").replace(".", "/")
    return f'File "src/{path}.py", line {frame.f_lineno}, characters 0-0'
