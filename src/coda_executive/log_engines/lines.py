"""Raw node logs for people: all nodes merged by time, while they grow too, and rendered line by line."""

import heapq
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from coda_executive.config.node_id import NodeId
from coda_executive.events.parse import decode_aligned, filled_in
from coda_executive.log_engines.followed_file import PIECE, FollowedFile, Lines, OverlongLine
from coda_protocol.log_message import LogMessage, decode_log_message, source_of
from coda_protocol.structured_events import Level

_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
# What daemons and SNARK workers write without -log-json.
_FOR_PEOPLE = re.compile(
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) UTC \[([A-Za-z_]+)\] (.*)"
)


class RawLine(NamedTuple):
    """A line of a node's or companion's log; `message` is None where it is no log record. A record that was written
    for people, as SNARK workers do, has the beginning of its second as its time.

    Lines are merged by `time`: the time stamp of this line or of one before it, empty before the first; of a node
    whose clock was put wrong, what a right one would have shown.
    """

    node: NodeId
    number: int
    time: str
    text: bytes
    message: LogMessage | None

    @property
    def level(self) -> Level | None:
        """None for a line that is no log record, or of a level that we do not know."""
        try:
            return None if self.message is None else Level.of_text(self.message.level)
        except ValueError:
            return None

    @property
    def filled_text(self) -> str:
        """The message with its placeholders filled in; a line that is no record as it stands."""
        return self.text.decode(errors="replace") if self.message is None else filled_in(self.message)


_time_of = itemgetter(RawLine._fields.index("time"))


# Of nodes whose clocks were put wrong: their lines that were heard of, by number, with nanoseconds of the run.
Heard = Mapping[NodeId, Sequence[tuple[int, int]]]
NOT_HEARD: Final[Heard] = {}


class GrowingLogs:
    """The logs of some nodes, read from their first line on, as far as they are written.

    A node's own lines keep their order whatever its clock does. A line without a time stays behind the line
    before it, so that what belongs together is shown together. Of a line longer than 1 MiB only the beginning
    is kept. Use it as a context: it holds the files open.
    """

    def __init__(self, heard: Heard = NOT_HEARD) -> None:
        self._heard = heard
        self._logs: dict[NodeId, _NodeLog] = {}
        self._buffer = bytearray(PIECE)

    def __enter__(self) -> "GrowingLogs":
        return self

    def __exit__(self, *_: object) -> None:
        for log in self._logs.values():
            log.close()

    def add(self, node: NodeId, path: Path) -> None:
        """Read this log from now on too. A file that does not exist yet is empty; a known node is kept."""
        if node not in self._logs:
            self._logs[node] = _NodeLog(node, path, self._heard.get(node, ()))

    def news(self, *, to_the_end: bool) -> Iterator[RawLine]:
        """What was written since the last call, by time, read as it is taken: take all before the next call.

        A last line without its newline comes `to_the_end` only. Raises OSError if a file cannot be read.
        """
        logs = [log.news(self._buffer, to_the_end=to_the_end) for log in self._logs.values()]
        return logs[0] if len(logs) == 1 else heapq.merge(*logs, key=_time_of)


def merge_logs(paths: Mapping[NodeId, Path], heard: Heard = NOT_HEARD) -> Iterator[RawLine]:
    """All lines of all nodes by time, as `GrowingLogs` reads them, up to where they end now."""
    with GrowingLogs(heard) as logs:
        for node, path in paths.items():
            logs.add(node, path)
        yield from logs.news(to_the_end=True)


def first_time(paths: Mapping[NodeId, Path]) -> str | None:
    """The time of the first line that has one, over all nodes."""
    firsts = (
        next(filter(None, map(_time_of, merge_logs({node: path}))), None) for node, path in paths.items()
    )
    return min(filter(None, firsts), default=None)


def render(line: RawLine) -> str:
    """`[time] node LEVEL module: message`, placeholders filled in; a line that is no record as it stands."""
    message = line.message
    if message is None:
        return f"[{line.time or '-'}] {line.node} | {line.filled_text}"
    try:
        module = source_of(message).module
    except ValueError:
        module = ""
    where = f"{module}: " if module else ""
    return f"[{message.timestamp or '-'}] {line.node} {message.level.upper()} {where}{line.filled_text}"


class _NodeLog:
    """One node's log and the time that it has reached."""

    def __init__(self, node: NodeId, path: Path, heard: Sequence[tuple[int, int]]) -> None:
        self._node = node
        self._file = FollowedFile(path)
        self._time = ""
        self._clock = _WrongClock(heard) if heard else None

    def close(self) -> None:
        self._file.close()

    def news(self, buffer: bytearray, *, to_the_end: bool) -> Iterator[RawLine]:
        while (completed := self._file.read(buffer)) is not None:
            for part in completed:
                yield from self._lines(part)
        if to_the_end:
            for part in self._file.flush():
                yield from self._lines(part)

    def _lines(self, part: Lines | OverlongLine) -> Iterator[RawLine]:
        if isinstance(part, OverlongLine):
            yield RawLine(self._node, part.number, self._time, part.excerpt, None)
            return
        texts = part.data.split(b"\n")
        texts.pop()  # what follows the last newline: nothing
        messages = decode_aligned(part.data) or map(_decoded, texts)
        for number, (text, message) in enumerate(zip(texts, messages, strict=True), part.number):
            if message is not None and not (message.level or message.message):
                message = None  # some other program's JSON: shown as it stands
            timestamp = message and message.timestamp
            if timestamp and self._clock is not None and _TIMESTAMP.fullmatch(timestamp):
                timestamp = self._clock.right_time(number, timestamp)
            # A clock that went back must not put a line before its predecessor.
            if timestamp and timestamp > self._time and _TIMESTAMP.fullmatch(timestamp):
                self._time = timestamp
            yield RawLine(self._node, number, self._time, text.rstrip(b"\r"), message)


class _WrongClock:
    """Sets the times of a node right, whose clock was right when its first line was heard of.

    A line that was heard of has the time of that. Between two such lines the clock is as wrong as at the first,
    and no line is later than the second.
    """

    def __init__(self, heard: Sequence[tuple[int, int]]) -> None:
        self._heard = heard
        self._next = 0
        self._began: datetime | None = None
        self._ahead = timedelta()

    def right_time(self, number: int, timestamp: str) -> str:
        """For each line with a time, in their order. A time that no calendar has stays."""
        try:
            now = datetime.fromisoformat(timestamp)
        except ValueError:
            return timestamp
        while self._next < len(self._heard) and self._heard[self._next][0] < number:
            self._next += 1
        if self._next == len(self._heard):
            return _text_of(now - self._ahead)
        line, heard_ns = self._heard[self._next]
        after = timedelta(microseconds=heard_ns // 1000)
        if line == number:
            self._began = self._began or now - after
            self._ahead = now - (self._began + after)
        right = now - self._ahead
        return _text_of(right if self._began is None else min(right, self._began + after))


def _text_of(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f}Z"


def _decoded(text: bytes) -> LogMessage | None:
    if found := _FOR_PEOPLE.match(text):
        second, level, message = (part.decode(errors="replace") for part in found.groups())
        return LogMessage(timestamp=f"{second}.000000Z", level=level, message=message.rstrip("\r"))
    try:
        return decode_log_message(text)
    except ValueError:
        return None
