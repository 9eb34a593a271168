"""A run as one JSON document for machines: what the page shows, without the logs. Times are in seconds."""

from typing import Any

import msgspec

from coda_executive.dsl.sections import FoundError
from coda_executive.report.evidence import Evidence, Fault, NodeStory, Wait

FORMAT = "coda-executive report"
VERSION = 1


def report_document(evidence: Evidence) -> str:
    """The document as text; `version` grows when a member changes its meaning or goes away."""
    cause = evidence.first_cause
    document = {
        "format": FORMAT,
        "version": VERSION,
        "run": msgspec.to_builtins(evidence.run),
        "verdict": evidence.verdict,
        "exit_code": evidence.exit_code,
        "first_cause": None if cause is None else _error(cause),
        "doing": evidence.doing,
        "skipped": evidence.skipped,
        "remarks": evidence.remarks,
        "seconds": evidence.end_ns / 1e9,
        "phases": dict(evidence.phases),
        "errors": [_error(error) for error in evidence.errors],
        "sections": [
            {
                "path": list(section.path),
                "began": section.began_ns / 1e9,
                "ended": _seconds(section.ended_ns),
                "passed": section.passed,
            }
            for section in evidence.sections
        ],
        "waits": [_wait(wait) for wait in evidence.waits],
        "faults": [_fault(fault) for fault in evidence.faults],
        "measurements": [
            {"at": now / 1e9, **msgspec.structs.asdict(measured)} for now, measured in evidence.measurements
        ],
        "nodes": {name: _node(evidence, story) for name, story in evidence.nodes.items()},
        "findings": [msgspec.to_builtins(finding) for finding in evidence.findings],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _error(error: FoundError) -> dict[str, Any]:
    return {
        "severity": error.severity,
        "kind": error.kind,
        "message": error.message,
        "section": list(error.section),
        "at": error.time_ns / 1e9,
    }


def _wait(wait: Wait) -> dict[str, Any]:
    return {
        "description": wait.description,
        "section": list(wait.section),
        "began": wait.began_ns / 1e9,
        "seconds": wait.taken,
        "soft_limit": wait.soft_seconds,
        "hard_limit": wait.hard_seconds,
        "used": wait.used,
        "result": wait.result,
        "progress": wait.progress,
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "number": fault.number,
        "kind": fault.kind,
        "description": fault.description,
        "nodes": list(fault.nodes),
        "began": fault.began_ns / 1e9,
        "ended": _seconds(fault.ended_ns),
    }


def _node(evidence: Evidence, story: NodeStory) -> dict[str, Any]:
    state = evidence.node_state(story.name)
    return {
        "role": story.role,
        "condition": state.condition,
        "sync_status": state.sync_status,
        "height": state.height,
        "best_tip": state.best_tip,
        "blocks_produced": state.blocks_produced,
        "errors_logged": sum(state.errors.values()) + state.errors_not_kept,
        "lifecycle": [
            {"at": now / 1e9, "event": type(event).__name__, **msgspec.to_builtins(event)}
            for now, event in story.lifecycle
        ],
        "companions": [
            {"at": now / 1e9, "event": type(event).__name__, **msgspec.to_builtins(event)}
            for now, event in story.companions
        ],
    }


def _seconds(time_ns: int | None) -> float | None:
    return None if time_ns is None else time_ns / 1e9
