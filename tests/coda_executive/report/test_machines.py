"""The reports for machines: JUnit XML and JSON."""

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from tests.coda_executive.report.made_runs import CRASH, ERRORS, STORY, make_run

from coda_executive.dsl.sections import FoundError, Severity
from coda_executive.executive.outcome import Verdict
from coda_executive.report.document import report_document
from coda_executive.report.evidence import read_evidence
from coda_executive.report.junit import junit_xml


def case_of(directory: Path) -> Xml.Element:
    suites = Xml.fromstring(junit_xml(read_evidence(directory)))
    case = suites.find("testsuite/testcase")
    assert case is not None
    return case


@pytest.mark.parametrize(
    ("verdict", "element"),
    [
        (Verdict.PASSED, None),
        (Verdict.FAILED, "failure"),
        (Verdict.INCONCLUSIVE, "error"),
        (Verdict.INFRASTRUCTURE, "error"),
        (Verdict.INTERRUPTED, "error"),
        (Verdict.USAGE, "error"),
        (Verdict.NOTHING_RAN, "skipped"),
        (None, "failure"),
    ],
)
def test_each_verdict_has_its_element(tmp_path: Path, verdict: Verdict | None, element: str | None) -> None:
    """Without an outcome the history decides: a crash was recorded."""
    errors = () if verdict is Verdict.PASSED else ERRORS
    made = make_run(tmp_path / "run", verdict=verdict, errors=errors)
    case = case_of(made)

    found = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    assert found == ([] if element is None else [element])
    suite = Xml.fromstring(junit_xml(read_evidence(made))).find("testsuite")
    assert suite is not None
    counts = {"failure": "failures", "error": "errors", "skipped": "skipped"}
    assert {name: suite.get(name) for name in counts.values()} == {
        name: str(int(kind == element)) for kind, name in counts.items()
    }


def test_junit_tells_the_first_cause_and_how_to_repeat_it(tmp_path: Path) -> None:
    case = case_of(make_run(tmp_path / "run"))

    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib == {"type": "LogLine", "message": "a line"}
    assert CRASH in (failure.text or "")
    repeat = case.find("properties/property[@name='repeat']")
    assert repeat is not None
    assert repeat.get("value") == "coda-executive run 'two blocks' --seed 7"
    assert (case.get("name"), case.get("time")) == ("two-blocks", "4.500")


def test_characters_that_no_xml_may_hold_are_replaced(tmp_path: Path) -> None:
    errors = (FoundError(Severity.HARD, "LogLine", "a\x00b\x1b[31m & <c>", (), 1),)

    failure = case_of(make_run(tmp_path / "run", errors=errors)).find("failure")

    assert failure is not None
    assert failure.get("message") == "a�b�[31m & <c>"


def test_the_document_holds_what_the_page_shows(tmp_path: Path) -> None:
    document = json.loads(report_document(read_evidence(make_run(tmp_path / "run"))))

    assert (document["format"], document["version"]) == ("coda-executive report", 1)
    assert (document["verdict"], document["exit_code"], document["first_cause"]["kind"]) == (
        "failed",
        1,
        "LogLine",
    )
    assert document["run"]["seed"] == 7
    assert document["waits"][0] == {
        "description": "2 nodes to initialise",
        "section": ["blocks"],
        "began": 0.0,
        "seconds": 2.0,
        "soft_limit": 4.0,
        "hard_limit": 8.0,
        "used": 0.25,
        "result": "reached",
        "progress": "1 of 2 nodes",
    }
    assert document["nodes"]["block-producer-2"]["lifecycle"][-1] == {
        "at": 4.0,
        "event": "NodeCrashed",
        "exit_code": 1,
        "signal": None,
        "last_lines": ["the end"],
    }
    assert document["faults"][0]["ended"] == 3.5
    assert document["measurements"] == [
        {"at": 3.6, "name": "blocks per slot", "value": 0.75, "unit": "blocks", "node": None}
    ]
    assert document["findings"][0]["validity"] == "invalid"


def test_an_interrupted_run_tells_what_it_was_doing(tmp_path: Path) -> None:
    directory = make_run(
        tmp_path / "run", story=STORY[:5], verdict=Verdict.INTERRUPTED, errors=(), doing="in section blocks"
    )

    error = case_of(directory).find("error")

    assert error is not None
    assert error.get("message") == "in section blocks"
