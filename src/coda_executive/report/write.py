"""Reports on disk: those that every run leaves in its directory, and those that are asked for by name."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coda_executive.errors import EngineError
from coda_executive.executive.outcome import Verdict
from coda_executive.executive.run_directory import log_files
from coda_executive.executive.wrong_clocks import heard_of_wrong_clocks
from coda_executive.report.document import report_document
from coda_executive.report.evidence import Evidence, read_evidence
from coda_executive.report.junit import junit_xml
from coda_executive.report.log_pack import pack_logs
from coda_executive.report.page import render_page

PAGE = "report.html"
JUNIT = "junit.xml"
DOCUMENT = "report.json"

# A page takes about a second for 50 MB of logs. A run that passed is seldom looked at and must not wait longer
# than 0.3 s for it; of one that did not, the page is what its user needs next.
_QUICK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class WrittenReports:
    """`page` is None for a run that passed with so much to say that its page is made when it is asked for."""

    page: Path | None
    junit: Path
    document: Path


def write_reports(directory: Path) -> WrittenReports:
    """Write all reports into the run's directory. Raises EngineError."""
    evidence = read_evidence(directory)
    written = WrittenReports(
        page=directory / PAGE if _is_wanted(evidence) else None,
        junit=directory / JUNIT,
        document=directory / DOCUMENT,
    )
    write_junit(evidence, written.junit)
    write_document(evidence, written.document)
    if written.page is not None:
        write_page(evidence, written.page)
    return written


def write_page(evidence: Evidence, path: Path) -> None:
    """Raises EngineError if the logs cannot be read or the page not be written."""
    sightings = {story.name: story.sightings for story in evidence.nodes.values()}
    try:
        heard = heard_of_wrong_clocks(evidence.directory)
        packed = pack_logs(log_files(evidence.directory), sightings, heard)
    except OSError as error:
        raise EngineError(f"cannot read the logs of {evidence.directory}: {error}") from error
    _write(path, render_page(evidence, packed))


def write_junit(evidence: Evidence, path: Path) -> None:
    _write(path, junit_xml(evidence))


def write_document(evidence: Evidence, path: Path) -> None:
    _write(path, report_document(evidence))


def _is_wanted(evidence: Evidence) -> bool:
    if evidence.verdict is not Verdict.PASSED:
        return True
    sizes = [path.stat().st_size for path in log_files(evidence.directory).values() if path.exists()]
    sizes += [path.stat().st_size for path in (evidence.directory / "history").glob("*.jsonl")]
    return sum(sizes) <= _QUICK_BYTES


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise EngineError(
            f"cannot write {path}: {error.strerror}; is the disk full or the directory gone?"
        ) from error
