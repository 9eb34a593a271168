"""One line of a daemon's JSON log: how it is written, how it is read back (daemon contract C.1).

The message is a template with `$name` placeholders that stay unfilled in the line; their values are in the
metadata.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from coda_protocol.structured_events import Level

_PLACEHOLDER = re.compile(r"\$([A-Za-z0-9_]+)")
_NANOSECONDS = 1_000_000_000
_TOO_DEEP = "JSON is nested too deeply"


class Source(msgspec.Struct, frozen=True):
    """Where in the program a line was written; `location` is `File "….ml", line 1, characters 2-3`."""

    module: str = ""
    location: str = ""


class _Written(msgspec.Struct, omit_defaults=True):
    """The keys in the order in which daemons write them."""

    timestamp: str
    level: str
    source: Source | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None
    event_id: str | None = None


class LogMessage(msgspec.Struct, frozen=True, gc=False):
    """A line as read: every key may be missing, others are ignored.

    `timestamp` and `level` are the daemon's own texts. `source` and `metadata` stay undecoded, because most
    lines are only looked at; see `source_of` and `metadata_of`.
    """

    timestamp: str | None = None
    level: str = ""
    source: msgspec.Raw = msgspec.Raw(b"{}")
    message: str = ""
    metadata: msgspec.Raw = msgspec.Raw(b"{}")
    event_id: str | None = None


_encoder = msgspec.json.Encoder()
_encode: Callable[[Any], bytes] = _encoder.encode
_decoder = msgspec.json.Decoder(LogMessage)
_source_decoder = msgspec.json.Decoder(Source)
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_metadata_decoder = msgspec.json.Decoder(dict[str, Any])


def encode_log_message(
    *,
    timestamp_ns: int,
    level: Level,
    source: Source,
    message: str,
    metadata: Mapping[str, Any],
    event_id: str | None = None,
) -> bytes:
    """One line without its newline; `timestamp_ns` is nanoseconds since the Unix epoch, cut to microseconds.

    Metadata keys are sorted at the top level only; a value may be any JSON value or `msgspec.Raw`. Lines of
    level Spam carry no source.
    """
    return _encoder.encode(
        _Written(
            format_timestamp(timestamp_ns),
            level.text,
            None if level is Level.SPAM else source,
            message,
            {key: metadata[key] for key in sorted(metadata)},
            event_id,
        )
    )


_HOLE = b"\0"  # JSON text has none


class EncodedLine(msgspec.Struct, gc=False):
    """One line in pieces: joined they are the line, its newline included. Most of them are in other lines too, so who
    keeps many lines does well to keep the pieces.

    Of one likeness are lines that differ in time, source and fixed metadata only; of None nothing is known. `size` is
    in bytes, `timestamp` as it is written.
    """

    pieces: list[bytes]
    size: int
    timestamp: bytes
    likeness: tuple[bytes, ...] | None

    @property
    def text(self) -> bytes:
        """The whole line without its newline."""
        return b"".join(self.pieces)[:-1]


def unlike_any(text: bytes) -> EncodedLine:
    """A line that is no log record, without its newline."""
    return EncodedLine([text, b"\n"], len(text) + 1, b"", None)


class LineTemplate:
    """Lines that differ in time and in the values of some metadata only: what they share is encoded once.

    `fixed` are metadata that stay, `keys` those whose values come with each line.
    """

    __slots__ = ("_first", "_kind", "_prefix", "_rest", "_size")

    def __init__(
        self,
        *,
        level: Level,
        source: Source,
        message: str,
        fixed: Mapping[str, Any],
        keys: Collection[str],
        event_id: str | None = None,
    ) -> None:
        hole = msgspec.Raw(_HOLE)
        line = encode_log_message(
            timestamp_ns=0,
            level=level,
            source=source,
            message=message,
            metadata={**fixed, **dict.fromkeys(keys, hole)},
            event_id=event_id,
        )
        self._prefix, _, rest = line.partition(_timestamp_bytes(0))
        self._first, *pieces = (rest + b"\n").split(_HOLE)
        self._rest = tuple(zip(sorted(keys), pieces, strict=True))
        self._size = len(line) + 1 - len(keys) * len(_HOLE)
        self._kind = _encode((level.text, event_id, message, sorted(keys)))

    def line(self, timestamp_ns: int, values: Mapping[str, Any]) -> EncodedLine:
        """What `encode_log_message` would give, but that a value may also be `bytes`, JSON text that stays as it is, or
        a function without arguments that makes the value.
        """
        timestamp = _timestamp_bytes(timestamp_ns)
        pieces, likeness, size = [self._prefix, timestamp, self._first], [self._kind], self._size
        for key, piece in self._rest:
            value = values[key]
            if type(value) is str:
                value = _encode_text(value)
            elif type(value) is not bytes:
                value = _encoded(value)
            pieces += (value, piece)
            likeness.append(value)
            size += len(value)
        return EncodedLine(pieces, size, timestamp, tuple(likeness))


def _encoded(value: Any) -> bytes:
    if callable(value):
        value = value()
    return value if type(value) is bytes else _encode(value)


def shortened(line: bytes, message: str) -> bytes:
    """A line as it is written here, with another message and without its content. Raises ValueError for other lines."""
    whole = decode_log_message(line)
    source = source_of(whole) if whole.level != Level.SPAM.text else None
    return _encoder.encode(_Written(whole.timestamp or "", whole.level, source, message, {}))


def decode_log_message(line: bytes) -> LogMessage:
    """Read one line. Raises ValueError that tells what is wrong with a line that is no log record."""
    try:
        return _decoder.decode(line)
    except RecursionError as error:  # the only error of msgspec's that is no ValueError
        raise ValueError(_TOO_DEEP) from error


def decode_log_messages(lines: bytes) -> list[LogMessage]:
    """Read many lines at once, much faster than one by one. Raises ValueError when any is no log record.

    Blank lines give nothing, and a line that holds two records gives two: who numbers lines must check.
    """
    try:
        return _decoder.decode_lines(lines)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def source_of(message: LogMessage) -> Source:
    """Where it was written, decoded. Raises ValueError if it is no such object."""
    return _source_decoder.decode(message.source)


def metadata_of(message: LogMessage) -> dict[str, Any]:
    """The metadata, decoded. Raises ValueError if it is no JSON object."""
    return _metadata_decoder.decode(message.metadata)


def metadata_texts(message: LogMessage) -> dict[str, str]:
    """The metadata for people: texts as they are, the rest as JSON. Raises ValueError if it is no JSON object."""
    fields = _fields_decoder.decode(message.metadata)
    return {
        name: msgspec.json.decode(text) if text.startswith(b'"') else text.decode()
        for name, text in ((name, bytes(field)) for name, field in fields.items())
    }


def format_timestamp(time_ns: int) -> str:
    """Nanoseconds since the Unix epoch as `2024-05-01 12:00:05.123456Z`."""
    return _timestamp_bytes(time_ns).decode()


@lru_cache(maxsize=64)  # in virtual time, much happens at one instant
def _timestamp_bytes(time_ns: int) -> bytes:
    seconds, rest = divmod(time_ns, _NANOSECONDS)
    return b"%b.%06dZ" % (_format_second(seconds), rest // 1000)


_encode_text = lru_cache(maxsize=256)(_encode)  # the lines about a block all have its hash


@lru_cache(maxsize=64)
def _format_second(seconds: int) -> bytes:
    # Many lines fall into one second; formatting a date costs more than encoding the rest of a short line.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S").encode()


@lru_cache(maxsize=1024)
def placeholders(template: str) -> tuple[str, ...]:
    """The names that a message template wants from the metadata, in order of appearance."""
    return tuple(_PLACEHOLDER.findall(template))


def fill_in(template: str, metadata: Mapping[str, Any]) -> str:
    """A message for people: each placeholder replaced by its value, texts as they are, the rest as JSON.

    A placeholder without a value stays as it is.
    """
    if "$" not in template:
        return template

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in metadata:
            return match.group(0)
        found = metadata[name]
        return found if isinstance(found, str) else _encoder.encode(found).decode()

    return _PLACEHOLDER.sub(value, template)
