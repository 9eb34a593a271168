import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.events.event import (
    BestTipFormed,
    BlockGossiped,
    BlockProduced,
    BlockReceived,
    BreadcrumbAdded,
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    ErrorLogged,
    Event,
    FrontierChanged,
    FrontierLoading,
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
    OtherEvent,
    PlainMessage,
    SnarkWorkGossiped,
    SyncStatusChanged,
    TransactionsGossiped,
    UnreadableLine,
)
from coda_executive.observation.history import (
    EventSeen,
    HistoryEntry,
    HistoryReader,
    HistoryWriter,
    SectionBegan,
    SectionEnded,
    WaitBegan,
    WaitEnded,
)
from coda_protocol.currency import Fee
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

NODE = NodeId("node-1")
HASH = StateHash("3Na")
EVENTS: tuple[Event, ...] = (
    NodeInitialized(),
    BlockProduced(
        HASH, StateHash("3Np"), BlockchainLength(2), GlobalSlot(3), Epoch(0), "B62", emitted_proof=True
    ),
    BreadcrumbAdded(HASH, (("5Ja", "Applied"), ("5Jb", "Failed"))),
    FrontierChanged(HASH, None, HASH, (HASH,), emitted_proof=False),
    BestTipFormed((HASH,), (), None, None, reorganized=False),
    BlockReceived(HASH, "Local"),
    BlockGossiped(HASH),
    SyncStatusChanged("SYNCED"),
    FrontierLoading("Bootstrap_complete"),
    ErrorLogged("Error", 'with "quotes"\nand a line', None),
    OtherEvent("0" * 32, None),
    UnreadableLine("\x00€", "why"),
    PlainMessage("hello"),
    NodeStarted(fresh_state=True),
    NodeStopped(0, forced=False),
    NodeKilled(),
    NodeCrashed(None, "SIGKILL", ("a", "b")),
    NodePaused(),
    NodeResumed(),
    CompanionStarted("node-1-worker-1"),
    CompanionStopped("node-1-worker-1", 0, forced=False),
    CompanionCrashed("node-1-worker-1", 1, None, ()),
    TransactionsGossiped((("B62", 3),), sent=True),
    SnarkWorkGossiped((1, 2), Fee.of_coda("0.025"), "B62", sent=False),
)


def entry(time_ns: int, text: str = "hello") -> HistoryEntry:
    return HistoryEntry(time_ns, EventSeen(NODE, PlainMessage(text), 1, 0))


def written(directory: Path, *entries: HistoryEntry) -> Path:
    with HistoryWriter(directory) as history:
        for one in entries:
            history.extend(one.time_ns, (one.record,))
    return directory / "000001.jsonl"


def test_every_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    entries = [HistoryEntry(n, EventSeen(NODE, event, n, 10 * n, 3)) for n, event in enumerate(EVENTS)]
    entries += [
        HistoryEntry(99, EventSeen(NODE, NodeKilled())),
        HistoryEntry(100, SectionBegan(("outer", "inner"), hard=True)),
        HistoryEntry(101, WaitBegan("5 blocks", "8 slots", "16 slots")),
        HistoryEntry(102, WaitEnded("5 blocks", "reached", "5 of 5")),
        HistoryEntry(103, SectionEnded(("outer", "inner"))),
    ]
    written(tmp_path, *entries)

    reader = HistoryReader(tmp_path)

    assert list(reader) == entries
    assert reader.torn is None


def test_every_kind_of_event_is_tried_above() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


def test_the_first_line_names_format_and_version(tmp_path: Path) -> None:
    lines = written(tmp_path, entry(5)).read_text().splitlines()

    assert json.loads(lines[0]) == {"format": "coda-executive history", "version": 1, "segment": 1}
    assert json.loads(lines[1]) == {
        "time_ns": 5,
        "record": {
            "kind": "EventSeen",
            "node": "node-1",
            "event": "PlainMessage",
            "fields": {"message": "hello"},
            "line": 1,
            "offset": 0,
        },
    }


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    entries = [entry(n, "x" * 500) for n in range(20)]
    with HistoryWriter(tmp_path, segment_bytes=2000) as history:
        for one in entries:
            history.extend(one.time_ns, (one.record,))
            history.flush()

    assert len(list(tmp_path.iterdir())) > 3
    assert list(HistoryReader(tmp_path)) == entries


def test_flushed_entries_are_on_disk_before_the_writer_is_closed(tmp_path: Path) -> None:
    with HistoryWriter(tmp_path) as history:
        history.extend(1, (entry(1).record,))
        assert list(HistoryReader(tmp_path)) == []
        history.flush()
        assert list(HistoryReader(tmp_path)) == [entry(1)]


