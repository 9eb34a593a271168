"""What a run directory tells, gathered for reports: one pass over the history, and the small files beside it.

A run that is damaged, was killed or still goes on gives a report as well: what is missing is said in its
`remarks`. Times are nanoseconds since the run began.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import FoundError, SectionRecord, Severity
from coda_executive.errors import EngineError
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    BreadcrumbAdded,
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    FrontierChanged,
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.executive.judgement import judge_run
from coda_executive.executive.outcome import EXIT_CODES, Verdict
from coda_executive.executive.run_directory import (
    RunDescription,
    StoredOutcome,
    read_description,
    read_outcome,
)
from coda_executive.observation.history import (
    ErrorFound,
    EventSeen,
    FaultBegan,
    FaultEnded,
    HistoryReader,
    HistoryRecord,
    Measured,
    SectionBegan,
    SectionEnded,
    WaitBegan,
    WaitEnded,
)
from coda_executive.observation.network_state import NetworkState, NodeState, apply
from coda_executive.validation.finding import Finding
from coda_protocol.hashes import StateHash

_LIFECYCLE = NodeStarted | NodeStopped | NodeKilled | NodeCrashed | NodePaused | NodeResumed | NodeInitialized
_COMPANIONS = CompanionStarted | CompanionStopped | CompanionCrashed
_MOST_SIGHTINGS = 50  # events per node by which the clock of the logs is compared with that of the run


@dataclass(slots=True)
class Wait:
    """One wait. `ended_ns` and `result` are None while it was going on when the history ended."""

    description: str
    soft: str
    hard: str
    soft_seconds: float | None
    hard_seconds: float | None
    section: tuple[str, ...]
    began_ns: int
    ended_ns: int | None = None
    result: str | None = None
    progress: str = ""

    @property
    def taken(self) -> float | None:
        """Seconds."""
        return None if self.ended_ns is None else (self.ended_ns - self.began_ns) / 1e9

    @property
    def used(self) -> float | None:
        """Part of the hard limit that was used: 0.25 is a head-room of three quarters."""
        if self.taken is None or not self.hard_seconds:
            return None
        return self.taken / self.hard_seconds


@dataclass(slots=True)
class Fault:
    number: int
    kind: str
    description: str
    nodes: tuple[NodeId, ...]
    began_ns: int
    ended_ns: int | None = None


@dataclass(slots=True)
class NodeStory:
    """What happened to one node. `heights` are (time, height of its best tip), a pair for each change;
    `blocks` are those that it took into its frontier, in the order of adoption.
    """

    name: NodeId
    role: str = ""
    lifecycle: list[tuple[int, _LIFECYCLE]] = field(default_factory=list)
    companions: list[tuple[int, _COMPANIONS]] = field(default_factory=list)  # what became of those beside it
    heights: list[tuple[int, int]] = field(default_factory=list)
    blocks: dict[StateHash, None] = field(default_factory=dict)
    root: StateHash | None = None
    # Line of its log -> time at which the run heard of it.
    sightings: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Evidence:
    """All that reports show of a run, the logs apart."""

    directory: Path
    run: RunDescription
    verdict: Verdict
    exit_code: int
    doing: str | None
    skipped: str | None
    errors: list[FoundError] = field(default_factory=list)
    sections: list[SectionRecord] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()
    phases: list[tuple[str, float]] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    measurements: list[tuple[int, Measured]] = field(default_factory=list)
    nodes: dict[NodeId, NodeStory] = field(default_factory=dict)
    state: NetworkState = field(default_factory=NetworkState)
    end_ns: int = 0
    remarks: list[str] = field(default_factory=list)

    @property
    def first_cause(self) -> FoundError | None:
        """The earliest error that counts against the run."""
        counted = [error for error in self.errors if error.severity is not Severity.WARNING]
        return min(counted, key=lambda error: error.time_ns, default=None)

    def node_state(self, name: NodeId) -> NodeState:
        return self.state.node(name)


def read_evidence(directory: Path) -> Evidence:
    """Read a run directory. Raises EngineError if there is no run.json in it or it is damaged."""
    run = read_description(directory)
    remarks: list[str] = []
    roles = _roles(directory, remarks)
    fold = _Fold(roles)
    fold.take_all(directory, remarks)
    evidence = Evidence(directory, run, Verdict.INCONCLUSIVE, 0, None, None, remarks=remarks)
    outcome = _stored_outcome(directory, remarks)
    if outcome is None:
        _judge_again(evidence, fold)
    else:
        evidence.verdict = outcome.verdict
        evidence.doing, evidence.skipped = outcome.doing, outcome.skipped
        evidence.errors, evidence.sections = outcome.errors, outcome.sections
        evidence.findings = tuple(outcome.findings)
        evidence.phases = [(phase.phase, phase.seconds) for phase in outcome.phases]
    evidence.exit_code = EXIT_CODES[evidence.verdict]
    evidence.waits, evidence.faults, evidence.measurements = fold.waits, fold.faults, fold.measurements
    evidence.nodes, evidence.state, evidence.end_ns = fold.nodes, fold.state, fold.end_ns
    return evidence


def _stored_outcome(directory: Path, remarks: list[str]) -> StoredOutcome | None:
    try:
        outcome = read_outcome(directory)
    except EngineError as error:
        remarks.append(str(error))
        return None
    if outcome is None:
        remarks.append("There is no outcome.json: the run goes on, or was killed.")
    return outcome


def _judge_again(evidence: Evidence, fold: "_Fold") -> None:
    """Take from the history what the outcome would have told."""
    evidence.errors, evidence.sections = fold.errors, list(fold.sections.values())
    try:
        judgement = judge_run(evidence.directory)
    except EngineError:
        return  # the history is damaged or missing, which was already remarked
    evidence.verdict, evidence.findings = judgement.verdict, judgement.findings
    if judgement.remark is not None:
        evidence.remarks.append(judgement.remark)


def _roles(directory: Path, remarks: list[str]) -> dict[NodeId, str]:
    path = directory / "plan.json"
    try:
        plan: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return {NodeId(name): str(node["role"]) for name, node in plan["nodes"].items()}
    except FileNotFoundError:
        remarks.append("There is no plan.json: the run ended before its network was planned.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remarks.append(f"plan.json cannot be read: {error}")
    return {}


class _Fold:
    """Reads the history once and keeps what reports need of it."""

    def __init__(self, roles: dict[NodeId, str]) -> None:
        self.nodes = {name: NodeStory(name, role) for name, role in roles.items()}
        self.waits: list[Wait] = []
        self.faults: list[Fault] = []
        self.measurements: list[tuple[int, Measured]] = []
        self.errors: list[FoundError] = []
        self.sections: dict[tuple[tuple[str, ...], int], SectionRecord] = {}
        self.state = NetworkState()
        self.end_ns = 0
        self._open_waits: dict[str, list[Wait]] = defaultdict(list)
        self._open_sections: list[SectionRecord] = []

    def take_all(self, directory: Path, remarks: list[str]) -> None:
        reader = HistoryReader(directory / "history")
        try:
            for entry in reader:
                self.end_ns = max(self.end_ns, entry.time_ns)
                self._take(entry.time_ns, entry.record)
        except EngineError as error:
            remarks.append(f"The history is not whole: {error}")
        if reader.torn is not None:
            remarks.append("The last line of the history is torn: the run was killed while writing it.")

    def _take(self, now: int, record: HistoryRecord) -> None:
        match record:
            case EventSeen():
                self._see(now, record)
            case SectionBegan(path=path):
                section = SectionRecord(path, now)
                self.sections[path, now] = section
                self._open_sections.append(section)
            case SectionEnded(path=path):
                self._end_section(now, path)
            case WaitBegan():
                where = record.section
                if where is None:
                    where = self._open_sections[-1].path if self._open_sections else ()
                wait = Wait(
                    record.description,
                    record.soft,
                    record.hard,
                    record.soft_seconds,
                    record.hard_seconds,
                    where,
                    now,
                )
                self.waits.append(wait)
                self._open_waits[record.description].append(wait)
            case WaitEnded(description=description):
                if waits := self._open_waits[description]:
                    wait = waits.pop(0)
                    wait.ended_ns, wait.result, wait.progress = now, record.result, record.progress
            case FaultBegan():
                self.faults.append(Fault(record.number, record.fault, record.description, record.nodes, now))
            case FaultEnded(number=number):
                for fault in self.faults:
                    if fault.number == number and fault.ended_ns is None:
                        fault.ended_ns = now
            case Measured():
                self.measurements.append((now, record))
            case ErrorFound():
                self.errors.append(
                    FoundError(Severity(record.severity), record.error, record.message, record.section, now)
                )
                for section in self._open_sections:
                    if record.severity != Severity.WARNING:
                        section.passed = False
            case _:
                pass

    def _end_section(self, now: int, path: tuple[str, ...]) -> None:
        for section in reversed(self._open_sections):
            if section.path == path:
                section.ended_ns = now
                section.passed = section.passed is None
                self._open_sections.remove(section)
                return

    def _see(self, now: int, seen: EventSeen) -> None:
        story = self.nodes.setdefault(seen.node, NodeStory(seen.node))
        event = seen.event
        self.state = apply(self.state, seen.node, event, time_ns=now, times=seen.times)
        if seen.line is not None and seen.times == 1 and len(story.sightings) < _MOST_SIGHTINGS:
            story.sightings[seen.line] = now
        match event:
            case BlockProduced(state_hash=block) | BreadcrumbAdded(state_hash=block):
                story.blocks[block] = None
            case FrontierChanged():
                if event.new_node is not None:
                    story.blocks[event.new_node] = None
                story.root = event.root or story.root
            case BestTipFormed():
                story.blocks.update(dict.fromkeys(event.added))
            case NodeStarted(fresh_state=True):
                story.blocks.clear()
                story.root = None
        if isinstance(event, _COMPANIONS):
            story.companions.append((now, event))
        if isinstance(event, _LIFECYCLE):
            story.lifecycle.append((now, event))
        height = self.state.node(seen.node).height
        if height is not None and (not story.heights or story.heights[-1][1] != height):
            story.heights.append((now, int(height)))
