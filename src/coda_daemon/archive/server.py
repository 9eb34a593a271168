"""An archive's port: takes blocks from any number of daemons (daemon contract G.1)."""

from typing import Final

from coda_daemon.archive.archive import Archive
from coda_daemon.archive.frames import MalformedArchiveFrame, Refused, Reply, Stored, decode_diff, encode
from coda_daemon.blocks import Block, MalformedBlockError, decode_block
from coda_daemon.log import Log
from coda_daemon.ports import Connection
from coda_daemon.trust_list import TrustList

_MODULE: Final = "Archive"


class ArchiveServer:
    """`serve` is for the transport. Blocks more than `kept` below the highest are deleted, if a number is given."""

    def __init__(self, archive: Archive, *, trusted: TrustList, kept: int | None, log: Log) -> None:
        self._archive = archive
        self._trusted = trusted
        self._kept = kept
        self._log = log
        self._connections: dict[Connection, None] = {}

    def close(self) -> None:
        """Hang up on everybody."""
        for connection in tuple(self._connections):
            connection.close()

    async def serve(self, connection: Connection) -> None:
        address = connection.remote_host
        if address not in self._trusted:
            self._log.warn(
                _MODULE,
                "Rejecting a connection from $address: it is not on the client trust list",
                address=address,
            )
            connection.close()
            return
        self._connections[connection] = None
        try:
            while (data := await connection.receive()) is not None:
                await connection.send(encode(await self._taken(data)))
        except (MalformedArchiveFrame, MalformedBlockError) as error:
            self._log.warn(
                _MODULE,
                "Closing a connection from $address: $error",
                address=address,
                error=str(error),
            )
        except ConnectionError as error:
            self._log.debug(_MODULE, "A connection was lost: $error", error=str(error))
        finally:
            del self._connections[connection]
            connection.close()

    async def _taken(self, data: bytes) -> Reply:
        diff = decode_diff(data)
        try:
            is_new = await self._archive.add(diff)
            if is_new:
                await self._tell_hole(decode_block(diff.block))
            if is_new and self._kept is not None:
                await self._archive.delete_older_than(self._kept)
        except OSError as error:
            self._log.error(_MODULE, "Failed to store a block: $error", error=str(error))
            return Refused(str(error)[:500])
        return Stored(is_new)

    async def _tell_hole(self, block: Block) -> None:
        """Say when a parent is missing: somebody has to bring it, or it stays so."""
        if await self._archive.lacks_parent(block.state_hash):
            self._log.warn(
                _MODULE,
                "Block $state_hash at height $height has no parent here: $parent_hash is missing",
                state_hash=block.state_hash,
                height=block.blockchain_length,
                parent_hash=block.previous_state_hash,
            )