def test_a_torn_last_line_is_left_out_and_reported(tmp_path: Path) -> None:
    segment = written(tmp_path, entry(1), entry(2))
    whole = segment.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for end in range(last, len(whole)):
        segment.write_bytes(whole[:end])
        reader = HistoryReader(tmp_path)
        assert list(reader) == [entry(1)]
        assert reader.torn == (whole[last:end] or None)


@pytest.mark.parametrize("end", [0, 10])
def test_a_last_segment_that_was_just_begun_is_no_fault(tmp_path: Path, end: int) -> None:
    header = written(tmp_path, entry(1)).read_bytes().splitlines()[0]
    (tmp_path / "000002.jsonl").write_bytes(header[:end])

    assert list(HistoryReader(tmp_path)) == [entry(1)]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (b"garbage\n", "000001.jsonl:3: expected an entry of a history: JSON is malformed"),
        (b'{"time_ns":1}\n', "required field `record`"),
        (b"\xff\n", "000001.jsonl:3"),
        (
            b'{"time_ns":1,"record":{"kind":"EventSeen","node":"n","event":"Birth","fields":{}}}\n',
            "named 'Birth'",
        ),
        (b'{"time_ns":1,"record":{"kind":"Unheard"}}\n', "Unheard"),
    ],
)
def test_any_other_malformed_line_is_named_by_file_and_line(tmp_path: Path, bad: bytes, told: str) -> None:
    with written(tmp_path, entry(1)).open("ab") as file:
        file.write(bad)

    with pytest.raises(EngineError, match="000001") as error:
        list(HistoryReader(tmp_path))
    assert told in str(error.value)


def test_a_torn_line_before_the_last_segment_is_a_fault(tmp_path: Path) -> None:
    first = written(tmp_path, entry(1))
    (tmp_path / "000002.jsonl").write_bytes(first.read_bytes().replace(b'"segment":1', b'"segment":2'))
    first.write_bytes(first.read_bytes()[:-5])

    with pytest.raises(EngineError, match=r"000001\.jsonl:2"):
        list(HistoryReader(tmp_path))


def test_another_version_is_refused(tmp_path: Path) -> None:
    segment = written(tmp_path)
    segment.write_bytes(segment.read_bytes().replace(b'"version":1', b'"version":2'))

    with pytest.raises(EngineError, match=r"expected .* version 1 segment 1, found .* version 2"):
        list(HistoryReader(tmp_path))


def test_a_directory_without_history_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="holds no history"):
        list(HistoryReader(tmp_path))


def test_a_missing_segment_is_told(tmp_path: Path) -> None:
    written(tmp_path).rename(tmp_path / "000002.jsonl")

    with pytest.raises(EngineError, match=r"cannot read .*000001\.jsonl"):
        list(HistoryReader(tmp_path))


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EngineError, match=r"cannot write the history of the run to .*--run-dir"):
        HistoryWriter(tmp_path / "file" / "history")


def test_an_old_history_is_never_written_into(tmp_path: Path) -> None:
    written(tmp_path, entry(1))

    with pytest.raises(EngineError, match="exists"):
        HistoryWriter(tmp_path)
    assert list(HistoryReader(tmp_path)) == [entry(1)]


def test_a_full_disk_raises_once_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write: Callable[[int, bytes], int] = os.write

    def write(file: int, data: bytes) -> int:
        if len(data) > 100:
            return real_write(file, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with HistoryWriter(tmp_path) as history:
        history.extend(1, (entry(1).record,))
        history.flush()
        monkeypatch.setattr(os, "write", write)
        history.extend(2, (entry(2).record,))
        with pytest.raises(EngineError, match="No space left on device"):
            history.flush()
        history.extend(3, (entry(3).record,))
        history.flush()

    reader = HistoryReader(tmp_path)
    assert list(reader) == [entry(1)]
    assert reader.torn is not None
    assert len(reader.torn) == 100


def test_a_directory_that_vanishes_is_told(tmp_path: Path) -> None:
    with HistoryWriter(tmp_path / "history") as history:
        history.extend(1, (entry(1).record,))
        shutil.rmtree(tmp_path / "history")
        with pytest.raises(EngineError, match="was removed while the run went on"):
            history.flush()


def test_what_is_held_back_elsewhere_is_appended_at_the_end(tmp_path: Path) -> None:
    with HistoryWriter(tmp_path) as history:
        history.before_close(lambda: history.extend(2, (entry(2).record,)))
        history.extend(1, (entry(1).record,))

    assert list(HistoryReader(tmp_path)) == [entry(1), entry(2)]
    history.close()
    history.extend(3, (entry(3).record,))
    assert list(HistoryReader(tmp_path)) == [entry(1), entry(2)]
