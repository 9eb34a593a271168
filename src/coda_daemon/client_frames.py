"""What `coda client` and its kin ask a daemon over the client port (daemon contract A.6, J): the frames of
`snark.worker_frames`, with kinds of their own.
"""

from typing import Annotated, Final, Literal, get_args

import msgspec

from coda_daemon.snark import worker_frames
from coda_daemon.snark.worker_frames import Frame, Noted, Refused

PORT: Final = 8301  # the contract's default

LedgerKind = Literal["staged-ledger", "snarked-ledger", "staking-epoch-ledger", "next-epoch-ledger"]
LEDGER_KINDS: Final[tuple[str, ...]] = get_args(LedgerKind)


class GetStatus(Frame, frozen=True, tag=16):
    """Answered with the status of contract D.9."""

    with_performance: bool


class StopDaemon(Frame, frozen=True, tag=17):
    """Noted; then the daemon ends."""


class GetLedger(Frame, frozen=True, tag=18):
    """Answered with the accounts of a ledger, as a configuration lists them."""

    kind: LedgerKind
    state_hash: Annotated[str, msgspec.Meta(max_length=100)] | None = None  # None: the best tip


class GetNonce(Frame, frozen=True, tag=19):
    """Answered with the next nonce of a key as a number, its pending commands counted; null for an unknown one."""

    public_key: Annotated[str, msgspec.Meta(max_length=100)]


class ListTrusted(Frame, frozen=True, tag=21):
    """Answered with the networks on the client trust list."""


class ChangeTrusted(Frame, frozen=True, tag=22):
    """Noted, when the network was put on the list, or taken off it."""

    network: Annotated[str, msgspec.Meta(max_length=100)]
    is_added: bool


class Answered(Frame, frozen=True, tag=20):
    """JSON."""

    json: bytes


DaemonCall = GetStatus | StopDaemon | GetLedger | GetNonce
ClientCall = DaemonCall | ListTrusted | ChangeTrusted
ClientReply = Answered | Noted | Refused

_calls: msgspec.msgpack.Decoder[ClientCall | worker_frames.Call] = msgspec.msgpack.Decoder(
    ClientCall | worker_frames.Call
)
_replies: msgspec.msgpack.Decoder[ClientReply] = msgspec.msgpack.Decoder(ClientReply)


def decode_call(data: bytes) -> ClientCall | worker_frames.Call:
    """What anybody may ask on the client port. Raises MalformedWorkerFrame."""
    return worker_frames.decode(_calls, data)


def decode_client_reply(data: bytes) -> ClientReply:
    """Raises MalformedWorkerFrame."""
    return worker_frames.decode(_replies, data)
