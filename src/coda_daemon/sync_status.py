"""How far a node is, in one word, and the rule for it (daemon contract D.7). Pure."""

from enum import StrEnum

import msgspec

from coda_protocol import structured_events
from coda_protocol.structured_events import StructuredEvent


class SyncStatus(StrEnum):
    """The values of GraphQL; the status JSON spells them in title case."""

    CONNECTING = "CONNECTING"
    LISTENING = "LISTENING"
    OFFLINE = "OFFLINE"
    BOOTSTRAP = "BOOTSTRAP"
    CATCHUP = "CATCHUP"
    SYNCED = "SYNCED"

    @property
    def event(self) -> StructuredEvent | None:
        """The log event of changing to this status; going offline has none."""
        return _EVENTS.get(self)


_EVENTS = {
    SyncStatus.CONNECTING: structured_events.CONNECTING,
    SyncStatus.LISTENING: structured_events.LISTENING,
    SyncStatus.BOOTSTRAP: structured_events.BOOTSTRAPPING,
    SyncStatus.CATCHUP: structured_events.LEDGER_CATCHUP,
    SyncStatus.SYNCED: structured_events.SYNCED,
}


class Situation(msgspec.Struct, frozen=True):
    """What the status follows from; `blocks_behind` is from the best tip to the highest received."""

    is_demo: bool
    has_met_a_peer: bool
    has_heard_gossip: bool
    is_offline: bool
    has_frontier: bool
    is_catching_up: bool
    blocks_behind: int


def sync_status(situation: Situation, *, catchup_gap: int) -> SyncStatus:
    """`catchup_gap` is the number of blocks behind that counts as catching up."""
    if situation.is_demo:
        return SyncStatus.SYNCED
    if not situation.has_heard_gossip:
        return SyncStatus.LISTENING if situation.has_met_a_peer else SyncStatus.CONNECTING
    if situation.is_offline:
        return SyncStatus.OFFLINE
    if not situation.has_frontier:
        return SyncStatus.BOOTSTRAP
    if situation.is_catching_up or situation.blocks_behind >= catchup_gap:
        return SyncStatus.CATCHUP
    return SyncStatus.SYNCED
