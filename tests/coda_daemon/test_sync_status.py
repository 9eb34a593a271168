import pytest
from msgspec.structs import replace

from coda_daemon.sync_status import Situation, SyncStatus, sync_status
from coda_protocol.structured_events import BY_NAME

SYNCED = Situation(
    is_demo=False,
    has_met_a_peer=True,
    has_heard_gossip=True,
    is_offline=False,
    has_frontier=True,
    is_catching_up=False,
    blocks_behind=0,
)


@pytest.mark.parametrize(
    ("situation", "status"),
    [
        (replace(SYNCED, has_met_a_peer=False, has_heard_gossip=False, has_frontier=False), "CONNECTING"),
        (replace(SYNCED, has_heard_gossip=False, has_frontier=False), "LISTENING"),
        (replace(SYNCED, has_heard_gossip=False), "LISTENING"),
        (replace(SYNCED, is_offline=True), "OFFLINE"),
        (replace(SYNCED, is_offline=True, has_frontier=False), "OFFLINE"),
        (replace(SYNCED, has_frontier=False), "BOOTSTRAP"),
        (replace(SYNCED, is_catching_up=True), "CATCHUP"),
        (replace(SYNCED, blocks_behind=5), "CATCHUP"),
        (replace(SYNCED, blocks_behind=4), "SYNCED"),
        (SYNCED, "SYNCED"),
        (replace(SYNCED, is_demo=True, has_met_a_peer=False, has_heard_gossip=False), "SYNCED"),
    ],
)
def test_status_follows_from_the_situation(situation: Situation, status: str) -> None:
    """D.7, row by row."""
    assert sync_status(situation, catchup_gap=5) == status


def test_each_status_but_offline_has_its_event() -> None:
    assert {status: event.name for status in SyncStatus if (event := status.event)} == {
        SyncStatus.CONNECTING: "Connecting",
        SyncStatus.LISTENING: "Listening",
        SyncStatus.BOOTSTRAP: "Bootstrapping",
        SyncStatus.CATCHUP: "Ledger_catchup",
        SyncStatus.SYNCED: "Synced",
    }
    assert BY_NAME["Synced"] is SyncStatus.SYNCED.event
