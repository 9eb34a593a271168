"""The run directory: everything that lets somebody else understand, judge and repeat a run.

    run.json        the test, engine, options, seed, versions; the command that repeats the run; written first
    plan.json       the deployment plan, secrets masked
    history/        what happened, as segments of JSON lines: the evidence that is judged
    nodes/ID/       daemon.log with all that the node wrote, worker-1.log and such of its companions;
                    archive.sql of an archive, configuration, keys and state while they are kept
    nemesis.jsonl   which faults were about to be applied, and what undoes them
    outcome.json    the verdict; missing while a run goes on, and for ever if it was killed
    report.html, junit.xml, report.json     for people and for machines; functions of all the above

State and keys of the nodes are removed after a run that passed, unless asked to be kept; the evidence always
stays.
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import FoundError, SectionRecord
from coda_executive.errors import EngineError
from coda_executive.executive.outcome import Outcome, PhaseTime, Verdict
from coda_executive.executive.runs_folder import DEFAULT_PARENT
from coda_executive.observation.history import Measured
from coda_executive.support.clock import wall_time
from coda_executive.validation.finding import Finding

_Stored = TypeVar("_Stored", bound=msgspec.Struct)


class RunDescription(msgspec.Struct, frozen=True):
    """What run.json holds. `command` repeats the run; `started` is ISO 8601 wall time. `sources` are digests of what
    the run was made of, by name, added at its end; there are none without a command, or where a repetition cannot be
    compared exactly.
    """

    run_id: str
    test: str
    engine: str
    daemon: str | None
    seed: int
    options: Mapping[str, Any]
    command: tuple[str, ...]
    started: str
    version: str
    python: str
    sources: Mapping[str, str] = {}


class StoredOutcome(msgspec.Struct, frozen=True):
    """What outcome.json holds: an Outcome in plain values, times in seconds since the run began."""

    verdict: Verdict
    exit_code: int
    errors: list[FoundError]
    sections: list[SectionRecord]
    phases: list[PhaseTime]
    doing: str | None
    skipped: str | None
    findings: list[Finding] = []
    measurements: list[Measured] = []


class RunDirectory:
    """One run's directory, made anew. Every failure to write in it is an EngineError that names the path."""

    def __init__(self, path: Path, *, is_filled: bool = True) -> None:
        """Without `is_filled` nothing is written into it: it is there for those who want a place."""
        self.path = path
        self.is_filled = is_filled

    @classmethod
    def create(
        cls, test: str, engine: str, requested: Path | None, *, is_filled: bool = True
    ) -> "RunDirectory":
        """Make the directory asked for, or a fresh one with a readable name under `runs/`.

        A requested directory must be new or empty: evidence is never overwritten.
        """
        try:
            if requested is not None:
                requested.mkdir(parents=True, exist_ok=True)
                if any(requested.iterdir()):
                    raise EngineError(
                        f"the run directory {requested} is not empty, and evidence of another run is never "
                        f"overwritten; choose a new --run-dir or remove it"
                    )
                path = requested
            else:
                moment = wall_time().strftime("%Y%m%d-%H%M%S")
                parent = Path(DEFAULT_PARENT)
                parent.mkdir(exist_ok=True)
                path = parent / f"{test}-{engine}-{moment}-{secrets.token_hex(2)}"
                path.mkdir()
            path = path.resolve()
            (path / "nodes").mkdir(mode=0o700)
        except OSError as error:
            raise EngineError(
                f"the run directory cannot be made: {error.strerror}: {error.filename}; "
                f"choose another with --run-dir or free some space"
            ) from error
        return cls(path, is_filled=is_filled)

    @property
    def run_id(self) -> str:
        return self.path.name

    def describe(self, description: RunDescription) -> None:
        self._write("run.json", msgspec.json.format(msgspec.json.encode(description), indent=2))

    def store_plan(self, document: str) -> None:
        self._write("plan.json", document.encode())

    def finish(self, outcome: Outcome) -> None:
        stored = StoredOutcome(
            verdict=outcome.verdict,
            exit_code=outcome.exit_code,
            errors=list(outcome.errors),
            sections=list(outcome.sections),
            phases=list(outcome.phases),
            doing=outcome.doing,
            skipped=outcome.skipped,
            findings=list(outcome.findings),
            measurements=list(outcome.measurements),
        )
        self._write("outcome.json", msgspec.json.format(msgspec.json.encode(stored), indent=2))

    def remove_node_state(self) -> None:
        """Remove what nodes kept besides their logs: configuration directories, keys, runtime configuration.

        Raises EngineError.
        """
        try:
            for node in sorted((self.path / "nodes").iterdir()):
                for entry in sorted(node.iterdir()):
                    if entry.suffix == ".log":  # the daemon's and its companions'
                        continue
                    if entry.is_dir():
                        shutil.rmtree(entry)
                    else:
                        entry.unlink(missing_ok=True)
        except OSError as error:
            raise EngineError(
                f"cannot remove the nodes' state in {self.path}: {error.strerror}: {error.filename}; "
                f"is the directory read-only or gone?"
            ) from error

    def _write(self, name: str, data: bytes) -> None:
        if not self.is_filled:
            return
        target = self.path / name
        partial = target.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                file.write(data + b"\n")
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise EngineError(
                f"cannot write {target}: {error.strerror}; is the disk full or the directory gone?"
            ) from error


def log_files(path: Path) -> dict[NodeId, Path]:
    """The logs of all nodes so far, and of the companions beside them by their own ids (`NODE-worker-1`).

    A node's log is named before its companions', and before it is there.
    """
    logs: dict[NodeId, Path] = {}
    nodes = path / "nodes"
    for node in sorted(nodes.iterdir()) if nodes.is_dir() else ():
        logs[NodeId(node.name)] = node / "daemon.log"
        for log in sorted(node.glob("*.log")):
            if log.name != "daemon.log":
                logs[NodeId(f"{node.name}-{log.stem}")] = log
    return logs


def read_description(path: Path) -> RunDescription:
    """What was run, and how. Raises EngineError if there is no run.json in the directory or it is damaged."""
    try:
        return _read(path / "run.json", RunDescription)
    except OSError as error:
        raise EngineError(
            f"{path / 'run.json'} cannot be read: {error.strerror}; is this the directory of a run?"
        ) from error


def read_outcome(path: Path) -> StoredOutcome | None:
    """The stored verdict, or None for a run that goes on or was killed."""
    try:
        return _read(path / "outcome.json", StoredOutcome)
    except FileNotFoundError:
        return None


def _read(path: Path, kind: type[_Stored]) -> _Stored:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise EngineError(f"{path} is damaged: {error}") from error
