import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coda_executive.config.node_id import NodeId
from coda_executive.log_engines.lines import RawLine
from coda_executive.log_engines.query.evaluate import compile_query
from coda_executive.log_engines.query.parse import parse_query
from coda_executive.log_engines.query.syntax import Condition, at_least
from coda_protocol.log_message import decode_log_message
from coda_protocol.structured_events import Level

RECORD = {
    "timestamp": "2024-05-01 12:00:05.123456Z",
    "level": "Warn",
    "source": {"module": "Block_producer", "location": "L"},
    "message": "Made $block at $slot",
    "metadata": {
        "pid": 71,
        "block": {"height": 5},
        "slot": "12",
        "fee": 2.5,
        "amount": 9007199254740993,
        "odd key": ["a", {"b": True}],
        "nothing": None,
        "hashes": ["3Na", "3Nb"],
        "deep": {"level": "Info"},
    },
    "event_id": "64e2d3e86c37c09b15efdaf7470ce879",
    "thread": {"id": 3},
}


def line(record: dict[str, Any] | bytes, node: str = "node-1", time: str = "12.5") -> RawLine:
    text = record if isinstance(record, bytes) else json.dumps(record).encode()
    message = decode_log_message(text) if text.startswith(b"{") else None
    return RawLine(NodeId(node), 1, time, text, message)


def is_true(query: str | Condition, of: RawLine) -> bool:
    condition = parse_query(query) if isinstance(query, str) else query
    return compile_query(condition, float)(of)


@pytest.mark.parametrize(
    "query",
    [
        "true",
        "!false",
        # severity, whatever the case
        '.level == "Warn"',
        '.level == "WARN"',
        '.level >= "Info"',
        '"Error" > .level',
        '.level != "Info"',
        '.level in ["Spam", "warn"]',
        ".level match /^Wa/",
        '.level != .metadata.deep.level && .metadata.deep.level == "Info"',
        # what every line has
        'node == "node-1"',
        'node in ["node-0", "node-1"]',
        "node match /[0-9]$/",
        ".time >= 12.5 && .time < 13",
        '"Made"',
        'text ~ "height"',
        'text == "Made {\\"height\\":5} at 12"',
        'text match /at \\d+$/ && !"$slot"',
        # the record
        '.message ~ "$slot"',
        '.source.module == "Block_producer"',
        '.timestamp >= "2024-05-01 12:00:05" && .timestamp < "2024-05-01 12:00:06"',
        '.event_id match /^64e2/ && .thread.id == 3 && .["thread"]["id"] > 2',
        ".metadata.pid == 71 && .metadata.pid != 72 && .metadata.pid <= 71 && .metadata.pid in [70, 71]",
        ".metadata.block.height > -1.5",
        ".metadata.fee < 3 && .metadata.fee == 2.5",
        ".metadata.amount == 9007199254740993 && .metadata.amount != 9007199254740992",
        '.metadata.["odd key"][0] == "a" && .metadata["odd key"][1].b == true',
        '"3Nb" in .metadata.hashes',
        '.metadata.hashes == ["3Na", "3Nb"]',
        # a text of digits and a number
        '.metadata.slot == 12 && .metadata.slot > 9 && .metadata.slot in [12] && .metadata.slot == "12"',
        '.metadata.pid == "71" && .metadata.fee > "2.25"',
        # what is there
        "exists(.metadata.nothing) && !exists(.metadata.something) && exists(text) && exists(.time)",
        "exists(.source) && exists(.metadata) && !exists(.metadata.hashes[2]) && !exists(.metadata[0])",
    ],
)
def test_a_query_is_true_of_a_line(query: str) -> None:
    assert is_true(query, line(RECORD))


@pytest.mark.parametrize(
    "query",
    [
        '.level > "Warn"',
        'node == "Node-1"',
        # a path that leads nowhere makes any comparison false, != too
        ".metadata.missing == 1",
        ".metadata.missing != 1",
        ".metadata.missing < 1",
        '.metadata.missing ~ ""',
        ".metadata.missing match //",
        ".metadata.missing in [1]",
        "1 in .metadata.missing",
        "71 in [.metadata.missing, 71]",
        "1 != .missing.level",
        # values of different kinds are unequal, and none is less
        ".metadata.fee == true",
        ".metadata.odd == false",
        ".metadata.hashes == 1",
        ".metadata.hashes < 1",
        '.metadata.block < "x"',
        ".source.module > 5 || .source.module <= 5 || .source.module == 5",
        ".metadata.nothing == false",
        "71 == true || 1 == true",
        # ~, match and in want a text, a text and a list
        '.metadata.hashes ~ "3Na"',
        ".metadata.pid match /7/",
        '"B" in .source.module',
        ".level in []",
    ],
)
def test_a_query_is_false_of_a_line(query: str) -> None:
    assert not is_true(query, line(RECORD))


def test_a_line_that_is_no_record_has_node_text_and_time_only() -> None:
    dump = line(b"Fatal error: exception Stack_overflow \xff")

    assert is_true(
        'node == "node-1" && .time == 12.5 && "Stack_overflow \ufffd" && text match /^Fatal/', dump
    )
    assert not is_true(
        'exists(.level) || .level >= "Internal" || .level != "Info" || exists(.metadata)', dump
    )
    assert not is_true("exists(.time)", line(b"before any time", time=""))


def test_what_the_daemon_left_out_does_not_exist() -> None:
    bare = line({"level": "Spam", "message": ""})

    assert is_true("exists(.message) && exists(.level)", bare)
    assert not is_true(
        "exists(.source) || exists(.metadata) || exists(.timestamp) || exists(.event_id)", bare
    )


@pytest.mark.parametrize(
    ("record", "is_shown"),
    [
        ({"level": "Warn", "message": "x"}, True),
        ({"level": "Fatal", "message": "x"}, True),
        ({"level": "Info", "message": "x"}, False),
        ({"level": "Dire", "message": "x"}, True),
        (b"Segmentation fault", True),
    ],
)
def test_at_least_a_level_hides_only_what_is_known_to_be_below(
    record: dict[str, Any] | bytes, is_shown: bool
) -> None:
    assert is_true(at_least(Level.WARN), line(record)) is is_shown


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
_QUERIES = [
    compile_query(parse_query(f"{left} {right}"), float)
    for left in (".metadata.a", ".metadata.a[0]", ".source.module", ".message", "text", "node", ".time")
    for right in ("== .metadata.b", "<= .metadata.b", "in .metadata.b", "< 5", '== "5"', "match /a/", '~ "a"')
]


@settings(deadline=None)
@given(_json | st.fixed_dictionaries({"a": _json, "b": _json}), _json)
@example(10**4000, 3)
def test_a_query_is_answered_for_any_record(metadata: object, source: object) -> None:
    record = line({"level": "Info", "message": "m $a", "metadata": metadata, "source": source})
    for query in _QUERIES:
        assert query(record) in (True, False)


def test_a_record_nested_too_deeply_is_answered() -> None:
    deep = b'{"level":"Info","message":"$a","metadata":{"a":%b,"b":%b}}' % ((b"[" * 900 + b"]" * 900,) * 2)
    for query in _QUERIES:
        assert query(line(deep)) in (True, False)
