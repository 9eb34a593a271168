"""What travels in a frame between two peers: MessagePack arrays with a tag in front.

A frame comes from outside: `decode` is the edge, and everything in a decoded frame is of the right type and
size.
"""

from functools import lru_cache
from typing import Annotated

import msgspec

MAX_FRAME = 32 * 1024 * 1024  # bytes; the largest is an answer with many blocks
MAX_HANDSHAKE_FRAME = 1024  # bytes; whoever has not proved who it is gets no more memory than that
MAX_ADDRESSES = 200  # in one list of peers
VERSION = 1

_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Nonce = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_MessageName = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
_Port = Annotated[int, msgspec.Meta(gt=0, lt=65536)]
_RequestId = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=65536)]


class MalformedFrame(ValueError):
    """A peer sent what is no frame of ours."""


class _Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    pass


class Hello(_Frame, frozen=True, tag=0):
    """The first frame of both sides. A side with another version or chain id is no peer of ours."""

    version: _Count
    chain_id: _Name
    peer_id: _Name
    host: _Name  # where the sender accepts links; empty: the address that it comes from
    port: _Port
    nonce: _Nonce


class Proof(_Frame, frozen=True, tag=1):
    """An ed25519 signature that the sender is who its peer id says (see `handshake`)."""

    signature: Annotated[bytes, msgspec.Meta(max_length=64)]


class Welcome(_Frame, frozen=True, tag=2):
    """The accepting side takes the link."""


class Goodbye(_Frame, frozen=True, tag=3):
    """The sender closes the link, or does not take it, and says why."""

    reason: Annotated[str, msgspec.Meta(max_length=256)]


class Address(_Frame, frozen=True):
    host: _Name
    port: _Port
    peer_id: _Name


class Addresses(_Frame, frozen=True, tag=4):
    """Peers that the sender knows: peer exchange."""

    peers: Annotated[tuple[Address, ...], msgspec.Meta(max_length=MAX_ADDRESSES)]


class Message(_Frame, frozen=True, tag=5):
    """Gossip: meant for everybody."""

    topic: _Name
    payload: bytes


class Request(_Frame, frozen=True, tag=6):
    id: _RequestId
    kind: _Name
    payload: bytes


class Answer(_Frame, frozen=True, tag=7):
    id: _RequestId
    payload: bytes


class Refusal(_Frame, frozen=True, tag=8):
    """A request cannot be answered."""

    id: _RequestId
    reason: Annotated[str, msgspec.Meta(max_length=256)]


class Ping(_Frame, frozen=True, tag=9):
    """Shows that the sender lives; answered by `Pong`."""


class Pong(_Frame, frozen=True, tag=10):
    """The answer to `Ping`."""


class Graft(_Frame, frozen=True, tag=11):
    """The sender wants whole messages at once (see `spreading`)."""


class Prune(_Frame, frozen=True, tag=12):
    """The answer of one who sends them to enough others; it tells what there is instead."""


class Have(_Frame, frozen=True, tag=13):
    """The sender has a message of this name."""

    name: _MessageName


class Want(_Frame, frozen=True, tag=14):
    """The answer to `Have` of one who lacks it."""

    name: _MessageName


Frame = (
    Hello | Proof | Welcome | Goodbye | Addresses | Message | Request | Answer | Refusal
    | Ping | Pong | Graft | Prune | Have | Want
)  # fmt: skip

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def encode(frame: Frame) -> bytes:
    return _encoder.encode(frame)


def decode(data: bytes) -> Frame:
    """Raises MalformedFrame."""
    return _decode_once(data) if len(data) <= _SMALL else _decode(data)


def _decode(data: bytes) -> Frame:
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedFrame(f"a frame of {len(data)} bytes: {error}") from None


# The same message comes from most neighbours, and in a simulation to all nodes of one process.
_SMALL = 8192  # bytes
_decode_once = lru_cache(maxsize=128)(_decode)
