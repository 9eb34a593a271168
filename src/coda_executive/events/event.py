"""The closed union of everything that can be observed of a node.

Daemon events come from log lines (daemon contract C.4); life-cycle events from the manager, which owns the
process: a stop cannot be told over the channel that it closes. Unknown ids, error lines and unreadable lines
are events too, so nothing that a node said is lost on the way to the history.
"""

from dataclasses import dataclass

from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

# ---- from log lines ----


@dataclass(frozen=True, slots=True)
class NodeInitialized:
    """The transition frontier controller started: the node takes part. Again after each bootstrap."""


@dataclass(frozen=True, slots=True)
class BlockProduced:
    """Written by the producing node only."""

    state_hash: StateHash
    parent: StateHash
    height: BlockchainLength
    global_slot: GlobalSlot
    epoch: Epoch
    creator: str
    emitted_proof: bool


@dataclass(frozen=True, slots=True)
class BreadcrumbAdded:
    """A block entered a node's frontier; `transactions` are (hash, status) pairs, status "Applied" or
    "Failed".
    """

    state_hash: StateHash
    transactions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FrontierChanged:
    """Diffs applied to a node's frontier; a member is None or empty when no diff of its kind was in the line."""

    new_node: StateHash | None
    best_tip: StateHash | None
    root: StateHash | None
    garbage: tuple[StateHash, ...]
    emitted_proof: bool


@dataclass(frozen=True, slots=True)
class BestTipFormed:
    """New_best_tip_event; `height` and `global_slot` are those of the last added block."""

    added: tuple[StateHash, ...]
    removed: tuple[StateHash, ...]
    height: BlockchainLength | None
    global_slot: GlobalSlot | None
    reorganized: bool


@dataclass(frozen=True, slots=True)
class BlockReceived:
    state_hash: StateHash
    sender: str


@dataclass(frozen=True, slots=True)
class BlockGossiped:
    """Gossip_new_state: a producer broadcasts its own block."""

    state_hash: StateHash


@dataclass(frozen=True, slots=True)
class SyncStatusChanged:
    """`status` is a value of the GraphQL enum, such as "SYNCED" (daemon contract D.7)."""

    status: str


@dataclass(frozen=True, slots=True)
class FrontierLoading:
    """One step of loading or rebuilding the frontier; `step` is the event's name, such as
    "Persisted_frontier_loaded".
    """

    step: str


@dataclass(frozen=True, slots=True)
class ErrorLogged:
    """A line of level Warn, Error, Faulty_peer or Fatal. `message` has its placeholders filled in, at most
    2,000 characters.
    """

    level: str
    message: str
    event_id: str | None


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """A structured event that nothing here gives a meaning to; `name` is None for an id that the daemon's
    build does not list.
    """

    event_id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that is no JSON log record: text of a child process, a dump, bytes that are no UTF-8. At most
    500 characters.
    """

    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class PlainMessage:
    """A log record without event id, below Warn. Counted by the log engine; published only where a query asks
    for its text.
    """

    message: str


# ---- from the manager ----


@dataclass(frozen=True, slots=True)
class NodeStarted:
    fresh_state: bool


@dataclass(frozen=True, slots=True)
class NodeStopped:
    """It ended because it was asked to; `forced` when it had to be killed for overrunning the limit."""

    exit_code: int | None
    forced: bool


@dataclass(frozen=True, slots=True)
class NodeKilled:
    """Killed by the test, on purpose."""


@dataclass(frozen=True, slots=True)
class NodeCrashed:
    """Its process ended without being asked: exactly one of `exit_code` and `signal` is set; `last_lines` end
    its log.
    """

    exit_code: int | None
    signal: str | None
    last_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodePaused:
    pass


@dataclass(frozen=True, slots=True)
class NodeResumed:
    pass


@dataclass(frozen=True, slots=True)
class CompanionStarted:
    """A process beside the node's daemon, such as a SNARK worker, was started."""

    companion: str


@dataclass(frozen=True, slots=True)
class CompanionStopped:
    """It ended because it was asked to, or was killed with its node; `forced` when it had to be killed."""

    companion: str
    exit_code: int | None
    forced: bool


@dataclass(frozen=True, slots=True)
class CompanionCrashed:
    """It ended without being asked; the rest as in NodeCrashed."""

    companion: str
    exit_code: int | None
    signal: str | None
    last_lines: tuple[str, ...]


DaemonEvent = (
    NodeInitialized
    | BlockProduced
    | BreadcrumbAdded
    | FrontierChanged
    | BestTipFormed
    | BlockReceived
    | BlockGossiped
    | SyncStatusChanged
    | FrontierLoading
    | ErrorLogged
    | OtherEvent
    | UnreadableLine
    | PlainMessage
)
LifecycleEvent = (
    NodeStarted
    | NodeStopped
    | NodeKilled
    | NodeCrashed
    | NodePaused
    | NodeResumed
    | CompanionStarted
    | CompanionStopped
    | CompanionCrashed
)
Event = DaemonEvent | LifecycleEvent
