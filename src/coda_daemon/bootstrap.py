"""Starting over from a peer's root, when the network is too far ahead to catch up with (daemon contract I.4).

A root is taken with its whole ledger, whose hash the root block states; the blocks after it come by catchup
and are checked one by one. At proof levels without proofs nothing shows that the root itself is honest: as
in the real network the better chain is believed.
"""

import asyncio
from typing import Final

from coda_daemon.blocks import Block
from coda_daemon.consensus.building import Built, InvalidBlockError, restored
from coda_daemon.consensus.selection import is_better
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.genesis import Genesis
from coda_daemon.gossip.link import RequestFailed
from coda_daemon.gossip.peer import Peer
from coda_daemon.ledger.account import Account
from coda_daemon.ledger.ledger import LedgerFullError, build_ledger
from coda_daemon.log import Log
from coda_daemon.network import Network
from coda_daemon.peer_requests import (
    ACCOUNTS_IN_ANSWER,
    LEDGER,
    ROOT,
    BadAnswerError,
    LedgerRequest,
    RootAnswer,
    decode,
    decode_answered_block,
    encode,
)
from coda_daemon.profile import Profile
from coda_daemon.snark.scan_parts import WrongPartsError, rebuilt
from coda_protocol import structured_events

_MODULE: Final = "Bootstrap_controller"


def is_too_far(block: Block, frontier: Frontier, genesis: Genesis) -> bool:
    """Whether a block calls for a bootstrap rather than catchup.

    295 blocks above the best tip is a fixed number of the contract (I.4).
    """
    constants, root = genesis.rules.constants, frontier.root.block
    is_far_above = (
        block.blockchain_length > root.blockchain_length + constants.catchup_reach
        or block.blockchain_length > frontier.best_tip.block.blockchain_length + 295
    )
    return is_far_above and is_better(block, root, constants)


async def bootstrapped(
    genesis: Genesis, network: Network, log: Log, profile: Profile, *, ours: Block | None
) -> Frontier | None:
    """A frontier that holds a peer's root alone; None if no peer has a better one than `ours`.

    Asks again and again until there are peers that answer; without a root of our own, until one has a root.
    """
    log.event(structured_events.STARTING_BOOTSTRAP_CONTROLLER)
    while True:
        is_answered = False
        for peer in network.peers:
            try:
                root = await _fetched_root(peer, genesis, network, profile, ours)
            except RequestFailed as error:
                log.debug(_MODULE, "$peer gave no root: $error", peer=str(peer), error=str(error))
            except BadAnswerError as error:
                log.faulty_peer(_MODULE, "$peer sent a bad root: $error", peer=str(peer), error=str(error))
            else:
                is_answered = True
                if root is not None:
                    log.event(structured_events.SNARKED_LEDGER_SYNCED)
                    log.event(structured_events.BOOTSTRAP_COMPLETE)
                    return Frontier(root, genesis.rules.constants)
        if is_answered and ours is not None:
            return None
        await asyncio.sleep(profile.catchup_retry)


async def _fetched_root(
    peer: Peer, genesis: Genesis, network: Network, profile: Profile, ours: Block | None
) -> Built | None:
    """The peer's root with its ledger; None if it is no better than `ours`."""
    seconds = profile.request_limit
    answer = decode(await network.request(peer, ROOT, b"", seconds=seconds), RootAnswer)
    block = decode_answered_block(answer.root)
    genesis_hash = genesis.block.state_hash
    if genesis_hash not in (block.state_hash, block.state.genesis_state_hash):
        raise BadAnswerError(f"the root {block.state_hash} is of another network")
    if ours is not None and not is_better(block, ours, genesis.rules.constants):
        return None
    depth = genesis.constants.ledger_depth
    if answer.accounts > 1 << depth:
        raise BadAnswerError(f"expected at most {1 << depth} accounts, found {answer.accounts}")
    accounts: list[Account] = []
    while len(accounts) < answer.accounts:
        request = encode(LedgerRequest(block.state_hash, len(accounts)))
        page = decode(await network.request(peer, LEDGER, request, seconds=seconds), list[Account])
        if not 0 < len(page) <= ACCOUNTS_IN_ANSWER:
            raise BadAnswerError(f"expected 1 to {ACCOUNTS_IN_ANSWER} accounts, found {len(page)}")
        accounts += page
    constants = genesis.constants
    try:
        parts = rebuilt(
            answer.later,
            build_ledger(depth, accounts[: answer.accounts]),
            depth=constants.transaction_capacity_log_2,
            work_delay=constants.work_delay,
            rules=genesis.rules.body.traced_commands,
        )
        return restored(block, parts, genesis.rules)
    except (LedgerFullError, WrongPartsError, InvalidBlockError) as error:
        raise BadAnswerError(f"what came with the root is not what it names: {error}") from error
