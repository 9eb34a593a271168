import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.log_message import (
    Content,
    LineTemplate,
    Source,
    decode_log_message,
    decode_log_messages,
    encode_log_message,
    fill_in,
    format_timestamp,
    metadata_of,
    metadata_texts,
    placeholders,
    shortened,
    source_of,
)
from coda_protocol.structured_events import BLOCK_PRODUCED, Level

LOCATION = 'File "src/lib/block_producer/block_producer.ml", line 1, characters 0-10'
EXAMPLE = (
    rb'{"timestamp":"2024-05-01 12:00:05.123456Z","level":"Info","source":{"module":"Block_producer",'
    rb'"location":"File \"src/lib/block_producer/block_producer.ml\", line 1, characters 0-10"},'
    rb'"message":"Successfully produced a new block","metadata":{"breadcrumb":{},"pid":71},'
    rb'"event_id":"64e2d3e86c37c09b15efdaf7470ce879"}'
)


def encode(level: Level = Level.INFO, message: str = "x", **metadata: object) -> bytes:
    return encode_log_message(
        timestamp_ns=1_714_564_805_123_456_789,
        level=level,
        source=Source("Block_producer", LOCATION),
        message=message,
        metadata=metadata,
    )


def test_a_line_is_written_as_the_contract_shows() -> None:
    line = encode_log_message(
        timestamp_ns=1_714_564_805_123_456_789,
        level=BLOCK_PRODUCED.level,
        source=Source("Block_producer", LOCATION),
        message=BLOCK_PRODUCED.message,
        metadata={"pid": 71, "breadcrumb": {}},
        event_id=BLOCK_PRODUCED.id,
    )

    assert line == EXAMPLE


def test_a_line_without_event_ends_with_its_metadata() -> None:
    assert encode().endswith(b'"message":"x","metadata":{}}')


def test_a_line_of_level_spam_has_no_source() -> None:
    assert b"source" not in encode(Level.SPAM)


def test_metadata_are_sorted_and_raw_values_are_taken_as_they_are() -> None:
    line = encode(port=8301, diffs=msgspec.Raw(b'[{"b":1,"a":2}]'), pid=1)

    assert b'"metadata":{"diffs":[{"b":1,"a":2}],"pid":1,"port":8301}' in line


def test_a_line_is_read_back() -> None:
    message = decode_log_message(EXAMPLE)

    assert (message.timestamp, message.level) == ("2024-05-01 12:00:05.123456Z", "Info")
    assert source_of(message) == Source("Block_producer", LOCATION)
    assert metadata_of(message) == {"breadcrumb": {}, "pid": 71}


@pytest.mark.parametrize(
    "line", [b"", b"plain text", b"[1]", b'{"message":"\xff"}', b'{"level":3}', b'{"metadata":' + b"[" * 5000]
)
def test_what_is_no_record_raises_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the text is msgspec's
        decode_log_message(line)


def test_brackets_without_end_raise_value_error() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        decode_log_messages(b'{"metadata":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n")


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (0, "1970-01-01 00:00:00.000000Z"),
        (999, "1970-01-01 00:00:00.000000Z"),
        (1_714_564_799_999_999_999, "2024-05-01 11:59:59.999999Z"),
        (1_709_208_000_000_001_000, "2024-02-29 12:00:00.000001Z"),
        (1_709_251_199_000_000_000, "2024-02-29 23:59:59.000000Z"),
        (1_709_251_200_000_000_000, "2024-03-01 00:00:00.000000Z"),
    ],
)
def test_a_timestamp_is_utc_with_six_decimals_cut_off(time_ns: int, text: str) -> None:
    assert format_timestamp(time_ns) == text


def test_placeholders_are_filled_in_as_text_or_json() -> None:
    assert placeholders("a $b in $c_1") == ("b", "c_1")
    assert fill_in("a $b in $c_1$d", {"b": "x", "c_1": [1, {"y": None}]}) == 'a x in [1,{"y":null}]$d'


@given(
    message=st.text(st.characters(exclude_categories=["Cs"])),
    metadata=st.dictionaries(
        st.text(st.one_of(st.sampled_from("opqz{|"), st.characters(exclude_categories=["Cs"])), max_size=5),
        st.one_of(st.integers(-(2**63), 2**63), st.booleans(), st.lists(st.text("a\n\u2028\"'€"))),
    ),
)
def test_any_message_stays_on_one_line_and_is_read_back(message: str, metadata: dict[str, object]) -> None:
    line = encode_log_message(
        timestamp_ns=1, level=Level.INFO, source=Source("M", "L"), message=message, metadata=metadata
    )

    assert b"\n" not in line
    read = decode_log_message(line)
    assert (read.message, metadata_of(read)) == (message, metadata)


