"""One line of a daemon's JSON log: how it is written, how it is read back (daemon contract C.1).

The message is a template with `$name` placeholders that stay unfilled in the line; their values are in the
metadata.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from coda_protocol.structured_events import Level

_PLACEHOLDER = re.compile(r"\$([A-Za-z0-9_]+)")
_NANOSECONDS = 1_000_000_000
_DAY = 86_400  # seconds
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


_HOLE, _OWN = b"\0", b"\1"  # JSON text has none of them
_BEGIN = b'{"timestamp":"'
_LARGE = 16_384  # bytes of a line; such a one is not kept for others


class Content(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a line says, in two parts: all but its time, which is before them, and its writer's own metadata, which are
    between them. Only equal to itself.
    """

    before: bytes
    after: bytes
    size: int


class EncodedLine(msgspec.Struct, frozen=True, gc=False):
    """One line in pieces: joined they are the line, its newline included. Most are in other lines too, so who keeps
    many lines does well to keep the pieces. `size` is in bytes.

    Lines with one content mean the same; without one, nothing is known of them.
    """

    pieces: tuple[bytes, ...]
    size: int
    content: Content | None

    @property
    def text(self) -> bytes:
        """The whole line without its newline."""
        return b"".join(self.pieces)[:-1]

    @property
    def timestamp(self) -> str:
        """As it is written, of a line with content."""
        return self.pieces[0][len(_BEGIN) :].decode()


def unlike_any(text: bytes) -> EncodedLine:
    """A line of which only the text is known, without its newline."""
    return EncodedLine((text, b"\n"), len(text) + 1, None)


class LineTemplate:
    """Lines that differ in time and in the values of some metadata only: what they share is encoded once.

    `keys` are the metadata whose values come with each line, `fixed` those that stay. Where these stand together in
    the line, `own` is their text, and all else is shared by the writers of one process.
    """

    __slots__ = ("_shape", "keys", "own")

    def __init__(
        self,
        *,
        level: Level,
        source: Source,
        message: str,
        fixed: Mapping[str, Any],
        keys: tuple[str, ...],
        event_id: str | None = None,
    ) -> None:
        self.keys = keys
        shape = _shared_shape(level, source, message, tuple(sorted(fixed)), keys, event_id)
        if shape is not None:
            self.own = _encode({key: fixed[key] for key in sorted(fixed)})[1:-1]
            self._shape = shape
        else:
            self.own = b""
            self._shape = _Shape(level, source, message, fixed, keys, event_id, own=b"")

    def line(self, timestamp_ns: int, values: Collection[Any]) -> EncodedLine:
        """What `encode_log_message` would give, with the values in the order of `keys`. A value may also be `bytes`,
        JSON text that stays as it is, or a function without arguments that makes the value.
        """
        own = self.own
        try:
            content = _shared_content(self._shape, *values)
        except TypeError:
            content = _content(self._shape, values)
        pieces = (_beginning(timestamp_ns), content.before, own, content.after)
        return EncodedLine(pieces, content.size + len(own), content)


class _Shape:
    """A line with holes for time, own metadata and values."""

    __slots__ = ("_after", "_before", "_order", "_size")

    def __init__(
        self,
        level: Level,
        source: Source,
        message: str,
        fixed: Mapping[str, Any],
        keys: tuple[str, ...],
        event_id: str | None,
        *,
        own: bytes,
    ) -> None:
        """Raises ValueError when there is no text `own` among the metadata."""
        line = encode_log_message(
            timestamp_ns=0,
            level=level,
            source=source,
            message=message,
            metadata={**fixed, **dict.fromkeys(keys, msgspec.Raw(_HOLE))},
            event_id=event_id,
        )
        rest = line.removeprefix(_beginning(0)) + b"\n"
        at = rest.index(own)
        self._before = _holes_apart(rest[:at])
        self._after = _holes_apart(rest[at + len(own) :])
        self._order = sorted(range(len(keys)), key=keys.__getitem__)
        self._size = len(_beginning(0))

    def content(self, values: Sequence[bytes]) -> Content:
        """With encoded values in the order of the keys."""
        if len(values) > 1:
            values = [values[at] for at in self._order]
        before, after = self._before.copy(), self._after.copy()
        split = len(before) // 2
        before[1::2], after[1::2] = values[:split], values[split:]
        first, last = b"".join(before), b"".join(after)
        return Content(first, last, self._size + len(first) + len(last))


def _holes_apart(text: bytes) -> list[bytes]:
    """Every second one is a hole."""
    first, *rest = text.split(_HOLE)
    return [first, *(piece for following in rest for piece in (_HOLE, following))]


@lru_cache(maxsize=512)
def _shared_shape(
    level: Level,
    source: Source,
    message: str,
    fixed: tuple[str, ...],
    keys: tuple[str, ...],
    event_id: str | None,
) -> _Shape | None:
    """None when the fixed metadata do not stand together."""
    hole = msgspec.Raw(_OWN)
    own = b",".join(_encode(key) + b":" + _OWN for key in fixed)
    try:
        return _Shape(level, source, message, dict.fromkeys(fixed, hole), keys, event_id, own=own)
    except ValueError:
        return None


# Also by type: 1 and True are equal. A value of another kind could change, or -0.0 be taken for 0.0.
@lru_cache(maxsize=256, typed=True)
def _shared_content(shape: _Shape, *values: object) -> Content:
    """The nodes of a process write the same of the same block, one after the other. Raises TypeError for values that
    nothing should be kept by.
    """
    encoded = []
    for value in values:
        if isinstance(value, bytes):
            encoded.append(value)
        elif type(value) in _LASTING:
            encoded.append(_encode(value))
        else:
            raise TypeError
    content = shape.content(encoded)
    if content.size > _LARGE:
        raise TypeError
    return content


_LASTING = frozenset((str, int, bool, type(None)))


def _content(shape: _Shape, values: Iterable[Any]) -> Content:
    """Of whatever values."""
    encoded = [_encoded(value) for value in values]
    try:
        return _shared_content(shape, *encoded)
    except TypeError:
        return shape.content(encoded)


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
    return _beginning(time_ns)[len(_BEGIN) :].decode()


@lru_cache(maxsize=64)  # in virtual time, much happens at one instant
def _beginning(time_ns: int) -> bytes:
    """Of a line, up to its time."""
    seconds, rest = divmod(time_ns, _NANOSECONDS)
    return _BEGIN + b"%b.%06dZ" % (_format_second(seconds), rest // 1000)


@lru_cache(maxsize=64)
def _format_second(seconds: int) -> bytes:
    # Many lines fall into one second; formatting a date costs more than encoding the rest of a short line.
    day, in_day = divmod(seconds, _DAY)
    minutes, second = divmod(in_day, 60)
    return b"%b %02d:%02d:%02d" % (_format_day(day), minutes // 60, minutes % 60, second)


@lru_cache(maxsize=16)
def _format_day(day: int) -> bytes:
    return datetime.fromtimestamp(day * _DAY, UTC).strftime("%Y-%m-%d").encode()


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
