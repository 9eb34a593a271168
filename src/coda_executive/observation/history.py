"""The history of a run: the evidence, append-only, in segments of JSON lines (`000001.jsonl`, `000002.jsonl`,
…).

The first line of each segment names format and version; every other one is `{"time_ns": …, "record": {"kind":
…}}`. Times are nanoseconds since the run began, on the event loop's clock. Raw log lines are not copied: an
event refers to its line by number and offset in the node's log.

What is appended is buffered until `flush`, or until the buffer is full. A flushed line survives the death of
this process, not that of the machine.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, get_args

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.events.event import Event
from coda_protocol.currency import Currency

FORMAT = "coda-executive history"
VERSION = 1
_SEGMENT_BYTES = 8 << 20
_BUFFER_BYTES = 1 << 16
_MOST_TEXTS = 256  # of events, kept to be written again


class EventSeen(msgspec.Struct, frozen=True, gc=False):
    """A node was observed. `line` and `offset` lead to the raw line; None for what the manager told.

    `times` tells how many equal lines this one stands for: it is the last of them.
    """

    node: NodeId
    event: Event
    line: int | None = None
    offset: int | None = None
    times: int = 1


class SectionBegan(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    path: tuple[str, ...]
    hard: bool


class SectionEnded(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    path: tuple[str, ...]


class WaitBegan(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """`soft` and `hard` are its limits, in words; `soft_seconds` and `hard_seconds` as they were applied, with
    slots and the time-out factor reckoned in. `section` is the path of the sections and tasks that it is in; None
    in histories of before.
    """

    description: str
    soft: str
    hard: str
    soft_seconds: float | None = None
    hard_seconds: float | None = None
    section: tuple[str, ...] | None = None


class WaitEnded(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """`result` is "reached", "cancelled" or the name of an error."""

    description: str
    result: str
    progress: str


class FaultBegan(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The nemesis is about to disturb `nodes`; `fault` is the class of the fault, `number` its own in the run."""

    number: int
    fault: str
    description: str
    nodes: tuple[NodeId, ...]


