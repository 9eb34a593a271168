"""Run directories as runs leave them, made of a history that a test writes down."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from coda_executive.config.node_id import NodeId
from coda_executive.dsl.sections import FoundError, SectionRecord, Severity
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    BreadcrumbAdded,
    NodeCrashed,
    NodeInitialized,
    NodeStarted,
    NodeStopped,
)
from coda_executive.executive.outcome import Outcome, PhaseTime, Verdict
from coda_executive.executive.run_directory import RunDescription, RunDirectory
from coda_executive.observation.history import (
    ErrorFound,
    EventSeen,
    FaultBegan,
    FaultEnded,
    HistoryRecord,
    HistoryWriter,
    Measured,
    RunEnded,
    SectionBegan,
    SectionEnded,
    ValidationBegan,
    WaitBegan,
    WaitEnded,
)
from coda_executive.validation.finding import Finding, Validity
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

ONE, TWO = NodeId("block-producer-1"), NodeId("block-producer-2")
CRASH = "block-producer-2 crashed: exit code 1\nwhile waiting for 2 blocks to be produced"
ERRORS = (
    FoundError(Severity.WARNING, "SlowWait", "slow", (), 500_000_000),
    FoundError(Severity.HARD, "CrashedNode", CRASH, ("blocks",), 4_000_000_000),
    FoundError(Severity.SOFT, "LogLine", "a line", (), 3_000_000_000),
)


def block(name: str, parent: str, height: int) -> BlockProduced:
    return BlockProduced(
        StateHash(name),
        StateHash(parent),
        BlockchainLength(height),
        GlobalSlot(height),
        Epoch(0),
        "B62q",
        True,
    )


def tip(name: str, height: int) -> BestTipFormed:
    return BestTipFormed((StateHash(name),), (), BlockchainLength(height), GlobalSlot(height), False)


# Seconds and what was recorded then: a fork, a fault, and a crash that nobody expected.
STORY: tuple[tuple[float, HistoryRecord], ...] = (
    (0.0, SectionBegan(("blocks",), hard=True)),
    (0.0, EventSeen(ONE, NodeStarted(fresh_state=False))),
    (0.0, EventSeen(TWO, NodeStarted(fresh_state=False))),
    (0.0, WaitBegan("2 nodes to initialise", "2 slots", "4 slots", 4.0, 8.0)),
    (1.0, EventSeen(ONE, NodeInitialized(), line=1, offset=0)),
    (2.0, EventSeen(TWO, NodeInitialized(), line=1, offset=0)),
    (2.0, WaitEnded("2 nodes to initialise", "reached", "1 of 2 nodes")),
    (2.0, WaitBegan("2 blocks to be produced", "5 slots", "9 slots", 10.0, 18.0)),
    (2.5, EventSeen(ONE, block("3Na", "3Ngenesis", 2))),
    (2.5, EventSeen(ONE, tip("3Na", 2))),
    (2.6, EventSeen(TWO, block("3Nb", "3Ngenesis", 2))),
    (2.7, EventSeen(TWO, BreadcrumbAdded(StateHash("3Na"), ()))),
    (3.0, FaultBegan(1, "Pause", "Pause(target='one')", (TWO,))),
    (3.5, FaultEnded(1, "Pause")),
    (3.6, Measured("blocks per slot", 0.75, "blocks")),
    (4.0, EventSeen(TWO, NodeCrashed(1, None, ("the end",)))),
    (4.0, WaitEnded("2 blocks to be produced", "CrashedNode", "1 of 2 blocks")),
    (4.0, SectionEnded(("blocks",))),
    (4.0, ErrorFound("hard", "CrashedNode", CRASH, ("blocks",))),
    (4.5, EventSeen(ONE, NodeStopped(0, forced=False))),
    (4.5, ValidationBegan()),
    (4.5, RunEnded(interrupted=False, infrastructure_failed=False, bad_usage=False)),
)
LOGS = {ONE: ("first", "second"), TWO: ("other",)}


def make_run(
    directory: Path,
    *,
    story: Sequence[tuple[float, HistoryRecord]] = STORY,
    logs: Mapping[NodeId, Sequence[str]] = LOGS,
    verdict: Verdict | None = Verdict.FAILED,
    errors: tuple[FoundError, ...] = ERRORS,
    skipped: str | None = None,
    doing: str | None = None,
) -> Path:
    """A run of the test `two-blocks`; without a verdict, one that was killed."""
    run = RunDirectory.create("two-blocks", "simulation", directory)
    run.describe(_description(directory.name))
    run.store_plan(json.dumps(_PLAN))
    with HistoryWriter(directory / "history") as history:
        for seconds, record in story:
            history.extend(round(seconds * 1e9), (record,))
    for node, messages in logs.items():
        (directory / "nodes" / node).mkdir()
        text = "".join(log_line(message, second) for second, message in enumerate(messages, start=1))
        (directory / "nodes" / node / "daemon.log").write_text(text)
    if verdict is not None:
        sections = (SectionRecord(("blocks",), 0, 4_000_000_000, passed=verdict is Verdict.PASSED),)
        findings = (Finding("crashes", Validity.INVALID, "a node crashed", 2, 1, ("4.000 s it crashed",)),)
        phases = (PhaseTime("run", 4.0), PhaseTime("drain", 0.5))
        run.finish(Outcome(verdict, errors, sections, phases, doing, skipped, findings=findings))
    return directory


def log_line(message: str, second: float, *, level: str = "Info") -> str:
    record = {
        "timestamp": f"2030-01-01 00:00:{second:09.6f}Z",
        "level": level,
        "source": {"module": "Mina_lib", "location": "x"},
        "message": message,
        "metadata": {},
    }
    return json.dumps(record) + "\n"


def _description(run_id: str) -> RunDescription:
    return RunDescription(
        run_id=run_id,
        test="two-blocks",
        engine="simulation",
        daemon=None,
        seed=7,
        options={"latency": 0.05},
        command=("coda-executive", "run", "two blocks", "--seed", "7"),
        started="2030-01-01T00:00:00+00:00",
        version="0.1.0",
        python="3.11.7",
    )


_PLAN = {
    "constants": {"k": 4, "slots_per_epoch": 480, "slot_ms": 2000},
    "nodes": {name: {"role": "block producer", "stake_share": 0.5} for name in (ONE, TWO)},
}
