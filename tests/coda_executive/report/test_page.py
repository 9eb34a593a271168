"""The page as text: what is in it, and what must not be."""

import io
import re
from pathlib import Path

import pytest
from tests.coda_executive.report.made_runs import CRASH, ONE, STORY, TWO, block, make_run, tip

from coda_executive.cli.logs import show_logs
from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import FoundError, Severity
from coda_executive.events.event import CompanionCrashed, NodeStarted
from coda_executive.executive.outcome import Verdict
from coda_executive.executive.wrong_clocks import heard_of_wrong_clocks
from coda_executive.observation.history import (
    EventSeen,
    FaultBegan,
    FaultEnded,
    HistoryRecord,
    SectionBegan,
    WaitBegan,
    WaitEnded,
)
from coda_executive.report.evidence import read_evidence
from coda_executive.report.write import PAGE, write_page, write_reports


def page_of(directory: Path) -> str:
    write_page(read_evidence(directory), directory / PAGE)
    return (directory / PAGE).read_text()


def test_verdict_and_first_cause_come_first(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path / "run"))

    order = ["FAILED", "First cause: LogLine", "coda-executive run &#x27;two blocks&#x27; --seed 7", "<main>"]
    places = [page.index(part) for part in order]
    assert places == sorted(places)


def test_errors_nodes_waits_and_findings_are_told(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path / "run"))

    assert CRASH in page
    assert "crashed (exit code 1)" in page
    assert "5 slots <small>(10 s)</small>" in page
    assert "89% left" in page  # 2 of 18 s
    assert "4.000 s it crashed" in page
    assert '<th scope="row">blocks per slot</th><td></td><td class="number">0.75</td><td>blocks</td>' in page


def test_what_to_do_next_stands_below_the_message_with_the_runs_own_name(tmp_path: Path) -> None:
    text = "it crashed\nits last line\nnext: coda-executive logs RUN --node a\nnext: repeat it"
    error = FoundError(Severity.HARD, "CrashedNode", text, (), 4_000_000_000)
    page = page_of(make_run(tmp_path / "run", errors=(error,)))

    assert (
        "<pre>it crashed\nits last line</pre>"
        '<p class="next">Next: <code>coda-executive logs run --node a</code></p><p class="next">Next: repeat it</p>'
    ) in page


def test_without_best_tips_there_is_no_empty_chart(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path / "run", story=()))

    assert "No node told a best tip." in page
    assert '<svg class="heights"' not in page


def test_a_process_beside_a_node_that_crashed_is_told(tmp_path: Path) -> None:
    crash = EventSeen(ONE, CompanionCrashed("block-producer-1-worker-1", None, "SIGKILL", ()))
    page = page_of(make_run(tmp_path / "run", story=(*STORY[:-1], (4.5, crash), STORY[-1])))

    assert "; block-producer-1-worker-1 crashed</td>" in page
    assert "<title>block-producer-1-worker-1 crashed at 4.50 s</title>" in page


def test_the_timeline_shows_life_faults_and_the_first_cause(tmp_path: Path) -> None:
    page = page_of(make_run(tmp_path / "run"))

    for title in (
        "block-producer-2 crashed: exit code 1 at 4.00 s",
        "block-producer-1 stopped at 4.50 s",
        "Pause(target=&#x27;one&#x27;) from 3.00 s to 3.50 s",
        "3.00 s: LogLine",
        "waiting for 2 blocks to be produced: CrashedNode",
        "block-producer-1: height 2",
    ):
        assert f"<title>{title}</title>" in page


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """The name space of SVG is no address that anybody asks."""
    page = page_of(make_run(tmp_path / "run")).replace('xmlns="http://www.w3.org/2000/svg"', "")

    assert "default-src 'none'" in page
    assert not re.search(r"https?://|\bsrc=|<link|@import|url\(", page)


def test_names_and_lines_cannot_become_markup(tmp_path: Path) -> None:
    evil = "</script><script>evil()</script>"
    story: list[tuple[float, HistoryRecord]] = [
        *STORY[:1],
        (0.0, SectionBegan((evil,), hard=False)),
        *STORY[1:],
    ]
    directory = make_run(tmp_path / "run", story=story, doing=evil)
    (directory / "nodes" / "<evil>").mkdir()
    (directory / "nodes" / "<evil>" / "daemon.log").write_text(f"{evil}\n")
    run = directory / "run.json"
    run.write_text(run.read_text().replace('"two-blocks"', f'"{evil}"'))

    page = page_of(directory)

    assert "<script>evil" not in page
    assert "<evil>" not in page


