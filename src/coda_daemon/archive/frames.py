"""What a daemon and an archive say to each other on the archive's port: MessagePack arrays with a tag.

The real protocol there is its own affair (daemon contract A.6); so is ours. Every call has one answer.
"""

from typing import Annotated

import msgspec

from coda_daemon.archive.block_diff import BlockDiff

_Text = Annotated[str, msgspec.Meta(max_length=2000)]


class MalformedArchiveFrame(ValueError):
    """What came over an archive's port is no frame of this protocol."""


class _Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class Stored(_Frame, frozen=True, tag=0):
    """The block is in the database; `is_new` unless it was there before."""

    is_new: bool


class Refused(_Frame, frozen=True, tag=1):
    """The block is not in the database, and why."""

    reason: _Text


Reply = Stored | Refused

_encoder = msgspec.msgpack.Encoder()
_diffs = msgspec.msgpack.Decoder(BlockDiff)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def encode(frame: BlockDiff | Reply) -> bytes:
    return _encoder.encode(frame)


def decode_diff(data: bytes) -> BlockDiff:
    """Raises MalformedArchiveFrame."""
    try:
        return _diffs.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedArchiveFrame(f"expected a block of {len(data)} bytes: {error}") from error


def decode_reply(data: bytes) -> Reply:
    """Raises MalformedArchiveFrame."""
    try:
        return _replies.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedArchiveFrame(f"expected an answer of {len(data)} bytes: {error}") from error
