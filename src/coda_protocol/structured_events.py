"""Structured events: log lines with an id of their own, by name and by id (daemon contract C.1, C.2, C.4).

The ids are those of a Berkeley build. They change when a source file moves, so a reader of logs asks the
daemon's build for its own table and looks events up by name; this table is what the reference daemon writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType


class Level(IntEnum):
    """Severity of a log line, least severe first; `text` is how lines spell it."""

    text: str

    def __new__(cls, rank: int, text: str) -> "Level":
        member = int.__new__(cls, rank)
        member._value_ = rank
        member.text = text
        return member

    INTERNAL = 0, "Internal"
    SPAM = 1, "Spam"
    TRACE = 2, "Trace"
    DEBUG = 3, "Debug"
    INFO = 4, "Info"
    WARN = 5, "Warn"
    ERROR = 6, "Error"
    FAULTY_PEER = 7, "Faulty_peer"
    FATAL = 8, "Fatal"

    @classmethod
    def of_text(cls, text: str) -> "Level":
        """The level of that name in any case. Raises ValueError that lists the names."""
        level = _BY_TEXT.get(text.lower())
        if level is None:
            names = ", ".join(level.text for level in cls)
            raise ValueError(f"expected a log level ({names}), got {text!r}")
        return level


_BY_TEXT = {level.text.lower(): level for level in Level}


@dataclass(frozen=True, slots=True)
class StructuredEvent:
    """A kind of log line: the source module that writes it, and the metadata keys that it always has."""

    name: str
    id: str
    level: Level
    module: str
    message: str
    fields: tuple[str, ...] = ()


_TRANSITION_ROUTER = "Transition_router"
_BOOTSTRAP_CONTROLLER = "Bootstrap_controller"
_TRANSITION_FRONTIER = "Transition_frontier"
_MINA_LIB = "Mina_lib"
_MINA_NETWORKING = "Mina_networking"
_SNARK_WORKER = "Snark_worker"

# ---- blocks and the frontier ----

BLOCK_PRODUCED = StructuredEvent(
    "Block_produced",
    "64e2d3e86c37c09b15efdaf7470ce879",
    Level.INFO,
    "Block_producer",
    "Successfully produced a new block",
    ("breadcrumb",),
)
ADDED_BREADCRUMB_USER_COMMANDS = StructuredEvent(
    "Added_breadcrumb_user_commands",
    "db06cb5030f39e86e84b30d033f3bc5c",
    Level.TRACE,
    _TRANSITION_FRONTIER,
    "Added_breadcrumb_user_commands",
    ("state_hash", "user_commands"),
)
APPLYING_DIFFS = StructuredEvent(
    "Applying_diffs",
    "ef1182dc30f3e0aa9f6bf11c0ab90ba6",
    Level.TRACE,
    _TRANSITION_FRONTIER,
    "Applying diffs: $diffs",
    ("diffs",),
)
NEW_BEST_TIP_EVENT = StructuredEvent(
    "New_best_tip_event",
    "d5cd43b465d7dee8fa3413e5c7923698",
    Level.DEBUG,
    _TRANSITION_FRONTIER,
    "Formed a new best tip",
    ("added_transitions", "removed_transitions", "reorg_best_tip"),
)

# ---- coming up ----

STARTING_TRANSITION_FRONTIER_CONTROLLER = StructuredEvent(
    "Starting_transition_frontier_controller",
    "21ccae8c619bc2666474085272d5fe1d",
    Level.INFO,
    _TRANSITION_ROUTER,
    "Starting transition frontier controller phase",
)
STARTING_BOOTSTRAP_CONTROLLER = StructuredEvent(
    "Starting_bootstrap_controller",
    "71ffcadd30ac8580104bbbccd7fb6b07",
    Level.INFO,
    _TRANSITION_ROUTER,
    "Starting bootstrap controller phase",
)
BOOTSTRAP_COMPLETE = StructuredEvent(
    "Bootstrap_complete",
    "10211dce99574d1627cf3c577abeaef8",
    Level.INFO,
    _BOOTSTRAP_CONTROLLER,
    "Bootstrap state: complete.",
)
SNARKED_LEDGER_SYNCED = StructuredEvent(
    "Snarked_ledger_synced",
    "51975e9bb4d823183da96fe7e4d8437e",
    Level.TRACE,
    "Syncable_ledger",
    "Snarked database sync'd. All done",
)
PERSISTED_FRONTIER_FRESH_BOOT = StructuredEvent(
    "Persisted_frontier_fresh_boot",
    "f7254e63ad51092a0bd3078580ef9ce3",
    Level.INFO,
    _TRANSITION_FRONTIER,
    "Persistent frontier database does not exist",
)
PERSISTED_FRONTIER_LOADED = StructuredEvent(
    "Persisted_frontier_loaded",
    "1c4150aa7058a3058c4d20ae90ff7ec3",
    Level.TRACE,
    _TRANSITION_FRONTIER,
    "Persisted_frontier_loaded",
)
TRANSITION_FRONTIER_LOADED_FROM_PERSISTENCE = StructuredEvent(
    "Transition_frontier_loaded_from_persistence",
    "b5a89d6d616a35fb6f73d1eaad6b2dbd",
    Level.TRACE,
    _TRANSITION_FRONTIER,
    "Transition_frontier_loaded_from_persistence",
)
PERSISTED_FRONTIER_DROPPED = StructuredEvent(
    "Persisted_frontier_dropped",
    "74a81f1e2f8d548e4550faa136c68160",
    Level.DEBUG,
    _TRANSITION_FRONTIER,
    "Persistent frontier dropped",
)
BOOTSTRAP_REQUIRED = StructuredEvent(
    "Bootstrap_required",
    "30fe76cee159ea215fc05549e861501e",
    Level.INFO,
    _TRANSITION_FRONTIER,
    "Bootstrap required",
)

# ---- sync status: one line at each change ----

CONNECTING = StructuredEvent(
    "Connecting",
    "b33df14370044a516f804ab21da1e040",
    Level.INFO,
    _MINA_LIB,
    "Mina daemon is connecting",
)
LISTENING = StructuredEvent(
    "Listening", "7be38951573bdc2778b4edb3eeb5dbe8", Level.INFO, _MINA_LIB, "Mina daemon is listening"
)
BOOTSTRAPPING = StructuredEvent(
    "Bootstrapping",
    "caeba1d8ced251138e39c58355587526",
    Level.INFO,
    _MINA_LIB,
    "Mina daemon is bootstrapping",
)
LEDGER_CATCHUP = StructuredEvent(
    "Ledger_catchup",
    "846106e2fdb13f36d0a597e099dd5f4b",
    Level.INFO,
    _MINA_LIB,
    "Mina daemon is doing ledger catchup",
)
SYNCED = StructuredEvent(
    "Synced", "cb082b7eafe2a7ca2c6c1acba6664251", Level.INFO, _MINA_LIB, "Mina daemon is synced"
)

# ---- gossip ----

BLOCK_RECEIVED = StructuredEvent(
    "Block_received",
    "60076de624bf0c5fc0843b875001cf84",
    Level.INFO,
    "Transition_handler__Block_sink",
    "Received a block from $sender",
    ("sender", "state_hash"),
)
REBROADCAST_TRANSITION = StructuredEvent(
    "Rebroadcast_transition",
    "2ca90cb4875a68133de9952414d27519",
    Level.INFO,
    _MINA_LIB,
    "Rebroadcasting $state_hash",
    ("state_hash",),
)
GOSSIP_NEW_STATE = StructuredEvent(
    "Gossip_new_state",
    "2b4f8c8d8bc40e51e2d032dc43c45742",
    Level.TRACE,
    _MINA_NETWORKING,
    "Broadcasting new state over gossip net",
    ("state_hash",),
)
TRANSACTIONS_RECEIVED = StructuredEvent(
    "Transactions_received",
    "b4b5f5b1d1a0c457cbd13a35d1c8b57b",
    Level.DEBUG,
    "Network_pool__Transaction_pool",
    "Received transaction-pool $fee_payer_summaries from $sender",
    ("fee_payer_summaries", "sender"),
)
GOSSIP_TRANSACTION_POOL_DIFF = StructuredEvent(
    "Gossip_transaction_pool_diff",
    "208db11514876b6a344987a502d6884e",
    Level.TRACE,
    _MINA_NETWORKING,
    "Broadcasting transaction pool diff $fee_payer_summaries over gossip net",
    ("fee_payer_summaries",),
)
SNARK_WORK_RECEIVED = StructuredEvent(
    "Snark_work_received",
    "27953f46376ba8abc0c61400e2c38f8b",
    Level.DEBUG,
    "Network_pool__Snark_pool_diff",
    "Received Snark-pool diff $work from $sender",
    ("sender", "work"),
)
GOSSIP_SNARK_POOL_DIFF = StructuredEvent(
    "Gossip_snark_pool_diff",
    "922e82a3429b8eeb9405615531faaaf8",
    Level.TRACE,
    _MINA_NETWORKING,
    "Broadcasting snark pool diff over gossip net",
    ("work",),
)
PEER_BANNED = StructuredEvent(
    "Peer_banned",
    "4d3d3e37e0365f1dbc6d35fddafeb77d",
    Level.FAULTY_PEER,
    "Trust_system__Peer_trust",
    "Banning peer $sender_id until $expiration due to $action",
    ("action", "expiration", "sender_id"),
)

# ---- commands and SNARK work ----

REJECTING_COMMAND_FOR_REASON = StructuredEvent(
    "Rejecting_command_for_reason",
    "e5cd93b1ece597eaf4543e554e7e65d1",
    Level.ERROR,
    "Network_pool__Transaction_pool",
    "Rejecting command because: $reason",
    ("command", "error_extra", "reason"),
)
BASE_SNARK_GENERATED = StructuredEvent(
    "Base_snark_generated",
    "885328f9dca84fa1cfb99089080613d6",
    Level.INFO,
    _SNARK_WORKER,
    "Base SNARK generated in $time for $transaction_type transaction with $zkapp_command_count zkapp_command "
    "and $proof_zkapp_command_count proof zkapp_command",
    ("proof_zkapp_command_count", "time", "transaction_type", "zkapp_command_count"),
)
MERGE_SNARK_GENERATED = StructuredEvent(
    "Merge_snark_generated",
    "bcc5cf56ab582a129736e0906dea7cfa",
    Level.INFO,
    _SNARK_WORKER,
    "Merge SNARK generated in $time",
    ("time",),
)
GENERATING_SNARK_WORK_FAILED = StructuredEvent(
    "Generating_snark_work_failed",
    "0fc65f5594c5e9ee0b6f0ddde747c758",
    Level.ERROR,
    _SNARK_WORKER,
    "Failed to generate SNARK work: $error",
    ("error",),
)

_ALL = (
    BLOCK_PRODUCED,
    STARTING_TRANSITION_FRONTIER_CONTROLLER,
    STARTING_BOOTSTRAP_CONTROLLER,
    BOOTSTRAP_COMPLETE,
    SNARKED_LEDGER_SYNCED,
    ADDED_BREADCRUMB_USER_COMMANDS,
    APPLYING_DIFFS,
    NEW_BEST_TIP_EVENT,
    PERSISTED_FRONTIER_FRESH_BOOT,
    PERSISTED_FRONTIER_LOADED,
    TRANSITION_FRONTIER_LOADED_FROM_PERSISTENCE,
    PERSISTED_FRONTIER_DROPPED,
    BOOTSTRAP_REQUIRED,
    CONNECTING,
    LISTENING,
    BOOTSTRAPPING,
    LEDGER_CATCHUP,
    SYNCED,
    BLOCK_RECEIVED,
    REBROADCAST_TRANSITION,
    GOSSIP_NEW_STATE,
    TRANSACTIONS_RECEIVED,
    GOSSIP_TRANSACTION_POOL_DIFF,
    SNARK_WORK_RECEIVED,
    GOSSIP_SNARK_POOL_DIFF,
    REJECTING_COMMAND_FOR_REASON,
    BASE_SNARK_GENERATED,
    MERGE_SNARK_GENERATED,
    GENERATING_SNARK_WORK_FAILED,
    PEER_BANNED,
)
BY_NAME: Mapping[str, StructuredEvent] = MappingProxyType({event.name: event for event in _ALL})
BY_ID: Mapping[str, StructuredEvent] = MappingProxyType({event.id: event for event in _ALL})
