"""The logs of a run, packed for a page: chunks of lines, each compressed on its own, as text that HTML can hold.

A chunk is base64 of gzip of: the number of lines n, 4 bytes; n times of 4 bytes, the milliseconds since the
line before, in whichever chunk that is; n nodes of 2 bytes; n levels of a byte, 0 for none and one more than
their rank otherwise; the texts, UTF-8, each ended by a newline. Numbers are little-endian. All chunks but the
last hold `CHUNK` lines.
"""

import base64
import gzip
import sys
from array import array
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median_low

from coda_executive.config.node_id import NodeId
from coda_executive.log_engines.lines import NOT_HEARD, Heard, RawLine, merge_logs
from coda_protocol.log_message import source_of
from coda_protocol.structured_events import Level

CHUNK = 1 << 14
MOST_LINES = 1_000_000  # a page with more is no longer handy; the last ones are kept
LONGEST_TEXT = 2_000  # characters of a line that are shown
_COMPRESSION = 5  # 6 takes half as long again for 3 % less
_SKEWED = timedelta(seconds=1)  # a clock so much ahead of the others is wrong
_LONGEST_GAP = 2**32 - 1
_CODES = {level.text.lower(): level.value + 1 for level in Level}


@dataclass(slots=True)
class PackedLogs:
    """`nodes` are in the order of their numbers; `first_numbers` is the number, in its node's own log, of the
    first line of each node that is here. `left_out` lines came before.

    `zero` is the time stamp that the times count from, that of the first line here, None if no line has one;
    `run_began` is the time stamp, on the clock of the logs, at which the run began, as far as is known.
    """

    nodes: list[NodeId]
    chunks: list[str] = field(default_factory=list)
    lines: int = 0
    left_out: int = 0
    first_numbers: list[int] = field(default_factory=list)
    zero: datetime | None = None
    run_began: datetime | None = None

    @property
    def zero_ms(self) -> float:
        """Milliseconds from the beginning of the run to `zero`."""
        if self.zero is None or self.run_began is None:
            return 0.0
        return (self.zero - self.run_began) / timedelta(milliseconds=1)


def pack_logs(
    paths: Mapping[NodeId, Path], sightings: Mapping[NodeId, Mapping[int, int]], heard: Heard = NOT_HEARD
) -> PackedLogs:
    """Pack the logs of all nodes, merged by time. `sightings` tell when, in nanoseconds since the run began,
    the run heard of some lines, `heard` the same of all lines of wrong clocks. Raises OSError.
    """
    packer = _Packer(list(paths), sightings)
    packer.take_all(merge_logs(paths, heard))
    return packer.packed()


class _Packer:
    def __init__(self, nodes: list[NodeId], sightings: Mapping[NodeId, Mapping[int, int]]) -> None:
        self._nodes = nodes
        self._sightings = sightings
        # Of each chunk: its text, the time of its first line, how many lines of each node are in it.
        self._chunks: deque[tuple[str, int, list[int], int]] = deque()
        self._left_out = [0] * len(nodes)
        self._begin_chunk()
        self._epoch: datetime | None = None  # the first time stamp of all
        self._now_ms = 0
        self._run_began: dict[NodeId, datetime] = {}  # by the clock of each node

    def _begin_chunk(self) -> None:
        self._gaps = array("I")
        self._whose = array("H")
        self._levels = bytearray()
        self._texts: list[str] = []

    def take_all(self, lines: Iterable[RawLine]) -> None:
        numbers = {node: number for number, node in enumerate(self._nodes)}
        text_of_time, chunk_began, last = "", 0, 0
        for line in lines:
            if line.time != text_of_time:
                text_of_time = line.time
                self._reach(text_of_time)
            self._gaps.append(min(max(self._now_ms - last, 0), _LONGEST_GAP))
            last = max(self._now_ms, last)
            if not self._texts:
                chunk_began = last
            self._whose.append(numbers[line.node])
            message = line.message
            self._levels.append(0 if message is None else _CODES.get(message.level.lower(), 0))
            self._texts.append(_text(line))
            heard = self._sightings.get(line.node, {}).get(line.number)
            if heard is not None and text_of_time:
                self._compare(line.node, text_of_time, heard)
            if len(self._texts) == CHUNK:
                self._end_chunk(chunk_began)
        if self._texts:
            self._end_chunk(chunk_began)

    def _reach(self, timestamp: str) -> None:
        try:
            now = datetime.fromisoformat(timestamp)
        except ValueError:
            return  # a time that no calendar has
        self._epoch = self._epoch or now
        self._now_ms = (now - self._epoch) // timedelta(milliseconds=1)

    def _compare(self, node: NodeId, timestamp: str, heard_ns: int) -> None:
        """A line is heard of after it is written: the least delay is nearest to none."""
        try:
            began = datetime.fromisoformat(timestamp) - timedelta(microseconds=heard_ns // 1000)
        except (ValueError, OverflowError):
            return
        self._run_began[node] = max(began, self._run_began.get(node, began))

    def _end_chunk(self, began_ms: int) -> None:
        if sys.byteorder == "big":
            self._gaps.byteswap()
            self._whose.byteswap()
        lines = len(self._texts)
        texts = "\n".join([*self._texts, ""]).encode(errors="replace")
        plain = b"".join(
            [lines.to_bytes(4, "little"), self._gaps.tobytes(), self._whose.tobytes(), self._levels, texts]
        )
        # Without a time of its own: the same logs give the same page.
        packed = base64.b64encode(gzip.compress(plain, _COMPRESSION, mtime=0)).decode()
        counts = [self._whose.count(number) for number in range(len(self._nodes))]
        self._chunks.append((packed, began_ms, counts, lines))
        while sum(chunk[3] for chunk in self._chunks) > MOST_LINES:
            _text, _began, gone, _lines = self._chunks.popleft()
            self._left_out = [before + more for before, more in zip(self._left_out, gone, strict=True)]
        self._begin_chunk()

    def packed(self) -> PackedLogs:
        packed = PackedLogs(
            nodes=self._nodes,
            lines=sum(chunk[3] for chunk in self._chunks),
            left_out=sum(self._left_out),
            first_numbers=[count + 1 for count in self._left_out],
            run_began=_quickest(self._run_began.values()),
        )
        if self._chunks and self._epoch is not None:
            packed.zero = self._epoch + timedelta(milliseconds=self._chunks[0][1])
        packed.chunks = [chunk[0] for chunk in self._chunks]
        return packed


def _quickest(began: Collection[datetime]) -> datetime | None:
    """The latest, which was heard of soonest, but for clocks that a test put ahead of most others'."""
    if not began:
        return None
    most = median_low(began)
    return max(one for one in began if one - most <= _SKEWED)


def _text(line: RawLine) -> str:
    """Module and message in one line: a line end inside of them becomes a vertical tab."""
    text = line.filled_text
    message = line.message
    if message is not None:
        try:
            module = source_of(message).module
        except ValueError:
            module = ""
        text = f"{module}: {text}" if module else text
    if len(text) > LONGEST_TEXT:
        text = f"{text[:LONGEST_TEXT]} … {len(text) - LONGEST_TEXT} more characters"
    return text.replace("\n", "\v") if "\n" in text else text
