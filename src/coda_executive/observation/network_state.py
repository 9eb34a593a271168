"""The state of the network, folded from observations: per node, and the blocks seen. Totals are derived.
Pure.

Applying an observation costs the same however long the run is.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BestTipFormed,
    BlockGossiped,
    BlockProduced,
    BlockReceived,
    BreadcrumbAdded,
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    ErrorLogged,
    Event,
    FrontierChanged,
    FrontierLoading,
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
    OtherEvent,
    PlainMessage,
    SnarkWorkGossiped,
    SyncStatusChanged,
    TransactionsGossiped,
    UnreadableLine,
)
from coda_executive.events.log_ending import readable_ending
from coda_executive.observation.block_log import BlockLog, SeenBlock
from coda_executive.observation.event_log import EventLog
from coda_executive.observation.history import EventSeen
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength

_MOST_DISTINCT_ERRORS = 200  # kept per node; others are only counted


class Condition(StrEnum):
    """What is known of a node's process. Not started is one of which the manager said nothing yet."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    KILLED = "killed"
    CRASHED = "crashed"


# Of most lines: that they came is all that they tell of a node.
_WITHOUT_EFFECT = frozenset((BreadcrumbAdded, BlockReceived, OtherEvent, BlockGossiped, PlainMessage))
_ENDED = frozenset((Condition.STOPPED, Condition.KILLED, Condition.CRASHED))


class NodeState(msgspec.Struct, frozen=True):
    """One node. Times are nanoseconds since the run began.

    `best_tip` and its `height` are the last ones seen since the node's last start, and stay when it ends; the
    height is None until a line has told it. `errors` counts equal lines of level Warn and above;
    `errors_not_kept` those that came when it was full. `lost_companions` are the processes beside it that
    crashed and were not started again.
    """

    condition: Condition = Condition.NOT_STARTED
    crash: NodeCrashed | None = None
    lost_companions: Mapping[str, CompanionCrashed] = msgspec.field(default_factory=dict)
    initialized: bool = False
    best_tip: StateHash | None = None
    height: BlockchainLength | None = None
    sync_status: str | None = None
    blocks_produced: int = 0
    last_event_ns: int | None = None
    errors: Mapping[ErrorLogged, int] = msgspec.field(default_factory=dict)
    errors_not_kept: int = 0
    unreadable_lines: int = 0

    @property
    def started(self) -> bool:
        """Whether its process was ever started."""
        return self.condition is not Condition.NOT_STARTED

    @property
    def running(self) -> bool:
        """Whether its process exists, paused or not."""
        return self.condition in (Condition.RUNNING, Condition.PAUSED)

    @property
    def takes_part(self) -> bool:
        """Whether it can act: its process exists and is not paused."""
        return self.condition is Condition.RUNNING

    @property
    def why_not_running(self) -> str:
        """Its condition in words, with the last lines of a crashed node."""
        if self.crash is None:
            return self.condition.value
        ended = self.crash.signal or f"exit code {self.crash.exit_code}"
        last = "".join(f"\n  {line}" for line in readable_ending(self.crash.last_lines))
        return f"crashed ({ended})" + (f"; the end of its log:{last}" if last else "; its log is empty")

    @property
    def summary(self) -> str:
        """Its condition in a few words, such as "running, initialised, SYNCED, height 7"."""
        parts: list[str] = [self.condition.value]
        if self.crash is not None:
            parts.append(self.crash.signal or f"exit code {self.crash.exit_code}")
        if self.running:
            parts.append("initialised" if self.initialized else "not initialised")
        if self.sync_status is not None:
            parts.append(self.sync_status)
        if self.height is not None:
            parts.append(f"height {self.height}")
        parts += [f"{companion} crashed" for companion in self.lost_companions]
        return ", ".join(parts)


_UNKNOWN = NodeState()


class NetworkState(msgspec.Struct, frozen=True):
    """All nodes, in the order in which they were first seen, all blocks seen, and the latest events.

    `time_ns`, since the run began, is when the network was in this state: that of the last event, or later.
    """

    nodes: Mapping[NodeId, NodeState] = msgspec.field(default_factory=dict)
    blocks: BlockLog = msgspec.field(default_factory=BlockLog)
    events: EventLog = msgspec.field(default_factory=EventLog)
    time_ns: int = 0

    @property
    def names(self) -> tuple[NodeId, ...]:
        return tuple(self.nodes)

    def node(self, name: NodeId) -> NodeState:
        """A node's state; one that nothing was seen of is not started."""
        return self.nodes.get(name, _UNKNOWN)

    @property
    def best_height(self) -> BlockchainLength:
        """The greatest height among the nodes' best tips; 0 while none is known."""
        return max(
            (node.height or BlockchainLength(0) for node in self.nodes.values()), default=BlockchainLength(0)
        )

    @property
    def blocks_produced(self) -> int:
        return sum(node.blocks_produced for node in self.nodes.values())


