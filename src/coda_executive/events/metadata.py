"""The metadata of known structured events: which event each becomes (daemon contract C.3, C.4).

Only what an event needs is decoded. Numbers may be JSON integers or decimal text. A reader raises ValueError
that names the field; what else the metadata hold is ignored, so that newer builds can be read.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec

from coda_executive.events.event import (
    BestTipFormed,
    BlockGossiped,
    BlockProduced,
    BlockReceived,
    BreadcrumbAdded,
    DaemonEvent,
    FrontierChanged,
    FrontierLoading,
    NodeInitialized,
    SnarkWorkGossiped,
    SyncStatusChanged,
    TransactionsGossiped,
    WindowDensity,
)
from coda_protocol.currency import Fee
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

_Natural = Annotated[int, msgspec.Meta(ge=0)]
Reader = Callable[[msgspec.Raw], DaemonEvent]


class _HardForkSlot(msgspec.Struct, frozen=True):
    slot_number: _Natural


class ConsensusState(msgspec.Struct, frozen=True):
    blockchain_length: _Natural
    epoch_count: _Natural
    block_creator: str
    min_window_density: _Natural | None = None
    sub_window_densities: tuple[_Natural, ...] = ()
    global_slot_since_genesis: _Natural | None = None
    curr_global_slot_since_hard_fork: _HardForkSlot | None = None
    curr_global_slot: _HardForkSlot | None = None  # its name before Berkeley

    @property
    def global_slot(self) -> GlobalSlot:
        if self.global_slot_since_genesis is not None:
            return GlobalSlot(self.global_slot_since_genesis)
        # Without hard forks, as in 2020, both count alike.
        since_fork = self.curr_global_slot_since_hard_fork or self.curr_global_slot
        if since_fork is None:
            raise ValueError("Object missing required field `global_slot_since_genesis` of consensus_state")
        return GlobalSlot(since_fork.slot_number)

    @property
    def slots_since_fork(self) -> int:
        """Since the latest hard fork; without one, since genesis."""
        since_fork = self.curr_global_slot_since_hard_fork or self.curr_global_slot
        return self.global_slot if since_fork is None else since_fork.slot_number

    @property
    def density(self) -> WindowDensity | None:
        if self.min_window_density is None or not self.sub_window_densities:
            return None
        return WindowDensity(self.min_window_density, self.sub_window_densities)


class _Body(msgspec.Struct, frozen=True):
    consensus_state: ConsensusState


class _ProtocolState(msgspec.Struct, frozen=True):
    previous_state_hash: str
    body: _Body


class _TransitionData(msgspec.Struct, frozen=True):
    protocol_state: _ProtocolState


class _Hashes(msgspec.Struct, frozen=True):
    state_hash: str


class _ValidatedTransition(msgspec.Struct, frozen=True):
    data: _TransitionData
    hash: _Hashes | str  # a plain text before Berkeley


class _Breadcrumb(msgspec.Struct, frozen=True):
    validated_transition: _ValidatedTransition
    just_emitted_a_proof: bool


class _BlockProducedFields(msgspec.Struct, frozen=True):
    breadcrumb: _Breadcrumb


def _read_block_produced(metadata: msgspec.Raw) -> DaemonEvent:
    breadcrumb = _block_produced.decode(metadata).breadcrumb
    transition = breadcrumb.validated_transition
    state = transition.data.protocol_state
    consensus = state.body.consensus_state
    name = transition.hash if isinstance(transition.hash, str) else transition.hash.state_hash
    return BlockProduced(
        state_hash=StateHash(name),
        parent=StateHash(state.previous_state_hash),
        height=BlockchainLength(consensus.blockchain_length),
        global_slot=consensus.global_slot,
        epoch=Epoch(consensus.epoch_count),
        creator=consensus.block_creator,
        emitted_proof=breadcrumb.just_emitted_a_proof,
        density=consensus.density,
    )


class _TransactionWithStatus(msgspec.Struct, frozen=True):
    data: str
    status: list[Any]  # the constructor's name, then its arguments


class _BreadcrumbAddedFields(msgspec.Struct, frozen=True):
    state_hash: str
    user_commands: list[_TransactionWithStatus]


def _read_breadcrumb_added(metadata: msgspec.Raw) -> DaemonEvent:
    fields = _breadcrumb_added.decode(metadata)
    transactions = []
    for index, command in enumerate(fields.user_commands):
        if not command.status or not isinstance(command.status[0], str):
            raise ValueError(f"Expected `[name, …]` - at `$.user_commands[{index}].status`")
        transactions.append((command.data, command.status[0]))
    return BreadcrumbAdded(StateHash(fields.state_hash), tuple(transactions))


class _RootTransitioned(msgspec.Struct, frozen=True):
    new_root: str
    just_emitted_a_proof: bool
    garbage: tuple[str, ...] = ()


class _Diff(msgspec.Struct, frozen=True):
    """One of them, by the contract; the keys are such as `New_node`."""

    new_node: str | None = msgspec.field(default=None, name="New_node")
    best_tip_changed: str | None = msgspec.field(default=None, name="Best_tip_changed")
    root_transitioned: _RootTransitioned | None = msgspec.field(default=None, name="Root_transitioned")


class _ApplyingDiffsFields(msgspec.Struct, frozen=True):
    diffs: list[_Diff]


def _read_applying_diffs(metadata: msgspec.Raw) -> DaemonEvent:
    new_node: str | None = None
    best_tip: str | None = None
    root: _RootTransitioned | None = None
    for diff in _applying_diffs.decode(metadata).diffs:
        new_node = diff.new_node or new_node
        best_tip = diff.best_tip_changed or best_tip
        root = diff.root_transitioned or root
    return FrontierChanged(
        new_node=None if new_node is None else StateHash(new_node),
        best_tip=None if best_tip is None else StateHash(best_tip),
        root=None if root is None else StateHash(root.new_root),
        garbage=() if root is None else tuple(StateHash(name) for name in root.garbage),
        emitted_proof=root is not None and root.just_emitted_a_proof,
    )


class _Transition(msgspec.Struct, frozen=True):
    state_hash: str
    protocol_state: _ProtocolState


class _NewBestTipFields(msgspec.Struct, frozen=True):
    added_transitions: list[_Transition]
    removed_transitions: list[_Hashes]
    reorg_best_tip: bool


def _read_new_best_tip(metadata: msgspec.Raw) -> DaemonEvent:
    fields = _new_best_tip.decode(metadata)
    added = fields.added_transitions
    tip = added[-1].protocol_state.body.consensus_state if added else None
    return BestTipFormed(
        added=tuple(StateHash(transition.state_hash) for transition in added),
        removed=tuple(StateHash(transition.state_hash) for transition in fields.removed_transitions),
        height=None if tip is None else BlockchainLength(tip.blockchain_length),
        global_slot=None if tip is None else tip.global_slot,
        reorganized=fields.reorg_best_tip,
    )


class _RemotePeer(msgspec.Struct, frozen=True):
    peer_id: str


class _RemoteSender(msgspec.Struct, frozen=True):
    remote: _RemotePeer = msgspec.field(name="Remote")


class _BlockReceivedFields(msgspec.Struct, frozen=True):
    state_hash: str
    sender: str | _RemoteSender  # the text "Local" for its own


def _read_block_received(metadata: msgspec.Raw) -> DaemonEvent:
    fields = _block_received.decode(metadata)
    sender = fields.sender
    return BlockReceived(
        StateHash(fields.state_hash), sender if isinstance(sender, str) else sender.remote.peer_id
    )


def _read_gossip_new_state(metadata: msgspec.Raw) -> DaemonEvent:
    return BlockGossiped(StateHash(_hashes.decode(metadata).state_hash))


class _PoolDiffFields(msgspec.Struct, frozen=True):
    fee_payer_summaries: tuple[tuple[Any, str, _Natural], ...]  # signature, key, nonce


def _read_transactions(metadata: msgspec.Raw, *, sent: bool) -> DaemonEvent:
    summaries = _pool_diff.decode(metadata).fee_payer_summaries
    return TransactionsGossiped(tuple((key, nonce) for _, key, nonce in summaries), sent)


class _Work(msgspec.Struct, frozen=True):
    work_ids: tuple[str, _Natural | tuple[_Natural, ...]]  # "One" with one, "Two" with two
    fee: str  # in MINA
    prover: str


class _SnarkPoolDiffFields(msgspec.Struct, frozen=True):
    work: _Work


def _read_snark_work(metadata: msgspec.Raw, *, sent: bool) -> DaemonEvent:
    work = _snark_pool_diff.decode(metadata).work
    ids = work.work_ids[1]
    return SnarkWorkGossiped(
        ids if isinstance(ids, tuple) else (ids,), Fee.of_coda(work.fee), work.prover, sent
    )


def _always(event: DaemonEvent) -> Reader:
    return lambda _metadata: event


# Numbers in text are accepted where integers are wanted.
_block_produced = msgspec.json.Decoder(_BlockProducedFields, strict=False)
_breadcrumb_added = msgspec.json.Decoder(_BreadcrumbAddedFields)
_applying_diffs = msgspec.json.Decoder(_ApplyingDiffsFields)
_new_best_tip = msgspec.json.Decoder(_NewBestTipFields, strict=False)
_block_received = msgspec.json.Decoder(_BlockReceivedFields)
_pool_diff = msgspec.json.Decoder(_PoolDiffFields, strict=False)
_snark_pool_diff = msgspec.json.Decoder(_SnarkPoolDiffFields, strict=False)
_hashes = msgspec.json.Decoder(_Hashes)

_SYNC_STATUSES = {
    "Connecting": "CONNECTING",
    "Listening": "LISTENING",
    "Bootstrapping": "BOOTSTRAP",
    "Ledger_catchup": "CATCHUP",
    "Synced": "SYNCED",
}
_LOADING_STEPS = (
    "Starting_bootstrap_controller",
    "Bootstrap_complete",
    "Bootstrap_required",
    "Snarked_ledger_synced",
    "Persisted_frontier_fresh_boot",
    "Persisted_frontier_loaded",
    "Persisted_frontier_dropped",
    "Transition_frontier_loaded_from_persistence",
)
READERS: dict[str, Reader] = {
    "Starting_transition_frontier_controller": _always(NodeInitialized()),
    "Block_produced": _read_block_produced,
    "Added_breadcrumb_user_commands": _read_breadcrumb_added,
    "Applying_diffs": _read_applying_diffs,
    "New_best_tip_event": _read_new_best_tip,
    "Block_received": _read_block_received,
    "Gossip_new_state": _read_gossip_new_state,
    "Transactions_received": partial(_read_transactions, sent=False),
    "Gossip_transaction_pool_diff": partial(_read_transactions, sent=True),
    "Snark_work_received": partial(_read_snark_work, sent=False),
    "Gossip_snark_pool_diff": partial(_read_snark_work, sent=True),
    **{name: _always(SyncStatusChanged(status)) for name, status in _SYNC_STATUSES.items()},
    **{name: _always(FrontierLoading(name)) for name in _LOADING_STEPS},
}
"""By the event's name: what its metadata become."""