@given(
    values=st.dictionaries(
        st.text(st.one_of(st.sampled_from("opqz{|"), st.characters(exclude_categories=["Cs"])), max_size=5),
        st.one_of(st.integers(-(2**63), 2**63), st.text("\0\n\"'€"), st.lists(st.none())),
    ),
    event_id=st.sampled_from([None, BLOCK_PRODUCED.id]),
    level=st.sampled_from(list(Level)),
    time_ns=st.integers(0, 2**62),
)
def test_a_template_gives_the_same_lines(
    values: dict[str, object], event_id: str | None, level: Level, time_ns: int
) -> None:
    source, fixed = Source("M", "\0"), {"pid": 7, "port": "\1", "{": "\0"}
    values = {key: value for key, value in values.items() if key not in fixed}

    template = LineTemplate(
        level=level, source=source, message="\0 $a", fixed=fixed, keys=tuple(values), event_id=event_id
    )

    line = template.line(time_ns, values.values())
    assert b"".join(line.pieces) == line.text + b"\n"
    assert line.size == len(line.text) + 1
    assert line.timestamp == format_timestamp(time_ns)
    assert line.text == encode_log_message(
        timestamp_ns=time_ns,
        level=level,
        source=source,
        message="\0 $a",
        metadata={**fixed, **values},
        event_id=event_id,
    )


def test_a_value_may_be_json_already_or_be_made_when_it_is_needed() -> None:
    template = LineTemplate(
        level=Level.INFO, source=Source("M", "L"), message="", fixed={}, keys=("given", "json", "made")
    )

    line = template.line(0, ("[]", b'{"a":[]}', lambda: b"7"))

    assert metadata_of(decode_log_message(line.text)) == {"given": "[]", "json": {"a": []}, "made": 7}


@pytest.mark.parametrize("level", [Level.INFO, Level.SPAM])
def test_a_shortened_line_keeps_its_time_level_and_source(level: Level) -> None:
    assert shortened(encode(level, "long", content="x"), "short") == encode(level, "short")


def test_metadata_are_shown_as_text_or_json() -> None:
    line = encode(text='a "b"\n€', number=1.5, table={"a": ["€", None]})

    assert metadata_texts(decode_log_message(line)) == {
        "number": "1.5",
        "table": '{"a":["€",null]}',
        "text": 'a "b"\n€',
    }


def test_lines_of_all_writers_have_one_content_when_they_say_the_same() -> None:
    def content(pid: int = 1, message: str = "$a", key: str = "a", value: object = 1) -> Content | None:
        template = LineTemplate(
            level=Level.INFO, source=Source("M", ""), message=message, fixed={"pid": pid}, keys=(key,)
        )
        return template.line(0, (value,)).content

    assert content() is content(pid=2)
    assert content(value=["a"]) is content(pid=2, value=["a"])
    others = [content(), content(message="a"), content(key="b"), content(value=2), content(value=True)]
    assert len(set(others)) == len(others)


def test_a_line_tells_what_its_values_are_when_it_is_written() -> None:
    """Values that are equal and do not look alike, that change, or that are made are not taken for the last ones."""
    numbers = iter(range(2))
    changing = [0.0]
    template = LineTemplate(level=Level.INFO, source=Source("M", ""), message="", fixed={}, keys=("a",))

    def written(value: object) -> object:
        return metadata_of(decode_log_message(template.line(0, (value,)).text))["a"]

    seen = [written(value) for value in (0, False, 0.0, -0.0, changing, numbers.__next__, numbers.__next__)]
    changing.append(1)
    seen.append(written(changing))

    assert str(seen) == "[0, False, 0.0, -0.0, [0.0], 0, 1, [0.0, 1]]"


def test_long_lines_are_not_kept() -> None:
    template = LineTemplate(level=Level.INFO, source=Source("M", ""), message="", fixed={}, keys=("a",))
    for long in ("x" * 100_000, b"7" * 100_000, ["x" * 100_000]):
        assert template.line(0, (long,)).content is not template.line(0, (long,)).content
