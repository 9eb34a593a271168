"""The daemon's status, for GraphQL `daemonStatus` and for `GET /status` (daemon contract D.7, D.9)."""

import re
from typing import TYPE_CHECKING, Any

from coda_daemon.build import commit
from coda_daemon.measurements import Histogram
from coda_protocol.log_message import format_timestamp
from coda_protocol.slots import GlobalSlot, epoch_of, slot_in_epoch

if TYPE_CHECKING:
    from coda_daemon.gossip.peer import Peer
    from coda_daemon.rest import DaemonView

_MILLION = 1_000_000


def daemon_status(view: "DaemonView") -> dict[str, Any]:
    """The members of GraphQL's `DaemonStatus`. What needs a frontier is None before there is one."""
    node, settings = view.node, view.settings
    tip, ledger = node.best_tip, node.ledger
    producer = settings.producer
    receiver, pool, snark = node.coinbase_receiver, node.pool, node.snark
    return {
        "numAccounts": None if ledger is None else len(ledger),
        "blockchainLength": None if tip is None else tip.blockchain_length,
        "highestBlockLengthReceived": node.highest_received,
        "highestUnvalidatedBlockLengthReceived": node.highest_unvalidated,
        "uptimeSecs": (view.clock.time_ns() - node.started_ns) // 1_000_000_000,
        "ledgerMerkleRoot": None if ledger is None else ledger.hash,
        "stateHash": None if tip is None else tip.state_hash,
        "chainId": view.genesis.chain_id,
        "commitId": commit(),
        "confDir": view.arguments.config_directory,
        "peers": peers(view),
        "userCommandsSent": pool.commands_sent,
        "snarkWorker": view.seller.worker,
        "snarkWorkFee": view.seller.fee,
        "syncStatus": str(node.sync_status),
        "catchupStatus": None if node.catchup_states is None else list(node.catchup_states),
        "blockProductionKeys": [] if producer is None else [str(producer.public)],
        "coinbaseReceiver": receiver,
        "histograms": _histograms(view),
        "consensusTimeBestTip": None if tip is None else consensus_time(view, tip.global_slot),
        "globalSlotSinceGenesisBestTip": (
            None if tip is None else tip.consensus_state.global_slot_since_genesis
        ),
        "nextBlockProduction": _next_block_production(view),
        "consensusTimeNow": consensus_time(view, node.slot_now),
        "consensusMechanism": "proof_of_stake",
        "consensusConfiguration": _consensus_configuration(view),
        "addrsAndPorts": {
            "externalIp": view.arguments.external_ip,
            "bindIp": view.arguments.bind_ip,
            "peer": {
                "host": view.arguments.external_ip,
                "libp2pPort": settings.external_port,
                "peerId": view.gossip.peer_id,
            },
            "libp2pPort": settings.external_port,
            "clientPort": settings.client_port,
        },
        "metrics": {
            "blockProductionDelay": list(view.node.measurements.production_delay.values),
            "transactionPoolDiffReceived": pool.diffs_received,
            "transactionPoolDiffBroadcasted": pool.diffs_broadcast,
            "transactionsAddedToPool": pool.commands_added,
            "transactionPoolSize": len(pool.commands),
            "snarkPoolDiffReceived": snark.diffs_received,
            "snarkPoolDiffBroadcasted": snark.diffs_broadcast,
            "pendingSnarkWork": len(snark.pending()),
            "snarkPoolSize": len(snark.pool),
        },
    }


def status_json(view: "DaemonView", *, with_performance: bool) -> dict[str, Any]:
    """The same for `GET /status`: names in snake case, the sync status in title case; histograms on demand."""
    status: dict[str, Any] = _snake_case(daemon_status(view))
    status["sync_status"] = status["sync_status"].title()
    return status if with_performance else {**status, "histograms": None}


def peers(view: "DaemonView") -> list[dict[str, Any]]:
    return [_peer(peer) for peer in view.gossip.peers]


def consensus_time(view: "DaemonView", slot: GlobalSlot) -> dict[str, Any]:
    """A global slot as GraphQL's `ConsensusTime`; times in milliseconds since the Unix epoch, as text."""
    constants = view.genesis.rules.constants
    start = constants.times.start_of(slot)
    return {
        "epoch": str(epoch_of(slot, slots_per_epoch=constants.slots_per_epoch)),
        "slot": str(slot_in_epoch(slot, slots_per_epoch=constants.slots_per_epoch)),
        "globalSlot": str(slot),
        "startTime": str(start),
        "endTime": str(start + constants.slot_ms),
    }


def _next_block_production(view: "DaemonView") -> dict[str, Any] | None:
    if view.settings.producer is None:
        return None
    win, now = view.node.next_production, view.node.slot_now
    since_genesis = view.genesis.rules.body.since_genesis
    return {
        "times": [] if win is None else [consensus_time(view, win.slot)],
        "globalSlotSinceGenesis": [] if win is None else [str(since_genesis(win.slot))],
        "generatedFromConsensusAt": {
            "consensusTime": consensus_time(view, now),
            "globalSlotSinceGenesis": str(since_genesis(now)),
        },
    }


def _histograms(view: "DaemonView") -> dict[str, Any]:
    """Latencies of blocks; what this build does not time is null."""
    counted = view.node.measurements
    untimed = {"dispatch": None, "impl": None}
    return {
        "rpcTimings": {
            "getStagedLedgerAux": untimed,
            "answerSyncLedgerQuery": untimed,
            "getAncestry": untimed,
            "getTransitionChainProof": untimed,
            "getTransitionChain": untimed,
        },
        "externalTransitionLatency": _histogram(counted.others_latency),
        "acceptedTransitionLocalLatency": _histogram(counted.own_latency),
        "acceptedTransitionRemoteLatency": _histogram(counted.others_latency),
        "snarkWorkerTransitionTime": None,
        "snarkWorkerMergeTime": None,
    }


def _histogram(counted: Histogram) -> dict[str, Any] | None:
    """Null before there is anything in it."""
    if not counted:
        return None
    return {
        "values": list(counted.values),
        "intervals": [{"start": str(start), "stop": str(stop)} for start, stop in counted.bounds],
        "underflow": counted.underflow,
        "overflow": counted.overflow,
    }


def _consensus_configuration(view: "DaemonView") -> dict[str, Any]:
    constants = view.genesis.rules.constants
    return {
        "delta": constants.delta,
        "k": constants.k,
        "slotsPerEpoch": constants.slots_per_epoch,
        "slotDuration": constants.slot_ms,
        "epochDuration": constants.slot_ms * constants.slots_per_epoch,
        "genesisStateTimestamp": format_timestamp(constants.genesis_ms * _MILLION),
        "acceptableNetworkDelay": (constants.delta + 1) * constants.slot_ms,
    }


def _peer(peer: "Peer") -> dict[str, Any]:
    return {"host": peer.host, "libp2pPort": peer.port, "peerId": peer.peer_id}


def _snake_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"(?=[A-Z])", "_", key).lower(): _snake_case(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_snake_case(member) for member in value]
    return value
