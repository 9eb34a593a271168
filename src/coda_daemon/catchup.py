"""Fetching the ancestors of blocks whose parents are unknown here (daemon contract I.4, catchup).

Such blocks wait as orphans. The best of them is fetched for: its sender, then the other peers, are asked
for the blocks between our chain and it; what comes is added in order, and orphans whose parents arrived are
added after it. An orphan that nobody can connect is dropped after some rounds; the next block of its chain
brings it back.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from coda_daemon.blocks import Block
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.gossip.link import RequestFailed
from coda_daemon.gossip.peer import Peer
from coda_daemon.log import Log
from coda_daemon.network import Network
from coda_daemon.peer_requests import (
    BLOCKS,
    BadAnswerError,
    BlocksRequest,
    decode,
    decode_answered_block,
    encode,
    locator,
)
from coda_daemon.profile import Profile
from coda_protocol.hashes import StateHash

_MODULE: Final = "Ledger_catchup"
_MAX_ORPHANS: Final = 1000
_ROUNDS: Final = 8  # of asking all peers, before an orphan is dropped
_BLOCKS_AT_ONCE: Final = 16  # added before other tasks get their turn


@dataclass(slots=True, eq=False)
class _Orphan:
    block: Block
    sender: Peer | None
    rounds: int = 0


class Catchup:
    """The orphans of one frontier.

    `adopt` validates and adds a block whose parent is known, and answers whether that worked. `changed` is
    called whenever `is_running` may have changed.
    """

    def __init__(
        self,
        frontier: Frontier,
        network: Network,
        log: Log,
        profile: Profile,
        *,
        adopt: Callable[[Block], bool],
        changed: Callable[[], None],
    ) -> None:
        self._frontier = frontier
        self._network = network
        self._log = log
        self._profile = profile
        self._adopt = adopt
        self._changed = changed
        self._orphans: dict[StateHash, _Orphan] = {}
        self._news = asyncio.Event()

    @property
    def is_running(self) -> bool:
        return bool(self._orphans)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states that catchup's blocks are in, for GraphQL `catchupStatus`."""
        return ("finished", "to_download") if self._orphans else ("finished",)

    def want(self, block: Block, sender: Peer | None) -> None:
        """Take in a block whose parent is unknown."""
        if block.state_hash in self._orphans:
            return
        if len(self._orphans) >= _MAX_ORPHANS:
            self._forget(min(self._orphans.values(), key=_length))
        self._orphans[block.state_hash] = _Orphan(block, sender)
        self._news.set()
        self._changed()

    def adopt_waiting(self) -> None:
        """Add the orphans whose parents are known by now, and drop those that the root has left behind."""
        if not self._orphans:
            return
        for orphan in sorted(self._orphans.values(), key=_length):
            block = orphan.block
            is_late = block.blockchain_length <= self._frontier.root.block.blockchain_length
            if block.state_hash in self._frontier or is_late:
                self._forget(orphan)
            elif block.previous_state_hash in self._frontier:
                self._forget(orphan)
                self._adopt(block)
        self._changed()

    async def run(self) -> None:
        """Fetch for orphans until cancelled."""
        while True:
            if not self._orphans:
                self._news.clear()
                await self._news.wait()
            orphan = max(self._orphans.values(), key=_preference)
            is_connected = await self._connect(orphan)
            self.adopt_waiting()
            if not is_connected:
                await self._rest(orphan)

    async def _rest(self, orphan: _Orphan) -> None:
        """After a round in vain: wait for a new orphan or the next round."""
        orphan.rounds += 1
        if orphan.rounds >= _ROUNDS:
            self._log.debug(
                _MODULE,
                "No peer could connect $state_hash to the frontier",
                state_hash=orphan.block.state_hash,
            )
            self._forget(orphan)
            self._changed()
            return
        self._news.clear()
        try:
            async with asyncio.timeout(self._profile.catchup_retry):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _connect(self, orphan: _Orphan) -> bool:
        """Ask one peer after the other until the orphan, or its end as an invalid one, is reached."""
        peers = self._network.peers
        if orphan.sender in peers:
            peers = (orphan.sender, *(peer for peer in peers if peer != orphan.sender))
        for peer in peers:
            try:
                while await self._take(peer, orphan):
                    if orphan.block.state_hash in self._frontier:
                        return True
            except RequestFailed as error:
                self._log.debug(
                    _MODULE, "$peer did not help to catch up: $error", peer=str(peer), error=str(error)
                )
            except BadAnswerError as error:
                self._log.faulty_peer(
                    _MODULE, "$peer sent a malformed answer: $error", peer=str(peer), error=str(error)
                )
        return orphan.block.previous_state_hash in self._frontier

    async def _take(self, peer: Peer, orphan: _Orphan) -> bool:
        """Ask a peer once and add what it sends; False if that brought nothing new."""
        request = BlocksRequest(orphan.block.state_hash, locator(self._frontier))
        answer = await self._network.request(
            peer, BLOCKS, encode(request), seconds=self._profile.request_limit
        )
        return await self._add_all([decode_answered_block(data) for data in decode(answer, list[bytes])])

    async def _add_all(self, blocks: Sequence[Block]) -> bool:
        is_progress = False
        for count, block in enumerate(blocks, start=1):
            if block.state_hash in self._frontier or self._frontier.was_root(block.state_hash):
                continue
            if block.previous_state_hash not in self._frontier or not self._adopt(block):
                break  # the peer's blocks do not reach back to ours, or it follows other rules
            is_progress = True
            if count % _BLOCKS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return is_progress

    def _forget(self, orphan: _Orphan) -> None:
        self._orphans.pop(orphan.block.state_hash, None)


def _length(orphan: _Orphan) -> tuple[int, str]:
    return (orphan.block.blockchain_length, orphan.block.state_hash)


def _preference(orphan: _Orphan) -> tuple[int, tuple[int, str]]:
    """Which one to fetch for: the least often tried, of those the longest."""
    return (-orphan.rounds, _length(orphan))
