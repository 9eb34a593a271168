"""The closed union of everything that can be observed of a node.

Daemon events come from log lines (daemon contract C.4); life-cycle events from the manager, which owns the
process: a stop cannot be told over the channel that it closes. Unknown ids, error lines and unreadable lines
are events too, so nothing that a node said is lost on the way to the history.

Structs rather than dataclasses: a run makes millions, and a frozen dataclass takes five times as long.
"""

import msgspec

from coda_protocol.currency import Fee
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

# ---- from log lines ----


class NodeInitialized(msgspec.Struct, frozen=True, gc=False):
    """The transition frontier controller started: the node takes part. Again after each bootstrap."""


class WindowDensity(msgspec.Struct, frozen=True, gc=False):
    """`sub_windows` in blocks, a ring indexed by sub-window number; `minimum` in blocks a window."""

    minimum: int
    sub_windows: tuple[int, ...]


class BlockProduced(msgspec.Struct, frozen=True, gc=False):
    """Written by the producing node only. `density` is None from a build that does not tell it."""

    state_hash: StateHash
    parent: StateHash
    height: BlockchainLength
    global_slot: GlobalSlot
    epoch: Epoch
    creator: str
    emitted_proof: bool
    density: WindowDensity | None = None


class BreadcrumbAdded(msgspec.Struct, frozen=True, gc=False):
    """A block entered a node's frontier; `transactions` are (hash, status) pairs, status "Applied" or
    "Failed".
    """

    state_hash: StateHash
    transactions: tuple[tuple[str, str], ...]


class FrontierChanged(msgspec.Struct, frozen=True, gc=False):
    """Diffs applied to a node's frontier; a member is None or empty when no diff of its kind was in the line."""

    new_node: StateHash | None
    best_tip: StateHash | None
    root: StateHash | None
    garbage: tuple[StateHash, ...]
    emitted_proof: bool


class BestTipFormed(msgspec.Struct, frozen=True, gc=False):
    """New_best_tip_event; `height` and `global_slot` are those of the last added block."""

    added: tuple[StateHash, ...]
    removed: tuple[StateHash, ...]
    height: BlockchainLength | None
    global_slot: GlobalSlot | None
    reorganized: bool


class BlockReceived(msgspec.Struct, frozen=True, gc=False):
    state_hash: StateHash
    sender: str


class BlockGossiped(msgspec.Struct, frozen=True, gc=False):
    """Gossip_new_state: a producer broadcasts its own block."""

    state_hash: StateHash


class TransactionsGossiped(msgspec.Struct, frozen=True, gc=False):
    """Commands of pool gossip, as (fee payer, nonce): `sent` by this node, its own or passed on, or received."""

    commands: tuple[tuple[str, int], ...]
    sent: bool


class SnarkWorkGossiped(msgspec.Struct, frozen=True, gc=False):
    """An offer of SNARK work, `fee` in nanomina: `sent` by this node, or received."""

    work_ids: tuple[int, ...]
    fee: Fee
    prover: str
    sent: bool


class SyncStatusChanged(msgspec.Struct, frozen=True, gc=False):
    """`status` is a value of the GraphQL enum, such as "SYNCED" (daemon contract D.7)."""

    status: str


class FrontierLoading(msgspec.Struct, frozen=True, gc=False):
    """One step of loading or rebuilding the frontier; `step` is the event's name, such as
    "Persisted_frontier_loaded".
    """

    step: str


class ErrorLogged(msgspec.Struct, frozen=True, gc=False):
    """A line of level Warn, Error, Faulty_peer or Fatal. `message` has its placeholders filled in, at most
    2,000 characters.
    """

    level: str
    message: str
    event_id: str | None


class OtherEvent(msgspec.Struct, frozen=True, gc=False):
    """A structured event that nothing here gives a meaning to; `name` is None for an id that the daemon's
    build does not list.
    """

    event_id: str
    name: str | None


class UnreadableLine(msgspec.Struct, frozen=True, gc=False):
    """A line that is no JSON log record: text of a child process, a dump, bytes that are no UTF-8. At most
    500 characters.
    """

    text: str
    problem: str


class PlainMessage(msgspec.Struct, frozen=True, gc=False):
    """A log record without event id, below Warn. Counted by the log engine; published only where a query asks
    for its text.
    """

    message: str


# ---- from the manager ----


class NodeStarted(msgspec.Struct, frozen=True, gc=False):
    fresh_state: bool


class NodeStopped(msgspec.Struct, frozen=True, gc=False):
    """It ended because it was asked to; `forced` when it had to be killed for overrunning the limit."""

    exit_code: int | None
    forced: bool


class NodeKilled(msgspec.Struct, frozen=True, gc=False):
    """Killed by the test, on purpose."""


class NodeCrashed(msgspec.Struct, frozen=True, gc=False):
    """Its process ended without being asked: exactly one of `exit_code` and `signal` is set; `last_lines` end
    its log.
    """

    exit_code: int | None
    signal: str | None
    last_lines: tuple[str, ...]


class NodePaused(msgspec.Struct, frozen=True, gc=False):
    pass


class NodeResumed(msgspec.Struct, frozen=True, gc=False):
    pass


class CompanionStarted(msgspec.Struct, frozen=True, gc=False):
    """A process beside the node's daemon, such as a SNARK worker, was started."""

    companion: str


class CompanionStopped(msgspec.Struct, frozen=True, gc=False):
    """It ended because it was asked to, or was killed with its node; `forced` when it had to be killed."""

    companion: str
    exit_code: int | None
    forced: bool


class CompanionCrashed(msgspec.Struct, frozen=True, gc=False):
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
    | TransactionsGossiped
    | SnarkWorkGossiped
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