def test_logs_of_companions_are_in_the_page(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", logs={ONE: ("hello",)})
    before = page_of(directory)

    (directory / "nodes" / ONE / "worker-1.log").write_text("2024-05-01 12:00:03 UTC [Warn] no work\n")

    assert f"{ONE}-worker-1" not in before
    assert f'"nodes": ["{ONE}", "{ONE}-worker-1"]' in page_of(directory)


def test_lines_of_a_wrong_clock_stand_where_they_were_heard_of(tmp_path: Path) -> None:
    """In the page, and in `logs`."""
    told = [(1.0, FaultBegan(1, "SkewClock", "a clock", (ONE,)))]
    seen = [(at, EventSeen(ONE, tip("b", 2), line)) for line, at in ((1, 1.0), (2, 4.0))]
    directory = make_run(
        tmp_path / "run", story=[*told, *seen], logs={ONE: ("first", "second"), TWO: ("one", "two", "three")}
    )

    assert heard_of_wrong_clocks(directory) == {ONE: [(1, 1_000_000_000), (2, 4_000_000_000)]}
    shown = io.BytesIO()
    show_logs(directory, (), lambda _: True, lambda line: line.filled_text.encode(), shown, follow=False)
    assert shown.getvalue().split() == [b"first", b"one", b"two", b"three", b"second"]
    assert heard_of_wrong_clocks(make_run(tmp_path / "other")) == {}


def test_the_same_directory_gives_the_same_page(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run")

    assert page_of(directory) == page_of(directory)


def test_a_run_that_never_had_a_network_has_a_page(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", story=STORY[-1:], logs={}, verdict=Verdict.USAGE)
    (directory / "plan.json").unlink()

    page = page_of(directory)

    assert "BAD USAGE OR CONFIGURATION" in page
    assert "There is no plan.json: the run ended before its network was planned." in page
    assert "No node wrote a line." in page


def test_a_long_run_of_many_nodes_has_a_page_of_under_5_mb(tmp_path: Path) -> None:
    """50 nodes, 3,000 blocks that all of them took, as many waits, and a fault for every third of them."""
    nodes = tuple(NodeId(f"block-producer-{number}") for number in range(1, 51))
    story: list[tuple[float, HistoryRecord]] = []
    story += [(0.0, EventSeen(node, NodeStarted(fresh_state=False))) for node in nodes]
    for height in range(2, 3002):
        hashes = f"3N{height:050d}", f"3N{height - 1:050d}"
        told = [EventSeen(node, tip(hashes[0], height)) for node in nodes]
        records: list[HistoryRecord] = [
            WaitBegan(f"block {height}", "1 slots", "2 slots", 2.0, 4.0),
            EventSeen(nodes[height % len(nodes)], block(*hashes, height)),
            *told,
        ]
        if height % 3 == 0:
            records += [FaultBegan(height, "Partition", "x", nodes), FaultEnded(height, "Partition")]
        records.append(WaitEnded(f"block {height}", "reached", ""))
        story += [(height + 0.1 * number / len(records), record) for number, record in enumerate(records)]

    page = page_of(make_run(tmp_path / "run", story=story, logs={}, verdict=Verdict.PASSED, errors=()))

    assert len(page.encode()) < 5e6
    assert "And 2000 more, in report.json." in page
    assert ", 2840 lower ones are not drawn" in page


@pytest.mark.parametrize(
    ("verdict", "is_big", "has_page"),
    [
        (Verdict.PASSED, False, True),
        (Verdict.PASSED, True, False),
        (Verdict.FAILED, True, True),
    ],
)
def test_a_page_that_takes_long_is_not_made_for_a_run_that_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, is_big: bool, has_page: bool
) -> None:
    directory = make_run(tmp_path / "run", verdict=verdict, errors=())
    if is_big:
        monkeypatch.setattr("coda_executive.report.write._QUICK_BYTES", 1000)

    written = write_reports(directory)

    assert (written.page is not None) is (directory / PAGE).exists() is has_page
    assert written.junit.exists()
    assert written.document.exists()
    assert not list(directory.glob(".*"))
