"""A daemon's side of its archive: every block that the frontier adds is sent right after (daemon contract G.1).

The node never waits: blocks queue here while the archive is slow, and after five attempts one is given up.
"""

import asyncio
from collections import deque
from typing import Final

from coda_daemon.announcements import Announcement
from coda_daemon.archive.added import added_block
from coda_daemon.archive.block_diff import BlockDiff
from coda_daemon.archive.frames import MalformedArchiveFrame, Refused, decode_reply, encode
from coda_daemon.log import Log
from coda_daemon.node import Node
from coda_daemon.ports import Connection, Transport
from coda_daemon.profile import Profile

DEFAULT_PORT: Final = 3086
ATTEMPTS: Final = 5
_MODULE: Final = "Archive_client"
_WAITING: Final = 1000  # blocks; an archive that is so far behind will not catch up


class ArchiveFeed:
    """Sends one node's blocks to HOST, PORT; `run` beside the node."""

    def __init__(
        self, address: tuple[str, int], node: Node, transport: Transport, log: Log, profile: Profile
    ) -> None:
        self._address = address
        self._node = node
        self._transport = transport
        self._log = log
        self._profile = profile
        self._waiting: deque[tuple[str, BlockDiff]] = deque()
        self._is_more = asyncio.Event()
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Goes on until cancelled."""
        deafen = self._node.announcements.listen(self._heard)
        try:
            while True:
                await self._is_more.wait()
                self._is_more.clear()
                while self._waiting:
                    await self._send(*self._waiting.popleft())
        finally:
            deafen()
            self._hang_up()

    def _heard(self, announcement: Announcement) -> None:
        added = added_block(self._node, announcement)
        if added is None:
            return
        block, diff = added
        if len(self._waiting) >= _WAITING:
            lost, _diff = self._waiting.popleft()
            self._tell_lost(lost, f"{_WAITING} blocks wait for the archive already")
        self._waiting.append((block.state_hash, diff))
        self._is_more.set()

    async def _send(self, state_hash: str, diff: BlockDiff) -> None:
        frame, error = encode(diff), ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._profile.archive_retry)
            try:
                async with asyncio.timeout(self._profile.request_limit):
                    error = await self._offer(frame)
            except (OSError, MalformedArchiveFrame) as failure:  # TimeoutError is an OSError
                error = str(failure) or type(failure).__name__
                self._hang_up()
            if not error:
                return
        self._tell_lost(state_hash, error)

    async def _offer(self, frame: bytes) -> str:
        """Why the archive did not take it; nothing if it did."""
        if self._connection is None:
            self._connection = await self._transport.connect(*self._address)
        await self._connection.send(frame)
        data = await self._connection.receive()
        if data is None:
            raise ConnectionResetError("the archive closed the connection")
        reply = decode_reply(data)
        return reply.reason if isinstance(reply, Refused) else ""

    def _tell_lost(self, state_hash: str, error: str) -> None:
        host, port = self._address
        self._log.warn(
            _MODULE,
            "Could not send block $state_hash to archive at $address: $error",
            state_hash=state_hash,
            address=f"{host}:{port}",
            error=error,
        )

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