class FaultEnded(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """A fault was undone, and was found to be."""

    number: int
    fault: str


class CrashExpected(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """From now on a crash of this node is no error, or one again."""

    node: NodeId
    expected: bool


class GenesisSet(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The first slot of the network begins, or began, `at_ns` nanoseconds after the run began."""

    at_ns: int


class NodeJoined(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The test added a node; `role` is such as "block producer"."""

    node: NodeId
    role: str


class NodeLeft(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The test destroyed a node."""

    node: NodeId


class Measured(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The test measured something, of a node or of the network; `unit` is such as "s" or "blocks"."""

    name: str
    value: float
    unit: str
    node: NodeId | None = None


class ErrorFound(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """An error of the run, as it is told in its outcome; `severity` is "warning", "soft" or "hard"."""

    severity: str
    error: str
    message: str
    section: tuple[str, ...]


class ValidationBegan(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The validators judge what stands before this; it is an error if one that is `required` had no chance to
    fail.
    """

    required: tuple[str, ...] = ()


class RunEnded(msgspec.Struct, frozen=True, tag_field="kind", tag=True):
    """The last record of a run that came to its end, with what the errors alone do not tell."""

    interrupted: bool
    infrastructure_failed: bool
    bad_usage: bool


_PlainRecord = (
    SectionBegan
    | SectionEnded
    | WaitBegan
    | WaitEnded
    | FaultBegan
    | FaultEnded
    | CrashExpected
    | GenesisSet
    | NodeJoined
    | NodeLeft
    | Measured
    | ErrorFound
    | ValidationBegan
    | RunEnded
)
HistoryRecord = EventSeen | _PlainRecord


class HistoryEntry(msgspec.Struct, frozen=True, gc=False):
    time_ns: int
    record: HistoryRecord


class _Header(msgspec.Struct, frozen=True):
    format: str
    version: int
    segment: int


class _StoredEvent(msgspec.Struct, frozen=True, tag_field="kind", tag="EventSeen", omit_defaults=True):
    """An EventSeen; `event` is the class of the event and `fields` are its own."""

    node: NodeId
    event: str
    fields: msgspec.Raw
    line: int | None = None
    offset: int | None = None
    times: int = 1


class _StoredEntry(msgspec.Struct, frozen=True):
    time_ns: int
    record: _StoredEvent | _PlainRecord


def _number_of_money(value: Any) -> int:
    """Money is a number of nanomina in a history, as everywhere between machines."""
    if not isinstance(value, Currency):
        raise NotImplementedError
    return int(value)


def _money_of_number(kind: type[Any], value: Any) -> Any:
    if not issubclass(kind, Currency) or type(value) is not int:
        raise NotImplementedError
    return kind(value)


_encoder = msgspec.json.Encoder(enc_hook=_number_of_money)
_entries = msgspec.json.Decoder(_StoredEntry)
_headers = msgspec.json.Decoder(_Header)
_EVENTS = {kind.__name__: kind for kind in get_args(Event)}


class HistoryWriter:
    """Appends to the history in a directory, which it makes. A context manager: it closes at the end of the
    block.

    The first error of the disk raises EngineError once; what was written stays, and whatever is appended
    later is dropped, so that a run can still come to its end.
    """

    def __init__(self, directory: Path, *, segment_bytes: int = _SEGMENT_BYTES) -> None:
        """Raises EngineError if the directory cannot be made or written to."""
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._segment = 0
        self._size = 0
        self._file: int | None = None
        self._buffer = bytearray()
        self._encode = EntryEncoder().encode
        self._has_failed = False
        self._before_close: list[Callable[[], None]] = []
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._fail(error)
        self._next_segment()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def before_close(self, callback: Callable[[], None]) -> None:
        """Have a function called when `close` begins, to append what it still holds back."""
        self._before_close.append(callback)

    def extend(self, time_ns: int, records: Iterable[HistoryRecord]) -> None:
        """Append what happened at one time."""
        if self._has_failed or self._file is None:
            return
        self._encode(time_ns, records, self._buffer)
        if len(self._buffer) >= _BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        if self._buffer and not self._has_failed:
            self._write_out()
            if self._size >= self._segment_bytes:
                self._next_segment()

    def close(self) -> None:
        """Flush and let go of the file. Idempotent."""
        try:
            while self._before_close:
                self._before_close.pop()()
            self.flush()
        finally:
            self._close_segment()

    def _next_segment(self) -> None:
        self._close_segment()
        self._segment += 1
        path = self._directory / segment_name(self._segment)
        try:
            # Never into an old history: it is another run's evidence.
            self._file = os.open(
                path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644
            )
        except OSError as error:
            self._fail(error)
        self._size = 0
        self._buffer += _encoder.encode(_Header(FORMAT, VERSION, self._segment)) + b"\n"
        self._write_out()

    def _write_out(self) -> None:
        assert self._file is not None
        try:
            while self._buffer:
                written = os.write(self._file, self._buffer)
                self._size += written
                del self._buffer[:written]
            # Writing into a deleted file succeeds; nobody would find the evidence.
            is_deleted = os.fstat(self._file).st_nlink == 0
        except OSError as error:
            self._fail(error)
        if is_deleted:
            self._fail(FileNotFoundError(f"{self._directory} was removed while the run went on"))

    def _fail(self, error: OSError) -> NoReturn:
        self._has_failed = True
        self._buffer.clear()
        raise EngineError(
            f"cannot write the history of the run to {self._directory}: {error}. What was written before is "
            f"kept; make room or choose another directory with --run-dir, and run again."
        ) from error

    def _close_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class HistoryReader:
    """Iterates over the entries of a history, oldest first.

    A run that was killed may leave its very last line unfinished: it is left out, and `torn` then holds it
    once the iteration has ended. Anything else that is no entry raises EngineError with file and line.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.torn: bytes | None = None

    def __iter__(self) -> Iterator[HistoryEntry]:
        """Raises EngineError if there is no history, a segment is missing, or a line is malformed."""
        self.torn = None
        last = len(list(self._directory.glob("*.jsonl")))
        if last == 0:
            raise EngineError(f"{self._directory} holds no history; give the directory of a run")
        for segment in range(1, last + 1):
            yield from self._read_segment(segment, is_last=segment == last)

    def _read_segment(self, segment: int, *, is_last: bool) -> Iterator[HistoryEntry]:
        path = self._directory / segment_name(segment)
        try:
            with path.open("rb") as file:
                number = 0
                for number, line in enumerate(file, start=1):
                    if not line.endswith(b"\n") and is_last:
                        self.torn = line
                        return
                    where = f"{path}:{number}"
                    if number == 1:
                        _check_header(line, segment, where)
                    else:
                        yield _parse_entry(line, where)
        except OSError as error:
            raise EngineError(f"cannot read {path}: {error}") from error
        if number == 0 and not is_last:
            raise EngineError(f"{path} is empty: expected the header of a history segment")


def segment_name(segment: int) -> str:
    """The file name of a segment; they count from 1."""
    return f"{segment:06d}.jsonl"


def _check_header(line: bytes, segment: int, where: str) -> None:
    try:
        header = _headers.decode(line)
    except ValueError as error:
        raise EngineError(f"{where}: expected the header of a history segment: {error}") from error
    expected = _Header(FORMAT, VERSION, segment)
    if header != expected:
        raise EngineError(
            f"{where}: expected {expected.format} version {VERSION} segment {segment}, "
            f"found {header.format} version {header.version} segment {header.segment}"
        )


_SEEN = b'{"time_ns":%d,"record":{"kind":"EventSeen","node":%b,%b%b}}\n'


class EntryEncoder:
    """Writes entries as lines. In virtual time many nodes are seen to do the same: the text of an event, which is one
    object then, is made once.
    """

    def __init__(self) -> None:
        # By the identity of an event that is held here, oldest first.
        self._texts: dict[int, tuple[Event, bytes]] = {}
        self._nodes: dict[NodeId, bytes] = {}

    def encode(self, time_ns: int, records: Iterable[HistoryRecord], into: bytearray) -> None:
        """Append the lines of entries with one time, each with its end."""
        texts, nodes = self._texts, self._nodes
        lines: list[bytes] = []
        for record in records:
            if type(record) is not EventSeen:
                lines.append(_encoder.encode(HistoryEntry(time_ns, record)) + b"\n")
                continue
            known = texts.get(id(record.event))
            text = self._text(record.event) if known is None else known[1]
            node = nodes.get(record.node)
            if node is None:
                node = nodes[record.node] = _encoder.encode(record.node)
            place = b"" if record.line is None else b',"line":%d' % record.line
            if record.offset is not None:
                place += b',"offset":%d' % record.offset
            if record.times != 1:
                place += b',"times":%d' % record.times
            lines.append(_SEEN % (time_ns, node, text, place))
        into.extend(b"".join(lines))

    def _text(self, event: Event) -> bytes:
        text = b'"event":"%b","fields":%b' % (type(event).__name__.encode(), _encoder.encode(event))
        if len(self._texts) >= _MOST_TEXTS:
            del self._texts[next(iter(self._texts))]
        self._texts[id(event)] = event, text
        return text


@cache
def _event_decoder(name: str) -> "msgspec.json.Decoder[Any]":
    if name not in _EVENTS:
        raise ValueError(f"no event is named {name!r}")
    return msgspec.json.Decoder(_EVENTS[name], dec_hook=_money_of_number)


def _parse_entry(line: bytes, where: str) -> HistoryEntry:
    try:
        stored = _entries.decode(line)
        record = stored.record
        if not isinstance(record, _StoredEvent):
            return HistoryEntry(stored.time_ns, record)
        event: Event = _event_decoder(record.event).decode(record.fields)
    except ValueError as error:
        raise EngineError(f"{where}: expected an entry of a history: {error}") from error
    seen = EventSeen(record.node, event, record.line, record.offset, record.times)
    return HistoryEntry(stored.time_ns, seen)
