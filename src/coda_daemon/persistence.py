"""The frontier on disk, so that a restart goes on where the node was (daemon contract A.7, C.5).

`root/snapshot` holds a root with its ledgers, `frontier/journal` the blocks added since, in their
order: replaying them gives the same frontier again. Appending costs one write; when the journal has
outgrown the snapshot, both are written anew from the frontier. The snapshot is replaced first: an old
journal only repeats blocks that the new one has already or has left behind, so a kill between the two loses
nothing.

Only blocks made here are forced to the disk, before they are gossiped: all others can be had from peers
again.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from coda_daemon.blocks import Block, MalformedBlockError, decode_block
from coda_daemon.consensus.building import Built, InvalidBlockError, restored, validated_once
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.genesis import Genesis
from coda_daemon.ledger.account import Account
from coda_daemon.ledger.ledger import LedgerFullError, build_ledger
from coda_daemon.ports import Store
from coda_daemon.snark.scan_parts import Rebuilt, ScanParts, WrongPartsError, rebuilt, taken_apart

_FORMAT: Final = 5
_DIGEST_BYTES: Final = 32
_RECORD_HEAD: Final = 4 + 8  # length, checksum
_LEAST_JOURNAL: Final = 256 * 1024  # bytes; a smaller one is not worth rewriting


class UnreadableFrontierError(Exception):
    """What is on disk is damaged."""


class OtherNetworkError(Exception):
    """What is on disk belongs to another network, or to another version of this daemon."""


class _Head(msgspec.Struct, frozen=True, array_like=True):
    """What any version of the snapshot begins with."""

    format: int
    chain_id: str


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    format: int
    chain_id: str
    root: bytes
    accounts: tuple[Account, ...]
    later: ScanParts
    history: tuple[bytes, ...]


_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(_Head)
_decoder = msgspec.msgpack.Decoder(_Snapshot)


class FrontierStore:
    """The persistent frontier of one configuration directory.

    All calls are synchronous and raise OSError as the disk does.
    """

    def __init__(self, store: Store, directory: str, genesis: Genesis) -> None:
        self._store = store
        self._genesis = genesis
        self._root_directory = f"{directory}/root"
        self._frontier_directory = f"{directory}/frontier"
        self._snapshot = f"{self._root_directory}/snapshot"
        self._journal = f"{self._frontier_directory}/journal"
        self._journal_size = 0
        self._journal_limit = 0

    @property
    def exists(self) -> bool:
        return self._store.exists(self._snapshot)

    def drop(self) -> None:
        """Remove all of it."""
        self._store.remove(self._root_directory)
        self._store.remove(self._frontier_directory)

    def load(self) -> Frontier:
        """The frontier as the last complete record left it.

        Raises UnreadableFrontierError and OtherNetworkError.
        """
        constants = self._genesis.rules.constants
        root, history = self._read_snapshot()
        frontier = Frontier(root, constants, history=history)
        data = self._store.read(self._journal) if self._store.exists(self._journal) else b""
        records, end = _records(data)
        for record in records:
            self._replay(frontier, record)
        self._journal_size = end
        self._journal_limit = max(_LEAST_JOURNAL, self._store.size(self._snapshot), 2 * end)
        if end != len(data) or not self._store.exists(self._journal):
            # A kill cut the last record: what is appended after it could never be read.
            self.rewrite(frontier)
        return frontier

    def rewrite(self, frontier: Frontier) -> None:
        """Write the whole frontier, replacing whatever is there."""
        root = frontier.root
        first, parts = taken_apart(root.scan, root.epoch_ledgers)
        snapshot = _Snapshot(
            _FORMAT,
            self._genesis.chain_id,
            root.block.encoded,
            tuple(first),
            parts,
            tuple(block.encoded for block in frontier.history),
        )
        payload = _encoder.encode(snapshot)
        journal = b"".join(_record(built.block.encoded) for built in frontier.breadcrumbs())
        self._store.make_directory(self._root_directory)
        self._store.make_directory(self._frontier_directory)
        self._store.write(self._snapshot, _digest(payload) + payload)
        self._store.write(self._journal, journal)
        self._journal_size = len(journal)
        self._journal_limit = len(journal) + max(_LEAST_JOURNAL, len(payload) + len(journal))

    def append(self, frontier: Frontier, block: Block, *, durably: bool) -> None:
        """Add a block that `frontier` has just taken; `durably` forces it to the disk."""
        if self._journal_size > self._journal_limit:
            self.rewrite(frontier)
            return
        record = _record(block.encoded)
        self._store.append(self._journal, record)
        self._journal_size += len(record)
        if durably:
            self._store.sync(self._journal)

    def _read_snapshot(self) -> tuple[Built, list[Block]]:
        data = self._store.read(self._snapshot)
        digest, payload = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if digest != _digest(payload):
            raise UnreadableFrontierError(f"{self._snapshot}: its checksum is wrong; the file is damaged")
        try:
            if (head := _head_decoder.decode(payload)) != _Head(_FORMAT, self._genesis.chain_id):
                raise OtherNetworkError(
                    f"{self._snapshot}: expected format {_FORMAT} and chain id {self._genesis.chain_id}, "
                    f"found {head.format} and {head.chain_id}"
                )
            snapshot = _decoder.decode(payload)
            root = decode_block(snapshot.root)
            history = [decode_block(encoded) for encoded in snapshot.history]
            built = restored(root, self._rebuilt(snapshot), self._genesis.rules)
        except (
            msgspec.DecodeError,
            MalformedBlockError,
            LedgerFullError,
            WrongPartsError,
            InvalidBlockError,
        ) as error:
            raise UnreadableFrontierError(f"{self._snapshot}: {error}") from error
        return built, history

    def _rebuilt(self, snapshot: _Snapshot) -> Rebuilt:
        constants = self._genesis.constants
        return rebuilt(
            snapshot.later,
            build_ledger(constants.ledger_depth, snapshot.accounts),
            depth=constants.transaction_capacity_log_2,
            work_delay=constants.work_delay,
            rules=self._genesis.rules.body.traced_commands,
        )

    def _replay(self, frontier: Frontier, record: bytes) -> None:
        try:
            block = decode_block(record)
        except MalformedBlockError as error:
            raise UnreadableFrontierError(f"{self._journal}: {error}") from error
        parent = frontier.breadcrumb(block.previous_state_hash)
        if parent is None or block.state_hash in frontier:
            return  # the snapshot is newer than this record
        try:
            frontier.add(validated_once(block, parent, self._genesis.rules))
        except InvalidBlockError as error:
            raise UnreadableFrontierError(f"{self._journal}: block {block.state_hash}: {error}") from error


def _records(data: bytes) -> tuple[list[bytes], int]:
    """The complete records up to the first that is cut or damaged, and where they end."""
    records, at = [], 0
    while at + _RECORD_HEAD <= len(data):
        end = at + _RECORD_HEAD + int.from_bytes(data[at : at + 4], "big")
        record = data[at + _RECORD_HEAD : end]
        if end > len(data) or data[at + 4 : at + _RECORD_HEAD] != _checksum(record):
            break
        records.append(record)
        at = end
    return records, at


@lru_cache(maxsize=64)  # all nodes of one process write the same blocks
def _record(encoded: bytes) -> bytes:
    return len(encoded).to_bytes(4, "big") + _checksum(encoded) + encoded


def _checksum(record: bytes) -> bytes:
    return blake2b(record, digest_size=8).digest()


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_DIGEST_BYTES).digest()
