"""What a log engine has to deliver of what a node wrote."""

from collections.abc import Mapping, Sequence

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import PlainMessage
from coda_executive.events.parse import Parser
from coda_executive.interfaces.log_engine import LogRecord
from coda_executive.testing.promises import promise


def expected_records(node: NodeId, written: bytes, event_ids: Mapping[str, str]) -> list[LogRecord]:
    """A record for each line but the plain ones, read one by one."""
    parser, offset = Parser(event_ids), 0
    expected: list[LogRecord] = []
    for number, line in enumerate(written.split(b"\n"), 1):
        timestamp, event = parser.parse(line)
        if not isinstance(event, PlainMessage):
            expected.append(LogRecord(node, number, offset, timestamp, event))
        offset += len(line) + 1
    return expected


def compare(expected: Sequence[object], found: Sequence[object], node: NodeId) -> None:
    """Raise AssertionError at the first difference."""
    for index, line in enumerate(expected):
        promise(
            index < len(found) and found[index] == line,
            f"of {node}, record {index + 1} of {len(expected)} should be {line}, found "
            f"{found[index] if index < len(found) else 'none'}: each line once, in order, numbered from the first",
        )
    promise(
        len(found) == len(expected),
        f"of {node}, {len(found)} records were delivered for {len(expected)} lines: each line once",
    )
