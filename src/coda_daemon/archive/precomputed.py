"""Precomputed blocks: a block with all that an archive stores of it, as one JSON object (daemon contract A.2, G.1).

They fill an archive's holes later: `coda archive blocks` reads them from files, or from the daemons' logs. People
read the fields that Mina's have too; `diff` is what an archive is sent, MessagePack in base64.
"""

from base64 import b64decode, b64encode
from typing import Any, Final

import msgspec

from coda_daemon.announcements import Announcement
from coda_daemon.archive.added import added_block
from coda_daemon.archive.block_diff import BlockDiff
from coda_daemon.archive.frames import MalformedArchiveFrame, decode_diff, encode
from coda_daemon.block_json import command_json, protocol_state_json
from coda_daemon.blocks import Block
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.log import Log
from coda_daemon.node import Node
from coda_daemon.ports import Store

_MODULE: Final = "Mina_lib"
_VERSION: Final = 3  # of the form, as Berkeley's


class _Data(msgspec.Struct):
    diff: str


class _Precomputed(msgspec.Struct):
    data: _Data


class _Metadata(msgspec.Struct):
    precomputed_block: _Precomputed


class _LogLine(msgspec.Struct):
    metadata: _Metadata


def precomputed_block(block: Block, diff: BlockDiff, constants: ConsensusConstants) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "data": {
            "scheduled_time": str(block.state.blockchain_state.timestamp),
            "protocol_state": protocol_state_json(block, constants),
            "state_hash": block.state_hash,
            "commands": [command_json(included) for included in block.body.commands],
            "accounts_accessed": [
                [after.index, [after.account.public_key, after.account.token], str(after.account.balance)]
                for after in diff.accounts
            ],
            "accounts_created": [
                [[after.account.public_key, after.account.token], str(diff.creation_fee)]
                for after in diff.accounts
                if after.is_new
            ],
            "diff": b64encode(encode(diff)).decode(),
        },
    }


def diff_of_precomputed(line: bytes) -> BlockDiff | None:
    """The block in a line of a file of them, or in a log line that has one; None for any other log line.

    Raises MalformedArchiveFrame for a precomputed block that was changed or cut.
    """
    if b"precomputed_block" not in line and b'"diff"' not in line:
        return None
    try:
        if b'"precomputed_block"' in line:
            found = msgspec.json.decode(line, type=_LogLine).metadata.precomputed_block
        else:
            found = msgspec.json.decode(line, type=_Precomputed)
        return decode_diff(b64decode(found.data.diff, validate=True))
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedArchiveFrame(f"expected a precomputed block, found: {error}") from error


class PrecomputedBlocks:
    """Writes those that a node adds into its log, into a file, or both; `heard` listens to its announcements."""

    def __init__(self, node: Node, store: Store, log: Log, *, is_logged: bool, path: str | None) -> None:
        self._node = node
        self._store = store
        self._log = log
        self._is_logged = is_logged
        self._path = path

    def heard(self, announcement: Announcement) -> None:
        added = added_block(self._node, announcement)
        if added is None:
            return
        block, diff = added
        found = precomputed_block(block, diff, self._node.genesis.rules.constants)
        if self._is_logged:
            self._log.info(
                _MODULE,
                "Saw block with state hash $state_hash",
                state_hash=block.state_hash,
                precomputed_block=found,
            )
        if self._path is not None:
            try:
                self._store.append(self._path, msgspec.json.encode(found) + b"\n")
            except OSError as error:
                self._log.error(
                    _MODULE,
                    "Could not append precomputed blocks to $path, and stops trying: $error",
                    path=self._path,
                    error=str(error),
                )
                self._path = None
