import json
from pathlib import Path

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.log_engines.lines import GrowingLogs, RawLine, first_time, merge_logs, render

A, B = NodeId("node-1"), NodeId("node-2")


def record(second: int, message: str, level: str = "Info", **metadata: object) -> bytes:
    return json.dumps(
        {
            "timestamp": f"2024-05-01 12:00:{second:02d}.000000Z",
            "level": level,
            "source": {"module": "Block_producer", "location": "L"},
            "message": message,
            "metadata": metadata,
        }
    ).encode()


@pytest.fixture
def logs(tmp_path: Path) -> dict[NodeId, Path]:
    return {A: tmp_path / "a.log", B: tmp_path / "b.log"}


def merged(logs: dict[NodeId, Path]) -> list[tuple[NodeId, int, str]]:
    return [
        (line.node, line.number, line.message.message if line.message else line.text.decode())
        for line in merge_logs(logs)
    ]


def test_lines_of_all_nodes_are_merged_by_time(logs: dict[NodeId, Path]) -> None:
    logs[A].write_bytes(record(1, "one") + b"\n" + record(4, "four") + b"\n")
    logs[B].write_bytes(record(2, "two") + b"\r\n" + record(3, "three"))

    assert merged(logs) == [(A, 1, "one"), (B, 1, "two"), (B, 2, "three"), (A, 2, "four")]


def test_a_line_without_time_stays_behind_the_line_before_it(logs: dict[NodeId, Path]) -> None:
    logs[A].write_bytes(
        b"starting\n" + record(1, "one") + b"\nTraceback\n  in f\n" + record(3, "three") + b"\n"
    )
    logs[B].write_bytes(record(2, "two") + b"\n")

    assert [text for _, _, text in merged(logs)] == ["starting", "one", "Traceback", "  in f", "two", "three"]


def test_a_clock_that_goes_back_does_not_reorder_a_nodes_lines(logs: dict[NodeId, Path]) -> None:
    logs[A].write_bytes(record(5, "five") + b"\n" + record(1, "back") + b"\n" + record(9, "nine") + b"\n")
    logs[B].write_bytes(record(6, "six") + b"\n")

    assert [text for _, _, text in merged(logs)] == ["five", "back", "six", "nine"]


def test_lines_of_a_node_whose_clock_was_put_wrong_stand_where_they_were_heard_of(
    logs: dict[NodeId, Path],
) -> None:
    """Its lines 1, 3 and 5 were heard of 0, 4 and 8 s after its first; before line 2 its clock jumps by 30 s."""
    seconds = (1, 33, 35, 37, 39, 41)
    logs[A].write_bytes(b"".join(record(at, f"a{at}") + b"\n" for at in seconds))
    logs[B].write_bytes(b"".join(record(at, f"b{at}") + b"\n" for at in (2, 6, 8, 10, 12)))

    lines = list(merge_logs(logs, {A: [(1, 500_000_000), (3, 4_500_000_000), (5, 8_500_000_000)]}))

    told = [line.message.message for line in lines if line.message]
    assert told == ["a1", "b2", "a33", "a35", "b6", "a37", "b8", "a39", "b10", "a41", "b12"]
    assert [line.time[17:19] for line in lines if line.node == A] == ["01", "05", "05", "07", "09", "11"]


def test_a_nonsense_time_moves_no_other_line(logs: dict[NodeId, Path]) -> None:
    logs[A].write_bytes(
        b'{"timestamp":"tomorrow","level":"Info","message":"odd"}\n' + record(1, "one") + b"\n"
    )
    logs[B].write_bytes(record(2, "two") + b"\n")

    assert [text for _, _, text in merged(logs)] == ["odd", "one", "two"]


def test_a_missing_log_is_empty(logs: dict[NodeId, Path]) -> None:
    logs[B].write_bytes(record(2, "two") + b"\n")

    assert merged(logs) == [(B, 1, "two")]


def test_the_rest_of_an_endless_line_is_left_out(logs: dict[NodeId, Path]) -> None:
    logs[A].write_bytes(b"x" * (3 << 20) + b"\n" + record(1, "one") + b"\n")

    lines = list(merge_logs(logs))

    assert [(line.number, len(line.text)) for line in lines] == [(1, 2000), (2, len(record(1, "one")))]


def line_of(logs: dict[NodeId, Path], text: bytes) -> RawLine:
    logs[A].write_bytes(text + b"\n")
    (line,) = merge_logs(logs)
    return line


def test_a_record_is_rendered_with_its_values(logs: dict[NodeId, Path]) -> None:
    line = line_of(logs, record(1, "made $block in $time", "Warn", block={"height": 2}, time="3s"))

    assert render(line) == '[2024-05-01 12:00:01.000000Z] node-1 WARN Block_producer: made {"height":2} in 3s'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"Segfault \xff", "[-] node-1 | Segfault �"),
        (b'{"level":"Info","message":"x $y","metadata":3,"source":4}', "[-] node-1 INFO x $y"),
        (b'{"level":"Spam","message":"no source"}', "[-] node-1 SPAM no source"),
        (b'{"some":"other JSON"}', '[-] node-1 | {"some":"other JSON"}'),
    ],
)
def test_any_line_can_be_rendered(logs: dict[NodeId, Path], text: bytes, shown: str) -> None:
    assert render(line_of(logs, text)) == shown


def test_what_is_written_between_two_looks_is_merged_by_time(logs: dict[NodeId, Path]) -> None:
    with GrowingLogs() as growing:
        for node, path in logs.items():
            growing.add(node, path)
        logs[A].write_bytes(record(1, "one") + b"\n" + record(4, "four") + b"\n")
        assert [line.number for line in growing.news(to_the_end=False)] == [1, 2]
        assert list(growing.news(to_the_end=False)) == []

        with logs[A].open("ab") as file:
            file.write(record(6, "six") + b"\n")
        logs[B].write_bytes(record(5, "five") + b"\n" + record(7, "seven") + b"\n")

        news = [(line.node, line.number) for line in growing.news(to_the_end=False)]
        assert news == [(B, 1), (A, 3), (B, 2)]


def test_an_unfinished_line_waits_for_its_end_or_the_last_look(logs: dict[NodeId, Path]) -> None:
    torn, whole = record(3, "torn"), record(1, "one")
    with GrowingLogs() as growing:
        growing.add(A, logs[A])
        logs[A].write_bytes(whole[:20])
        assert list(growing.news(to_the_end=False)) == []

        logs[A].write_bytes(whole + b"\n" + torn[:30])

        assert [line.text for line in growing.news(to_the_end=False)] == [whole]
        assert [line.text for line in growing.news(to_the_end=True)] == [torn[:30]]


def test_the_first_time_is_the_earliest_of_all_nodes(logs: dict[NodeId, Path]) -> None:
    assert first_time(logs) is None
    logs[A].write_bytes(b"hello\n" + record(3, "three") + b"\n" + record(1, "back") + b"\n")
    logs[B].write_bytes(record(2, "two") + b"\n")

    assert first_time(logs) == "2024-05-01 12:00:02.000000Z"
