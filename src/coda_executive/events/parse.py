"""From log lines to events (daemon contract C).

Each line that a node writes becomes one event. A line that is no log record, or a known event whose metadata
are not what the contract says, becomes an `UnreadableLine` that names the problem: nothing here raises.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from coda_executive.events.event import (
    DaemonEvent,
    ErrorLogged,
    OtherEvent,
    PlainMessage,
    UnreadableLine,
)
from coda_executive.events.metadata import READERS
from coda_protocol.log_message import (
    Content,
    EncodedLine,
    LogMessage,
    decode_log_message,
    decode_log_messages,
    fill_in,
    placeholders,
)

_LONGEST_MESSAGE = 2000  # characters of an ErrorLogged
_LONGEST_TEXT = 500  # characters of an UnreadableLine
_MOST_ALIKE = 512  # kinds of lines whose events are kept
_ERROR_LEVELS = frozenset(("Warn", "Error", "Faulty_peer", "Fatal"))


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """The `index`-th line of a chunk, from 0; it begins at byte `start`. `timestamp` is as written."""

    index: int
    start: int
    timestamp: str | None
    event: DaemonEvent


class Parser:
    """Turns the lines of one daemon build into events; `event_ids` maps names to the ids in that build."""

    def __init__(self, event_ids: Mapping[str, str]) -> None:
        self._names = {event_id: name for name, event_id in event_ids.items()}
        self._readers = {event_id: READERS[name] for name, event_id in event_ids.items() if name in READERS}
        self._alike: dict[Content, DaemonEvent] = {}  # oldest first

    def parse(self, line: bytes) -> tuple[str | None, DaemonEvent]:
        """Timestamp and event of one line, with or without its line end. A blank one is an empty
        PlainMessage.
        """
        line = line.rstrip(b"\r\n")
        if not line:
            return None, PlainMessage("")
        try:
            message = decode_log_message(line)
        except ValueError as error:
            return None, unreadable(line, str(error))
        if _is_plain(message):
            return message.timestamp, PlainMessage(message.message)
        return message.timestamp, self._event(message, line)

    def parse_alike(self, lines: Iterable[EncodedLine]) -> Iterator[tuple[str | None, DaemonEvent]]:
        """`parse` each line, for who is told by the writer which lines are alike: those with one content mean
        the same, and most nodes write the same of the same block.
        """
        known = self._alike
        beginning, timestamp = b"", ""
        for line in lines:
            content = line.content
            event = None if content is None else known.get(content)
            if event is None:
                yield self._parse_first(line)
                continue
            if line.pieces[0] != beginning:  # in virtual time many lines have one
                beginning, timestamp = line.pieces[0], line.timestamp
            yield timestamp, event

    def _parse_first(self, line: EncodedLine) -> tuple[str | None, DaemonEvent]:
        timestamp, event = self.parse(line.text)
        # An error's text may name what is the node's own.
        if line.content is not None and not isinstance(event, ErrorLogged | UnreadableLine):
            if len(self._alike) >= _MOST_ALIKE:
                del self._alike[next(iter(self._alike))]
            self._alike[line.content] = event
        return timestamp, event

    def parse_chunk(self, chunk: bytes) -> Iterator[ParsedLine]:
        """The lines of a chunk, each ended by a newline, about twice as fast as one by one.

        Plain messages may be left out: they are, unless a line that is no log record forces the slow way.
        """
        messages = decode_aligned(chunk)
        if messages is None:
            for index, (start, end) in enumerate(_line_bounds(chunk)):
                yield ParsedLine(index, start, *self.parse(chunk[start:end]))
            return
        start = reached = 0
        for index, message in enumerate(messages):
            if _is_plain(message):
                continue
            while reached < index:
                start = chunk.index(b"\n", start) + 1
                reached += 1
            line = chunk[start : chunk.index(b"\n", start)]
            yield ParsedLine(index, start, message.timestamp, self._event(message, line))

    def _event(self, message: LogMessage, line: bytes) -> DaemonEvent:
        """What a line means that is not plain."""
        if message.level in _ERROR_LEVELS:
            return ErrorLogged(message.level, filled_in(message)[:_LONGEST_MESSAGE], message.event_id)
        event_id = message.event_id
        if event_id is None:
            return unreadable(line, "a JSON object with neither `level` nor `event_id` is no log record")
        read = self._readers.get(event_id)
        if read is None:
            return OtherEvent(event_id, self._names.get(event_id))
        try:
            return read(message.metadata)
        except (ValueError, RecursionError) as error:
            return unreadable(line, f"metadata of {self._names[event_id]}: {error}")


def unreadable(line: bytes, problem: str) -> UnreadableLine:
    """The event for a line that could not be read; what is no UTF-8 in it is replaced."""
    # A character takes at most four bytes: what is cut off here would be cut off below.
    return UnreadableLine(line[: 4 * _LONGEST_TEXT].decode(errors="replace")[:_LONGEST_TEXT], problem)


def _is_plain(message: LogMessage) -> bool:
    return message.event_id is None and message.level not in _ERROR_LEVELS and message.level != ""


def decode_aligned(chunk: bytes) -> list[LogMessage] | None:
    """One message for each line of a chunk, or None if some line is no log record or is blank."""
    try:
        messages = decode_log_messages(chunk)
    except ValueError:
        return None
    # The decoder does not care for newlines. As many objects as lines, and a brace at the start of each line,
    # tell that they are one to one.
    lines = chunk.count(b"\n")
    if len(messages) == lines and chunk[:1] == b"{" and chunk.count(b"\n{") == lines - 1:
        return messages
    return None


def _line_bounds(chunk: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each line, its newline included; not split at a lone carriage return, as `splitlines`
    would.
    """
    start = 0
    while start < len(chunk):
        end = chunk.find(b"\n", start) + 1 or len(chunk)
        yield start, end
        start = end


def filled_in(message: LogMessage) -> str:
    """The message with its placeholders filled in; those whose metadata cannot be read stay."""
    wanted = placeholders(message.message)
    if not wanted:
        return message.message
    try:
        fields = _fields_decoder.decode(message.metadata)
        # Only what is wanted is decoded: metadata may hold a whole block.
        values: dict[str, Any] = {
            name: msgspec.json.decode(fields[name]) for name in wanted if name in fields
        }
    except (ValueError, RecursionError):
        return message.message
    return fill_in(message.message, values)


_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
