"""What a node does before it follows the network: wait for genesis and peers, load its frontier (A.10, C.5)."""

import asyncio
from collections.abc import Callable
from typing import Final

from coda_daemon.blocks import Block
from coda_daemon.consensus.selection import is_better
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.genesis import Genesis
from coda_daemon.gossip.link import RequestFailed
from coda_daemon.gossip.peer import Peer
from coda_daemon.log import Log
from coda_daemon.network import Network
from coda_daemon.peer_requests import (
    BEST_TIP,
    BadAnswerError,
    BestTipAnswer,
    decode,
    decode_answered_block,
)
from coda_daemon.persistence import FrontierStore, OtherNetworkError, UnreadableFrontierError
from coda_daemon.ports import Clock
from coda_daemon.profile import Profile
from coda_protocol import structured_events
from coda_protocol.slots import GlobalSlot

MODULE: Final = "Transition_router"


class NoPeersError(Exception):
    """A node that is no seed met nobody for too long (A.9)."""


async def wait_for_genesis(genesis: Genesis, clock: Clock, log: Log) -> None:
    genesis_ns = genesis.rules.constants.genesis_ms * 1_000_000
    rest = genesis_ns - clock.time_ns()
    if rest > 0:
        log.warn(
            MODULE,
            "Node started before the chain start time: waiting $time_till_genesis milliseconds "
            "before starting participation",
            time_till_genesis=-(-rest // 1_000_000),
        )
    # In several sleeps if need be: the node's clock may run apart from the loop's.
    while (rest := genesis_ns - clock.time_ns()) > 0:  # noqa: ASYNC110  no event tells of time
        await asyncio.sleep(rest / 1_000_000_000)


async def wait_for_peers(network: Network, profile: Profile, log: Log) -> None:
    """Return when a node that is no seed may begin to initialise (A.10). Raises NoPeersError."""
    try:
        async with asyncio.timeout(profile.initial_peers_cap):
            if profile.initial_peers is None:
                await network.wait_until_settled(profile.peers_quiet)
            else:
                await network.wait_for_peers(profile.initial_peers)
    except TimeoutError:
        await _wait_for_first_peer(network, profile, log)
        log.info(MODULE, "Will start initialization without connecting to too many peers")
    else:
        log.info(MODULE, "Already connected to enough peers, start initialization")


async def _wait_for_first_peer(network: Network, profile: Profile, log: Log) -> None:
    if network.connections_seen:
        return
    try:
        async with asyncio.timeout(profile.first_peer_limit - profile.initial_peers_cap):
            await network.wait_for_peers(1)
    except TimeoutError:
        log.error(  # noqa: TRY400  not a logger of `logging`
            MODULE,
            "Failed to find any peers during initialization (crashing because this is not a seed node)",
        )
        raise NoPeersError from None


async def best_tip_of_peers(
    genesis: Genesis, network: Network, profile: Profile, log: Log, *, now: Callable[[], GlobalSlot]
) -> tuple[Block, Peer] | None:
    """The best of the tips that peers report, unchecked, but for those of slots that are yet to come."""
    asked = network.peers[: profile.best_tip_peers]
    answers = await asyncio.gather(*(_best_tip_of(peer, network, profile, log) for peer in asked))
    best: tuple[Block, Peer] | None = None
    for peer, block in zip(asked, answers, strict=True):
        if block is None or block.global_slot > now():
            continue  # a peer whose clock is ahead would otherwise hide the tips of the others
        if best is None or is_better(block, best[0], genesis.rules.constants):
            best = (block, peer)
    return best


async def _best_tip_of(peer: Peer, network: Network, profile: Profile, log: Log) -> Block | None:
    try:
        data = await network.request(peer, BEST_TIP, b"", seconds=profile.request_limit)
        return decode_answered_block(decode(data, BestTipAnswer).best_tip)
    except RequestFailed as error:
        log.debug(MODULE, "$peer told no best tip: $error", peer=str(peer), error=str(error))
    except BadAnswerError as error:
        log.faulty_peer(MODULE, "$peer told a malformed best tip: $error", peer=str(peer), error=str(error))
    return None


def loaded_frontier(store: FrontierStore, genesis: Genesis, log: Log) -> Frontier | None:
    """What is on disk; the genesis frontier if nothing of this network is; None if that cannot be read."""
    try:
        if store.exists:
            frontier = store.load()
            log.event(structured_events.PERSISTED_FRONTIER_LOADED)
            log.event(structured_events.TRANSITION_FRONTIER_LOADED_FROM_PERSISTENCE)
            return frontier
        log.event(structured_events.PERSISTED_FRONTIER_FRESH_BOOT)
    except OtherNetworkError as error:
        log.warn(MODULE, "The frontier on disk is not used: $error", error=str(error))
    except UnreadableFrontierError as error:
        log.warn(MODULE, "Unable to load frontier; starting bootstrap", error=str(error))
        _drop(store, log)
        return None
    _drop(store, log)
    frontier = Frontier(genesis.built, genesis.rules.constants)
    store.rewrite(frontier)
    log.event(structured_events.PERSISTED_FRONTIER_LOADED)
    return frontier


def _drop(store: FrontierStore, log: Log) -> None:
    store.drop()
    log.event(structured_events.PERSISTED_FRONTIER_DROPPED)
