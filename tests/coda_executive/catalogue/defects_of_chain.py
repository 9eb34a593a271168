"""Defects of block production, gossip, chain selection, bootstrap and epochs."""

from dataclasses import replace
from typing import Any

import msgspec
from tests.coda_executive.catalogue.planted import Defect, answering
from tests.coda_executive.planting import Original

from coda_daemon.frontier.frontier import Frontier
from coda_daemon.initialisation import NoPeersError
from coda_daemon.node import BLOCK_TOPIC
from coda_daemon.persistence import UnreadableFrontierError
from coda_daemon.sync_status import SyncStatus
from coda_protocol import structured_events

PRODUCER, NODE, ROOTS = "coda_daemon.block_producer", "coda_daemon.node", "coda_daemon.graphql.roots"
IS_BETTER = "coda_daemon.frontier.frontier:is_better"
LAST_BLOCK = "suspicion: no block was made in the last"
NO_BLOCK = "although 100% of the stake is online: the slot lottery or the block producers do not work"


def none_from(slot: int) -> Any:
    """The lottery, which is lost in all slots from this one on."""

    def first_win(original: Original, seed: str, slots: Any, *rest: Any) -> Any:
        return original(seed, [each for each in slots if each < slot], *rest)

    return first_win


def busy_with_transactions(original: Original, producer: Any, win: Any) -> Any:
    return None if any(producer._pending()) else original(producer, win)


def nothing_is_timely_from(slot: int) -> Any:
    def timeliness(original: Original, block: Any, now: int, delta: int) -> Any:
        return "at a bad moment" if now >= slot else original(block, now, delta)

    return timeliness


def nothing_is_early(_original: Original, *_given: Any) -> None:
    return None


def bootstraps_in_first_epoch_only(original: Original, block: Any, *rest: Any) -> bool:
    return block.global_slot < 24 and bool(original(block, *rest))


def hears_no_blocks(original: Original, node: Any, peer: Any, topic: str, payload: bytes) -> bool:
    return topic != BLOCK_TOPIC and bool(original(node, peer, topic, payload))


async def cuts_nothing(_original: Original, *_given: Any) -> None:
    return None


def never_synced(original: Original, situation: Any, **named: Any) -> Any:
    found = original(situation, **named)
    return SyncStatus.CATCHUP if found is SyncStatus.SYNCED else found


def short_for_the_seed(original: Original, query: Any, info: Any, max_length: int | None = None) -> Any:
    return original(query, info, 1 if query._view.settings.producer is None else max_length)


def claims_to_be_from_disk(original: Original, store: Any, genesis: Any, log: Any) -> Any:
    """A fresh node says nothing of its fresh boot."""
    silent = type(
        "Silent", (), {"event": lambda *_: None, "__getattr__": lambda _, name: getattr(log, name)}
    )()
    frontier = original(store, genesis, silent)
    log.event(structured_events.PERSISTED_FRONTIER_LOADED)
    return frontier


def talks_with_all(original: Original, *given: Any) -> None:
    return None


def blacklists_are_for_ever(original: Original, gossip: Any, gating: Any, **named: Any) -> Any:
    return original(gossip, gating if gating.banned else gossip.gating, **named)


def hides_banned_peers(original: Original, view: Any) -> Any:
    banned = {peer.peer_id for peer in view.gossip.gating.banned}
    return [peer for peer in original(view) if peer["peerId"] not in banned]


def no_proof_counts(original: Original, *given: Any) -> Any:
    return original(*given[:4], None)


def stakes_move_early(original: Original, parent: Any, slot: int, *rest: Any) -> Any:
    staking, coming = original(parent, slot, *rest)
    return msgspec.structs.replace(
        staking, ledger_hash=coming.ledger_hash, total_currency=coming.total_currency
    ), coming


def stakes_never_move(original: Original, parent: Any, *rest: Any) -> Any:
    before, (staking, coming) = parent.consensus_state.staking_epoch_data, original(parent, *rest)
    kept = {"ledger_hash": before.ledger_hash, "total_currency": before.total_currency}
    return msgspec.structs.replace(staking, **kept), coming


