"""What a SNARK worker and its coordinator say to each other over the client port: MessagePack arrays with a tag.

The real daemon's protocol there is its own affair (daemon contract A.6); so is ours. Every call has one answer.
"""

from typing import Annotated, TypeVar

import msgspec

from coda_daemon.snark.work import Work, WorkSpec

_Text = Annotated[str, msgspec.Meta(max_length=2000)]
_Digests = Annotated[tuple[bytes, ...], msgspec.Meta(max_length=2)]


class MalformedWorkerFrame(ValueError):
    """What came over the client port is no frame of this protocol."""


class Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class GetWork(Frame, frozen=True, tag=0):
    """Asked by a worker that has nothing to do."""


class SubmitWork(Frame, frozen=True, tag=1):
    """Finished work."""

    work: Work


class WorkFailed(Frame, frozen=True, tag=2):
    """The worker could not prove the bundle with these statements."""

    statements: _Digests
    error: _Text


class Assigned(Frame, frozen=True, tag=3):
    """Work to do."""

    spec: WorkSpec


class NoWork(Frame, frozen=True, tag=4):
    """Nothing to do; ask again in `nap` seconds, or up to half as many more."""

    nap: float


class Noted(Frame, frozen=True, tag=5):
    """The answer to what needs none."""


class Refused(Frame, frozen=True, tag=6):
    """The call cannot be answered."""

    reason: _Text


Call = GetWork | SubmitWork | WorkFailed
Reply = Assigned | NoWork | Noted | Refused

_F = TypeVar("_F")

_encoder = msgspec.msgpack.Encoder()
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def encode(frame: Frame) -> bytes:
    return _encoder.encode(frame)


def decode_reply(data: bytes) -> Reply:
    """Raises MalformedWorkerFrame."""
    return decode(_replies, data)


def decode(decoder: "msgspec.msgpack.Decoder[_F]", data: bytes) -> _F:
    """Raises MalformedWorkerFrame."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedWorkerFrame(f"a frame of {len(data)} bytes: {error}") from error
