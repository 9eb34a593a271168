"""What reports know of a run: its directory, and nothing else."""

from pathlib import Path

import pytest
from tests.coda_executive.report.made_runs import ONE, STORY, TWO, make_run

from coda_executive.errors import EngineError
from coda_executive.events.event import NodeCrashed
from coda_executive.executive.outcome import Verdict
from coda_executive.report.evidence import read_evidence


def test_the_first_cause_is_the_earliest_error_that_counts(tmp_path: Path) -> None:
    """Warnings come before it in time, and another error before it in the list."""
    cause = read_evidence(make_run(tmp_path / "run")).first_cause

    assert cause is not None
    assert (cause.kind, cause.time_ns) == ("LogLine", 3_000_000_000)


def test_waits_tell_how_much_of_their_limit_they_used(tmp_path: Path) -> None:
    first, second = read_evidence(make_run(tmp_path / "run")).waits

    assert (first.description, first.section, first.taken, first.used) == (
        "2 nodes to initialise",
        ("blocks",),
        2.0,
        0.25,
    )
    assert (second.result, second.progress, second.began_ns) == (
        "CrashedNode",
        "1 of 2 blocks",
        2_000_000_000,
    )


def test_a_wait_that_never_ended_has_no_length(tmp_path: Path) -> None:
    evidence = read_evidence(make_run(tmp_path / "run", story=STORY[:4], verdict=None))

    assert [(wait.taken, wait.used, wait.result) for wait in evidence.waits] == [(None, None, None)]


def test_nodes_keep_their_life_heights_and_blocks(tmp_path: Path) -> None:
    evidence = read_evidence(make_run(tmp_path / "run"))
    one, two = evidence.nodes[ONE], evidence.nodes[TWO]

    assert (one.role, one.heights) == ("block producer", [(2_500_000_000, 2)])
    assert list(two.blocks) == ["3Nb", "3Na"]
    assert isinstance(two.lifecycle[-1][1], NodeCrashed)
    assert one.sightings == {1: 1_000_000_000}
    assert [(fault.kind, fault.nodes, fault.ended_ns) for fault in evidence.faults] == [
        ("Pause", (TWO,), 3_500_000_000)
    ]


def test_a_killed_run_is_told_from_its_history(tmp_path: Path) -> None:
    """Up to the crash that was recorded, and without an outcome."""
    evidence = read_evidence(make_run(tmp_path / "run", story=STORY[:-3], verdict=None))

    assert (evidence.verdict, evidence.exit_code) == (Verdict.FAILED, 1)
    assert [error.kind for error in evidence.errors] == ["CrashedNode"]
    assert [section.path for section in evidence.sections] == [("blocks",)]
    assert evidence.remarks == [
        "There is no outcome.json: the run goes on, or was killed.",
        "the history has no end: the run goes on, or was killed",
    ]


def test_a_damaged_history_is_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")
    segment = directory / "history" / "000001.jsonl"
    lines = segment.read_text().splitlines(keepends=True)
    segment.write_text("".join([*lines[:12], "no entry\n", *lines[13:]]))

    evidence = read_evidence(directory)

    assert evidence.verdict is Verdict.FAILED
    assert "000001.jsonl:13: expected an entry of a history" in evidence.remarks[0]
    assert len(evidence.waits) == 2


def test_a_torn_last_line_is_told(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")
    segment = directory / "history" / "000001.jsonl"
    segment.write_bytes(segment.read_bytes()[:-5])

    assert read_evidence(directory).remarks == [
        "The last line of the history is torn: the run was killed while writing it."
    ]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"run\.json cannot be read: No such file"):
        read_evidence(tmp_path)