def forgets_epoch_ledgers(original: Original, *given: Any, **named: Any) -> Any:
    return replace(original(*given, **named), epoch_ledgers=())


def unreadable_every(number: int) -> Any:
    """A disk that cannot be read each time of so many."""
    times = 0

    def load(original: Original, store: Any) -> Any:
        nonlocal times
        times += 1
        if times % number == 0:
            raise UnreadableFrontierError("planted")
        return original(store)

    return load


def begins_anew(_original: Original, store: Any, genesis: Any, log: Any) -> Any:
    log.event(structured_events.PERSISTED_FRONTIER_LOADED)
    frontier = Frontier(genesis.built, genesis.rules.constants)
    store.rewrite(frontier)
    return frontier


async def meets_nobody(_original: Original, *_given: Any) -> None:
    raise NoPeersError


DEFECTS = {
    "a node meets nobody": Defect(
        "block-production",
        "initialise",
        f"{NODE}:wait_for_peers",
        meets_nobody,
        "block-producer-1 crashed: it exited with code 1",
    ),
    "no slot is won": Defect(
        "block-production", "produce", f"{PRODUCER}:first_win", answering(None), NO_BLOCK
    ),
    "no block is ever better": Defect(
        "block-production",
        "produce",
        IS_BETTER,
        answering(False),
        "blocks were made, and no node took any of them for its best tip",
    ),
    "blocks of others are taken for untimely": Defect(
        "block-production",
        "agree",
        f"{NODE}:timeliness",
        answering("too early"),
        "blocks and added none of them to its frontier",
    ),
    "a young network stops before the spam begins": Defect(
        "block-production-priority", "warm up", f"{PRODUCER}:first_win", none_from(2), NO_BLOCK
    ),
    "transactions keep a producer from its slots": Defect(
        "block-production-priority",
        "blocks",
        f"{PRODUCER}:BlockProducer._produce",
        busy_with_transactions,
        NO_BLOCK,
    ),
    "the network stops when a producer is away": Defect(
        "chain-reliability", "without one", f"{PRODUCER}:first_win", none_from(3), LAST_BLOCK
    ),
    "a node that comes back adopts nothing": Defect(
        "chain-reliability",
        "back again",
        IS_BETTER,
        answering(False),
        "blocks were made, and no node took any of them for its best tip",
    ),
    "gossip ends and all go their own ways": Defect(
        "chain-reliability",
        "one chain",
        f"{NODE}:timeliness",
        nothing_is_timely_from(8),
        "blocks and added none of them to its frontier",
    ),
    "chains are not told": Defect(
        "chain-reliability",
        "one chain",
        f"{ROOTS}:Query.best_chain",
        answering([]),
        "the nodes answer chains that have no block in common",
    ),
    "a node tells only the end of its chain": Defect(
        "chain-reliability",
        "one chain",
        f"{ROOTS}:Query.best_chain",
        short_for_the_seed,
        "what the nodes answer is not what they logged",
    ),
    "a late node does not bootstrap": Defect(
        "basic-bootstrap",
        "after some blocks",
        f"{NODE}:is_too_far",
        answering(False),
        "node-1 takes part without it; instead it had Persisted_frontier",
    ),
    "nobody bootstraps to an old chain": Defect(
        "basic-bootstrap",
        "after two epochs",
        f"{NODE}:is_too_far",
        bootstraps_in_first_epoch_only,
        "suspicion: node-2 received",
    ),
    "nobody ever says that it is synced": Defect(
        "basic-bootstrap",
        "after some blocks",
        "coda_daemon.status_tracker:sync_status",
        never_synced,
        "So far: node-1 is CATCHUP",
    ),
    "blocks end while a node sleeps": Defect(
        "medium-bootstrap", "fall behind", f"{PRODUCER}:first_win", none_from(4), LAST_BLOCK
    ),
    "nobody bootstraps": Defect(
        "medium-bootstrap",
        "bootstrap",
        f"{NODE}:is_too_far",
        answering(False),
        "block-producer-3 takes part without it; instead it had Persisted_frontier",
    ),
    "blocks end with a partition": Defect(
        "long-partition",
        "split",
        f"{PRODUCER}:first_win",
        none_from(8),
        "suspicion: no block was made in the last",
    ),
    "a partition lets everything through": Defect(
        "long-partition",
        None,
        "coda_executive.engines.simulation.faults:SimulatedFaults.cut_links",
        cuts_nothing,
        "lets messages through",
        code=3,
    ),
    "a node that was cut off does not bootstrap": Defect(
        "long-partition",
        "rejoin",
        f"{NODE}:is_too_far",
        answering(False),
        "suspicion: block-producer-1 received",
    ),
    "a banned peer is talked with": Defect(
        "partition-rejoin",
        "split",
        "coda_daemon.gossip.gating:Gating.refusal",
        talks_with_all,
        "has the peers",
    ),
    "a banned peer is talked with in secret": Defect(
        "partition-rejoin",
        "split",
        ("coda_daemon.gossip.gating:Gating.refusal", f"{ROOTS}:peers"),
        lambda original, *given: hides_banned_peers(original, *given) if len(given) == 1 else None,
        "the halves have one best tip, although they do not talk",
    ),
    "bans are never lifted": Defect(
        "partition-rejoin",
        "rejoin",
        "coda_daemon.gossip.network:Gossip.set_gating",
        blacklists_are_for_ever,
        "suspicion: block-producer-1 received no block of block-producer-3",
    ),
    "a frontier on disk cannot be read": Defect(
        "persistence",
        "stopped",
        "coda_daemon.persistence:FrontierStore.load",
        unreadable_every(1),
        "node-1 takes part without it; instead it had Persisted_frontier_dropped, Starting_bootstrap",
    ),
    "a kill spoils the disk": Defect(
        "persistence",
        "killed",
        "coda_daemon.persistence:FrontierStore.load",
        unreadable_every(2),
        "node-1 takes part without it; instead it had Persisted_frontier_dropped, Starting_bootstrap",
    ),
    "a stopped node loses its blocks": Defect(
        "persistence", None, f"{NODE}:loaded_frontier", begins_anew, "restart-keeps-tip: node-1"
    ),
    "nobody tells of peers": Defect(
        "peers-reliability",
        "connected",
        f"{ROOTS}:Query.get_peers",
        answering([]),
        "So far: seed-1: []; block-producer-1: []",
    ),
    "blocks end with a node": Defect(
        "peers-reliability", "without one", f"{PRODUCER}:first_win", none_from(2), LAST_BLOCK
    ),
    "a fresh node finds an old frontier": Defect(
        "peers-reliability",
        "connected again",
        f"{NODE}:loaded_frontier",
        claims_to_be_from_disk,
        "block-producer-3 takes part without it; instead it had Persisted_frontier_loaded",
    ),
    "blocks do not spread": Defect(
        "gossip-consistency",
        "blocks",
        f"{NODE}:Node.receive",
        hears_no_blocks,
        "suspicion: seed-1 received none of the",
    ),
    "blocks of the future are adopted": Defect(
        "wrong-clock",
        "without it",
        (f"{NODE}:timeliness", "coda_daemon.initialisation:GlobalSlot"),
        nothing_is_early,
        "blocks of the wrong clock are on the chain",
    ),
    "ledger proofs do not change who stakes": Defect(
        "epoch-ledger",
        "next epoch",
        "coda_daemon.consensus.building:advanced_epoch_data",
        no_proof_counts,
        "the next epoch is drawn from the genesis ledger",
    ),
    "stake moves an epoch too early": Defect(
        "epoch-ledger",
        "next epoch",
        "coda_daemon.consensus.building:advanced_epoch_data",
        stakes_move_early,
        "stake moved an epoch too early",
    ),
    "stake never moves": Defect(
        "epoch-ledger",
        "staking epoch",
        "coda_daemon.consensus.building:advanced_epoch_data",
        stakes_never_move,
        "this epoch is drawn from another ledger",
    ),
    "a bootstrapping node is not told of epoch ledgers": Defect(
        "epoch-ledger",
        "long bootstrap",
        "coda_daemon.bootstrap:rebuilt",
        forgets_epoch_ledgers,
        "expected epoch ledger",
    ),
}