def apply(state: NetworkState, name: NodeId, event: Event, *, time_ns: int, times: int = 1) -> NetworkState:
    """The state after one more observation, or after `times` equal ones of which this is the last."""
    return apply_all(state, ((time_ns, (EventSeen(name, event, times=times),)),))


def apply_all(state: NetworkState, batches: Sequence[tuple[int, Sequence[EventSeen]]]) -> NetworkState:
    """The state after several observations, those of one time together, which is in nanoseconds since the run began."""
    # A network has tens of nodes: copying the table is cheap, and does not grow with the run.
    nodes = {**state.nodes}
    blocks, time_ns = state.blocks, state.time_ns
    latest: dict[NodeId, int] = {}
    for time_ns, seen in ((time_ns, one) for time_ns, batch in batches for one in batch):
        name, event = seen.node, seen.event
        latest[name] = time_ns
        if type(event) in _WITHOUT_EFFECT and name in nodes:
            continue
        if type(event) is BlockProduced:
            blocks = blocks.append(_seen(name, event, time_ns))
            _tell_height(nodes, event)
        before = nodes.get(name)
        after = _apply_to_node(before or _UNKNOWN, blocks, event, seen.times)
        if after is not before:
            nodes[name] = after
    for name, last_event_ns in latest.items():
        nodes[name] = replace(nodes[name], last_event_ns=last_event_ns)
    return NetworkState(nodes, blocks, state.events.extended(batches), time_ns)


def _apply_to_node(node: NodeState, blocks: BlockLog, event: Event, times: int) -> NodeState:
    match event:
        case BreadcrumbAdded() | BlockReceived() | OtherEvent() | BlockGossiped() | PlainMessage():
            return node
        case NodeInitialized():
            # The last lines of a process may be read after its end was told.
            return node if node.condition in _ENDED else replace(node, initialized=True)
        case BlockProduced():
            return replace(node, blocks_produced=node.blocks_produced + times)
        case FrontierChanged():
            if event.best_tip is None or event.best_tip == node.best_tip:
                return node
            block = blocks.find(event.best_tip)
            return replace(node, best_tip=event.best_tip, height=None if block is None else block.height)
        case BestTipFormed():
            if not event.added or (event.added[-1] == node.best_tip and event.height == node.height):
                return node
            return replace(node, best_tip=event.added[-1], height=event.height)
        case SyncStatusChanged():
            return node if node.condition in _ENDED else replace(node, sync_status=event.status)
        case FrontierLoading():
            if event.step != "Starting_bootstrap_controller":
                return node
            # It has no frontier again and takes no part until the next NodeInitialized (daemon contract C.5).
            return replace(node, initialized=False)
        case ErrorLogged():
            return _count_error(node, event, times)
        case UnreadableLine():
            return replace(node, unreadable_lines=node.unreadable_lines + times)
        case NodeStarted():
            return replace(
                node,
                condition=Condition.RUNNING,
                crash=None,
                initialized=False,
                best_tip=None,
                height=None,
                sync_status=None,
            )
        case NodeStopped():
            return replace(node, condition=Condition.STOPPED, initialized=False, sync_status=None)
        case NodeKilled():
            return replace(node, condition=Condition.KILLED, initialized=False, sync_status=None)
        case NodeCrashed():
            return replace(
                node, condition=Condition.CRASHED, crash=event, initialized=False, sync_status=None
            )
        case NodePaused():
            return replace(node, condition=Condition.PAUSED)
        case NodeResumed():
            return replace(node, condition=Condition.RUNNING)
        case CompanionCrashed():
            return replace(node, lost_companions={**node.lost_companions, event.companion: event})
        case CompanionStarted():
            lost = {name: crash for name, crash in node.lost_companions.items() if name != event.companion}
            return replace(node, lost_companions=lost)
        case CompanionStopped():
            return node
        case TransactionsGossiped() | SnarkWorkGossiped():
            return node
        case _:
            assert_never(event)


def _count_error(node: NodeState, error: ErrorLogged, times: int) -> NodeState:
    known = node.errors.get(error, 0)
    if not known and len(node.errors) >= _MOST_DISTINCT_ERRORS:
        return replace(node, errors_not_kept=node.errors_not_kept + times)
    return replace(node, errors={**node.errors, error: known + times})


def _seen(node: NodeId, event: BlockProduced, time_ns: int) -> SeenBlock:
    return SeenBlock(
        state_hash=event.state_hash,
        parent=event.parent,
        height=event.height,
        global_slot=event.global_slot,
        epoch=event.epoch,
        creator=event.creator,
        emitted_proof=event.emitted_proof,
        producer=node,
        time_ns=time_ns,
    )


def _tell_height(nodes: dict[NodeId, NodeState], block: BlockProduced) -> None:
    """Complete the nodes that hold a block whose producer's line is read only now."""
    for name, node in nodes.items():
        if node.height is None and node.best_tip == block.state_hash:
            nodes[name] = replace(node, height=block.height)
