"""A run as JUnit XML, the format in which continuous integration takes results: one test case, which is the test."""

import re
import shlex
from xml.etree import ElementTree as Xml

from coda_executive.dsl.sections import Severity
from coda_executive.executive.outcome import Verdict
from coda_executive.report.evidence import Evidence

# Characters that no XML document may hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(evidence: Evidence) -> str:
    """A failed test is a failure; whatever else kept it from passing is an error; a skipped one is skipped."""
    run = evidence.run
    seconds = f"{sum(seconds for _, seconds in evidence.phases) or evidence.end_ns / 1e9:.3f}"
    is_failure = evidence.verdict is Verdict.FAILED
    is_skipped = evidence.verdict is Verdict.NOTHING_RAN
    is_error = evidence.verdict not in (Verdict.PASSED, Verdict.FLAKY) and not is_failure and not is_skipped
    counts = {
        "tests": "1",
        "failures": str(int(is_failure)),
        "errors": str(int(is_error)),
        "skipped": str(int(is_skipped)),
        "time": seconds,
    }
    suites = Xml.Element("testsuites", counts)
    suite = Xml.SubElement(
        suites, "testsuite", {"name": f"coda-executive.{run.engine}", **counts, "timestamp": run.started}
    )
    case = Xml.SubElement(
        suite, "testcase", {"classname": f"coda-executive.{run.engine}", "name": run.test, "time": seconds}
    )
    properties = Xml.SubElement(case, "properties")
    told = {
        "run": run.run_id,
        "engine": run.engine,
        "seed": str(run.seed),
        "verdict": evidence.verdict.value,
        "exit_code": str(evidence.exit_code),
        "repeat": shlex.join(run.command),
    }
    for _now, measured in evidence.measurements:
        of = f" ({measured.node})" if measured.node else ""
        told[f"{measured.name}{of}"] = f"{measured.value:g} {measured.unit}".strip()
    for name, value in told.items():
        Xml.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    cause = evidence.first_cause
    if is_failure or is_error:
        message = cause.message if cause is not None else evidence.doing or evidence.verdict
        problem = Xml.SubElement(
            case,
            "failure" if is_failure else "error",
            {
                "type": cause.kind if cause is not None else evidence.verdict.value,
                "message": _first_line(message),
            },
        )
        problem.text = _clean("\n\n".join(_errors(evidence)) or message)
    elif is_skipped:
        Xml.SubElement(case, "skipped", {"message": _clean(evidence.skipped or "")})
    Xml.SubElement(case, "system-out").text = _clean("\n".join(_story(evidence)))
    Xml.indent(suites)
    return Xml.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _errors(evidence: Evidence) -> list[str]:
    lines = []
    for error in evidence.errors:
        if error.severity is not Severity.WARNING:
            where = f" in {' / '.join(error.section)}" if error.section else ""
            lines.append(f"{error.kind} at {error.time_ns / 1e9:.2f} s{where}: {error.message}")
    return lines


def _story(evidence: Evidence) -> list[str]:
    marks = {True: "passed", False: "failed", None: "cut short"}
    lines = [f"section {' / '.join(section.path)}: {marks[section.passed]}" for section in evidence.sections]
    lines += [f"wait for {wait.description}: {wait.result or 'never ended'}" for wait in evidence.waits]
    return [*lines, *evidence.remarks]


def _first_line(text: str) -> str:
    return _clean(text.partition("\n")[0])


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
