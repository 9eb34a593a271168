"""Prometheus metrics of a daemon, by the real one's names where it has the same (daemon contract A.2, A.6)."""

from collections.abc import Awaitable, Callable
from typing import Final

from coda_daemon.ports import Request
from coda_daemon.rest import DaemonView
from coda_daemon.sync_status import SyncStatus
from coda_daemon.web import Response, text_response

_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Row = tuple[str, str, str, int]  # name, type, help, value


def metrics_handler(rows: Callable[[], list[Row]]) -> Callable[[Request], Awaitable[Response]]:
    """Answers `GET /metrics`."""

    async def handle(request: Request) -> Response:
        if (request.method, request.path) != ("GET", "/metrics"):
            return text_response(404, "Route not found")
        return Response(200, exposition(rows()).encode(), {"content-type": _CONTENT_TYPE})

    return handle


def exposition(rows: list[Row]) -> str:
    """Prometheus' text format."""
    return "".join(
        f"# HELP {name} {about}\n# TYPE {name} {kind}\n{name} {value}\n" for name, kind, about, value in rows
    )


def daemon_metrics(view: DaemonView) -> list[Row]:
    node, pool, snark, counted = view.node, view.node.pool, view.node.snark, view.node.measurements
    tip, frontier, ledger = node.best_tip, node.frontier, node.ledger
    transactions = len(tip.body.commands) if tip is not None else 0
    uptime_ms = (view.clock.time_ns() - node.started_ns) // 1_000_000
    gauges = {
        "Transition_frontier_max_blocklength_observed": ("highest block received", node.highest_received),
        "Transition_frontier_max_unvalidated_blocklength_observed": (
            "highest block received, valid or not",
            node.highest_unvalidated,
        ),
        "Transition_frontier_best_tip_block_height": (
            "height of the best tip",
            0 if tip is None else tip.blockchain_length,
        ),
        "Transition_frontier_best_tip_slot": (
            "global slot of the best tip",
            0 if tip is None else tip.global_slot,
        ),
        "Transition_frontier_best_tip_user_txns": ("transactions in the best tip", transactions),
        "Transition_frontier_active_breadcrumbs": (
            "blocks of the frontier",
            0 if frontier is None else len(tuple(frontier.breadcrumbs())),
        ),
        "Ledger_accounts": ("accounts in the best tip's ledger", 0 if ledger is None else len(ledger)),
        "Transaction_pool_pool_size": ("transactions that wait for a block", len(pool.commands)),
        "Snark_work_snark_pool_size": ("SNARK work on offer", len(snark.pool)),
        "Snark_work_pending_snark_work": ("SNARK work that nobody offers yet", len(snark.pending())),
        "Sync_status": (
            "0 connecting, 1 listening, 2 offline, 3 bootstrap, 4 catchup, 5 synced",
            _SYNC_NUMBERS[node.sync_status],
        ),
        "Consensus_slot_now": ("global slot by the clock", node.slot_now),
    }
    counters = {
        "Runtime_process_uptime_ms_total": ("milliseconds since the start", uptime_ms),
        "Block_producer_blocks_produced": ("blocks made here", counted.blocks_produced),
        "Transition_frontier_blocks_added": ("blocks that entered the frontier", counted.blocks_added),
        "Transition_frontier_reorganizations": (
            "changes of the best tip to another branch",
            counted.reorganizations,
        ),
        "Transaction_pool_diffs_received": ("gossip of transactions received", pool.diffs_received),
        "Transaction_pool_diffs_broadcasted": ("gossip of transactions sent", pool.diffs_broadcast),
        "Transaction_pool_transactions_added_to_pool": ("transactions taken in", pool.commands_added),
        "Snark_work_completed_snark_work_received_gossip": ("gossip of SNARK work", snark.diffs_received),
        "Snark_work_snark_pool_diffs_broadcasted": ("gossip of SNARK work sent", snark.diffs_broadcast),
    }
    return [
        *((f"Coda_{name}", "gauge", about, value) for name, (about, value) in gauges.items()),
        *((f"Coda_{name}", "counter", about, value) for name, (about, value) in counters.items()),
        *network_metrics(view),
    ]


def network_metrics(view: DaemonView) -> list[Row]:
    """Those of the gossip network, also on `-libp2p-metrics-port`."""
    gossip = view.gossip
    return [
        ("Coda_Network_peers", "gauge", "peers with a link", len(gossip.peers)),
        ("Coda_Network_connections_seen", "counter", "links since the start", gossip.connections_seen),
    ]


_SYNC_NUMBERS: Final = {
    SyncStatus.CONNECTING: 0,
    SyncStatus.LISTENING: 1,
    SyncStatus.OFFLINE: 2,
    SyncStatus.BOOTSTRAP: 3,
    SyncStatus.CATCHUP: 4,
    SyncStatus.SYNCED: 5,
}
