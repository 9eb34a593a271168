"""What a validator says in the end: one of four words, a sentence, and for a violation its smallest witness."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    BreadcrumbAdded,
    CompanionCrashed,
    Event,
    FrontierChanged,
    FrontierLoading,
    NodeCrashed,
    NodeStarted,
    SyncStatusChanged,
)
from coda_executive.observation.history import CrashExpected, FaultBegan, FaultEnded, GenesisSet

Declaration = CrashExpected | FaultBegan | FaultEnded | GenesisSet


class Validity(StrEnum):
    """VACUOUS is VALID that had no chance to fail. UNKNOWN neither passes a run nor hides other findings."""

    VALID = "valid"
    VACUOUS = "vacuous"
    UNKNOWN = "unknown"
    INVALID = "invalid"


_WORST_FIRST = (Validity.INVALID, Validity.UNKNOWN, Validity.VALID, Validity.VACUOUS)


def worst(validities: Iterable[Validity]) -> Validity:
    """The worst of several; of none, VACUOUS."""
    found = set(validities)
    return next((validity for validity in _WORST_FIRST if validity in found), Validity.VACUOUS)


class Sighting(msgspec.Struct, gc=False):
    """One observation of a node, or a declaration of the test, `time_ns` nanoseconds after the run began.

    `line` leads to the node's log. A fault has no node of its own: `node` is then the nemesis.
    """

    time_ns: int
    node: NodeId
    event: Event | Declaration
    line: int | None = None

    def __str__(self) -> str:
        where = f" daemon.log:{self.line}" if self.line is not None else ""
        return f"{self.time_ns / 1e9:.3f} s {self.node}{where} {_in_words(self.event)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A validator's answer. `chances` counts the moments at which it could have failed, `violations` those
    at which it did; `witness` shows the first of them, oldest event first.
    """

    validator: str
    validity: Validity
    sentence: str
    chances: int = 0
    violations: int = 0
    witness: tuple[str, ...] = ()


def _in_words(event: Event | Declaration) -> str:
    match event:
        case BlockProduced():
            return (
                f"produced {event.state_hash}: slot {event.global_slot}, height {event.height}, "
                f"on {event.parent}, by {event.creator}"
            )
        case FrontierChanged():
            parts = [f"best tip {event.best_tip}"] if event.best_tip else []
            parts += [f"root {event.root}"] if event.root else []
            return f"changed its frontier: {', '.join(parts) or 'no new tip'}"
        case BestTipFormed():
            return f"formed the best tip {event.added[-1] if event.added else '?'}"
        case BreadcrumbAdded():
            commands = ", ".join(f"{name} {status}" for name, status in event.transactions)
            return f"added {event.state_hash} with {commands or 'no commands'}"
        case NodeStarted():
            return "was started" + (" with fresh state" if event.fresh_state else "")
        case NodeCrashed():
            return f"crashed ({event.signal or f'exit code {event.exit_code}'})"
        case CompanionCrashed():
            return f"lost {event.companion} ({event.signal or f'exit code {event.exit_code}'})"
        case SyncStatusChanged():
            return f"became {event.status}"
        case FrontierLoading():
            return event.step
        case FaultBegan():
            return f"fault {event.number} began: {event.description}"
        case FaultEnded():
            return f"fault {event.number} ended"
        case _:
            return type(event).__name__
