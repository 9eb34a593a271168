"""Log lines, their sinks and the filtered log (daemon contract C.1, D.8)."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from coda_daemon.files import Files
from coda_daemon.log import Log
from coda_daemon.log_sinks import ELIDED, MAX_LINE, JsonConsole, LogFiles, RotatingFile, TextConsole
from coda_daemon.process import EndOfStep
from coda_protocol import structured_events
from coda_protocol.log_message import EncodedLine, unlike_any
from coda_protocol.structured_events import Level

MODULE = "Module"


class FixedClock:
    def time_ns(self) -> int:
        return 1_714_564_805_123_456_789


@dataclass
class MemoryConsole:
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def out(self, line: str) -> None:
        self.lines.append(line)

    def log(self, line: EncodedLine) -> None:
        self.lines.append(line.text.decode())

    def err(self, line: str) -> None:
        self.errors.append(line)


def json_log(level: Level = Level.TRACE) -> tuple[Log, MemoryConsole]:
    console = MemoryConsole()
    return Log(FixedClock(), [JsonConsole(console, level)], pid=71), console


def never() -> Any:
    raise AssertionError("a value that nobody asked for was made")


def test_a_structured_event_has_the_keys_of_the_contract_in_order() -> None:
    log, console = json_log()

    log.event(structured_events.BLOCK_PRODUCED, breadcrumb=msgspec.Raw(b'{"a":1}'))

    line = json.loads(console.lines[0])
    assert list(line) == ["timestamp", "level", "source", "message", "metadata", "event_id"]
    assert line["timestamp"] == "2024-05-01 12:00:05.123456Z"
    assert (line["level"], line["message"]) == ("Info", "Successfully produced a new block")
    assert line["metadata"] == {"breadcrumb": {"a": 1}, "pid": 71}
    assert line["event_id"] == "64e2d3e86c37c09b15efdaf7470ce879"
    assert line["source"]["module"] == "Block_producer"


def test_the_location_is_where_the_line_was_written() -> None:
    log, console = json_log()

    log.info(MODULE, "a message")

    location = json.loads(console.lines[0])["source"]["location"]
    assert location.startswith('File "src/')
    assert "test_log.py" in location
    assert location.endswith("characters 0-0")


def test_one_place_may_write_now_this_and_now_that() -> None:
    log, console = json_log()

    for write in (log.info, log.warn, log.info):
        for message in ("one", "two"):
            for metadata in ({"a": 1}, {"b": 2}, {"b": 2, "a": 1}):
                write(MODULE, message, **metadata)
    for event in (structured_events.SYNCED, structured_events.LISTENING, structured_events.SYNCED):
        log.event(event)

    lines = [json.loads(line) for line in console.lines]
    assert [(line["level"], line["message"], len(line["metadata"])) for line in lines[:18]] == [
        (level, message, count)
        for level in ("Info", "Warn", "Info")
        for message in ("one", "two")
        for count in (2, 2, 3)
    ]
    assert [line["metadata"].get("a") for line in lines[:3]] == [1, None, 1]
    assert [line["event_id"] for line in lines[18:]] == [
        event.id
        for event in (structured_events.SYNCED, structured_events.LISTENING, structured_events.SYNCED)
    ]


def test_a_placeholder_without_metadata_makes_an_invalid_log_call() -> None:
    log, console = json_log()

    log.info(MODULE, "hello $who from $where", who="x")

    line = json.loads(console.lines[0])
    assert line["level"] == "Error"
    assert line["message"].startswith("invalid log call:")
    assert "where" in line["message"]


def test_metadata_that_hides_a_process_wide_entry_is_named() -> None:
    log, console = json_log()
    log.add_process_metadata(port=8302)

    log.info(MODULE, "on $port", port=1)

    assert json.loads(console.lines[0])["metadata"] == {"$duplicated_keys": ["port"], "pid": 71, "port": 1}


def test_a_line_that_nobody_takes_is_not_built() -> None:
    log, console = json_log(Level.WARN)

    log.info(MODULE, "costs $nothing", nothing=never)
    log.event(structured_events.BLOCK_PRODUCED, breadcrumb=never)
    log.warn(MODULE, "is $built", built=lambda: "built")

    assert [json.loads(line)["metadata"]["built"] for line in console.lines] == ["built"]


def test_every_level_reaches_a_sink_that_takes_all() -> None:
    log, console = json_log(Level.INTERNAL)
    for write in (log.debug, log.info, log.warn, log.error, log.faulty_peer, log.fatal):
        write(MODULE, "line")

    lines = [json.loads(line) for line in console.lines]
    assert [line["level"] for line in lines] == [level.text for level in Level if level >= Level.DEBUG]


def test_a_filtered_log_captures_whatever_the_levels_are() -> None:
    log, console = json_log(Level.FATAL)
    assert not log.is_capturing
    assert log.start_filtered_log([structured_events.SYNCED.id])
    assert not log.start_filtered_log([structured_events.LISTENING.id])

    log.event(structured_events.LISTENING)
    log.event(structured_events.SYNCED)
    log.event(structured_events.SYNCED)

    assert log.is_capturing
    assert [json.loads(line)["event_id"] for line in log.filtered_entries(0)] == [
        structured_events.SYNCED.id
    ] * 2
    assert len(log.filtered_entries(1)) == 1
    assert log.filtered_entries(5) == []
    assert console.lines == []


def test_the_text_console_fills_the_message_in() -> None:
    console = MemoryConsole()
    log = Log(FixedClock(), [TextConsole(console, Level.INFO)], pid=71)

    log.info(MODULE, "hello $who", who="world", rest=[1, 2])
    log.debug(MODULE, "not shown")

    assert console.lines == ["2024-05-01 12:00:05 UTC [Info] hello world", "\trest: [1,2]"]


def files_in(directory: Path, console: MemoryConsole, level: Level = Level.TRACE) -> tuple[Log, LogFiles]:
    files = LogFiles(Files(), console, str(directory), level=level, rotations=3, at_end_of_step=EndOfStep())
    return Log(FixedClock(), files.sinks, pid=1), files


def test_lines_go_to_mina_log_and_best_tips_to_a_file_of_their_own(tmp_path: Path) -> None:
    log, files = files_in(tmp_path, MemoryConsole())

    log.info(MODULE, "one")
    log.event(
        structured_events.NEW_BEST_TIP_EVENT,
        added_transitions=[],
        removed_transitions=[],
        reorg_best_tip=False,
    )
    files.flush()

    assert (tmp_path / "mina.log").read_text().count("\n") == 2
    assert (tmp_path / "mina-best-tip.log").read_text().count("\n") == 1


def test_an_overlong_line_is_elided_and_kept_elsewhere(tmp_path: Path) -> None:
    log, files = files_in(tmp_path, MemoryConsole())

    log.info(MODULE, "big", content="x" * MAX_LINE)
    files.flush()

    line = json.loads((tmp_path / "mina.log").read_text())
    assert (line["message"], line["metadata"], line["source"]["module"]) == (ELIDED, {}, MODULE)
    assert (tmp_path / "mina-oversized-logs.log").stat().st_size > MAX_LINE


def rotating(
    path: Path, *, max_size: int, rotations: int, console: MemoryConsole | None = None
) -> RotatingFile:
    return RotatingFile(
        Files(),
        console or MemoryConsole(),
        str(path),
        max_size=max_size,
        rotations=rotations,
        at_end_of_step=EndOfStep(),
    )


def test_a_full_file_is_renamed_and_the_numbers_wrap_around(tmp_path: Path) -> None:
    file = rotating(tmp_path / "a.log", max_size=10, rotations=2)
    for line in (b"first line", b"second line", b"third line", b"end"):
        file.take(unlike_any(line))

    assert (tmp_path / "a.log.0").read_bytes() == b"third line\n"
    assert (tmp_path / "a.log.1").read_bytes() == b"second line\n"
    assert (tmp_path / "a.log").read_bytes() == b"end\n"


def test_a_restarted_daemon_goes_on_with_the_next_number(tmp_path: Path) -> None:
    (tmp_path / "a.log.0").write_bytes(b"of the last run")
    file = rotating(tmp_path / "a.log", max_size=1, rotations=3)

    file.take(unlike_any(b"line"))

    assert (tmp_path / "a.log.0").read_bytes() == b"of the last run"
    assert (tmp_path / "a.log.1").read_bytes() == b"line\n"


def test_a_disk_that_refuses_is_told_once(tmp_path: Path) -> None:
    console = MemoryConsole()
    file = rotating(tmp_path / "gone" / "a.log", max_size=10, rotations=1, console=console)

    file.take(unlike_any(b"one"))
    file.take(unlike_any(b"two"))

    assert len(console.errors) == 1
    assert "a.log" in console.errors[0]


async def test_lines_are_in_the_file_after_the_step_of_the_loop_that_wrote_them(tmp_path: Path) -> None:
    file = rotating(tmp_path / "a.log", max_size=1000, rotations=1)

    file.take(unlike_any(b"one"))
    file.take(unlike_any(b"two"))
    assert not (tmp_path / "a.log").exists()
    await asyncio.sleep(0)

    assert (tmp_path / "a.log").read_bytes() == b"one\ntwo\n"
