"""Logs packed for a page: the script of the page reads the same layout as `unpack` here."""

import base64
import gzip
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.coda_executive.report import big_run
from tests.coda_executive.report.made_runs import ONE, TWO, log_line

from coda_executive.config.node_id import NodeId
from coda_executive.report import log_pack
from coda_executive.report.log_pack import PackedLogs, pack_logs


def unpack(packed: PackedLogs) -> Iterator[tuple[int, str, int, str]]:
    """Milliseconds since the line before, node, level, text."""
    for chunk in packed.chunks:
        data = gzip.decompress(base64.b64decode(chunk))
        (count,) = struct.unpack_from("<I", data)
        gaps = struct.unpack_from(f"<{count}I", data, 4)
        whose = struct.unpack_from(f"<{count}H", data, 4 + 4 * count)
        levels = data[4 + 6 * count : 4 + 7 * count]
        texts = data[4 + 7 * count :].decode().split("\n")
        assert texts.pop() == ""
        for gap, node, level, text in zip(gaps, whose, levels, texts, strict=True):
            yield gap, packed.nodes[node], level, text


@pytest.fixture
def logs(tmp_path: Path) -> dict[NodeId, Path]:
    texts = {
        ONE: log_line("first", 1) + log_line("third\nin two lines", 3.5, level="Fatal"),
        TWO: log_line("second", 2) + "no record\n" + log_line("x" * 3000, 4),
    }
    for node, text in texts.items():
        (tmp_path / f"{node}.log").write_text(text)
    return {node: tmp_path / f"{node}.log" for node in texts}


def test_lines_of_all_nodes_are_packed_by_time(logs: dict[NodeId, Path]) -> None:
    packed = pack_logs(logs, {})

    assert list(unpack(packed)) == [
        (0, ONE, 5, "Mina_lib: first"),
        (1000, TWO, 5, "Mina_lib: second"),
        (0, TWO, 0, "no record"),
        (1500, ONE, 9, "Mina_lib: third\vin two lines"),
        (500, TWO, 5, f"Mina_lib: {'x' * 1990} … 1010 more characters"),
    ]
    assert (packed.lines, packed.left_out, packed.first_numbers) == (5, 0, [1, 1])
    assert packed.zero == datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_node_whose_clock_is_wrong_does_not_say_when_the_run_began(tmp_path: Path) -> None:
    """Its lines are an hour ahead. Those of the others were heard of, the sooner, half a second late."""
    logs = {}
    for name, hour in (("fast", 1), ("one", 0), ("two", 0)):
        logs[NodeId(name)] = tmp_path / f"{name}.log"
        record = {"timestamp": f"2030-01-01 0{hour}:00:10.000000Z", "level": "Info", "message": "x"}
        logs[NodeId(name)].write_text(json.dumps(record) + "\n")
    heard = {"fast": 10_000_000_000, "one": 10_500_000_000, "two": 11_000_000_000}

    packed = pack_logs(logs, {NodeId(name): {1: at} for name, at in heard.items()})

    assert packed.run_began == datetime(2029, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)


def test_the_run_began_where_the_quickest_sighting_says(logs: dict[NodeId, Path]) -> None:
    """Line 1 of the second node was written 2 s after midnight and heard of 1.2 s after the run began."""
    packed = pack_logs(logs, {ONE: {1: 700_000_000}, TWO: {1: 1_200_000_000}})

    assert packed.run_began == datetime(2030, 1, 1, 0, 0, 0, 800_000, tzinfo=UTC)
    assert packed.zero_ms == 200.0


def test_the_same_logs_give_the_same_text(logs: dict[NodeId, Path]) -> None:
    assert pack_logs(logs, {}).chunks == pack_logs(logs, {}).chunks


def test_of_too_many_lines_the_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole chunks are left out; the lines that stay know their numbers and times."""
    big_run.write_logs(tmp_path, lines=60)
    logs = {NodeId(path.parent.name): path for path in sorted(tmp_path.glob("nodes/*/daemon.log"))}
    whole = list(unpack(pack_logs(logs, {})))
    monkeypatch.setattr(log_pack, "CHUNK", 16)
    monkeypatch.setattr(log_pack, "MOST_LINES", 30)

    packed = pack_logs(logs, {})

    assert (packed.lines, packed.left_out) == (28, 32)
    assert list(unpack(packed)) == whole[32:]
    assert packed.first_numbers == [9, 9, 9, 9]
    assert packed.zero == datetime(2030, 1, 1, 0, 0, 2, tzinfo=UTC)


def test_a_node_without_a_log_has_no_lines(tmp_path: Path) -> None:
    packed = pack_logs({ONE: tmp_path / "missing.log"}, {})

    assert (packed.lines, packed.chunks, packed.zero, packed.zero_ms) == (0, [], None, 0.0)
