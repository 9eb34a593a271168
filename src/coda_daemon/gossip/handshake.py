"""How two peers find out who the other is before anything else is said.

    dialler                      acceptor
    Hello            ──────►
                     ◄──────     Hello
    Proof            ──────►     (checks it)
    (checks it)      ◄──────     Proof, Welcome       or Goodbye with a reason

A proof is the sender's signature over the chain, both peer ids and both nonces, the sender's first: so it
belongs to this link, to this direction and to nobody else. What follows on the link is neither encrypted nor
signed: whoever sits on the wire between two nodes can still change it. This is a network for tests.
"""

from dataclasses import dataclass

from coda_daemon.gossip.frames import (
    MAX_HANDSHAKE_FRAME,
    VERSION,
    Frame,
    Goodbye,
    Hello,
    MalformedFrame,
    Proof,
    Welcome,
    decode,
    encode,
)
from coda_daemon.gossip.peer import Peer
from coda_daemon.ports import Connection
from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import Libp2pKeypair, PeerId, is_signed_by_peer


class HandshakeFailed(ConnectionError):
    """The other side is no peer for us, or we are none for it. `faulty`: it broke the rules rather than
    declined.
    """

    def __init__(self, message: str, *, faulty: bool = False) -> None:
        super().__init__(message)
        self.faulty = faulty


@dataclass(frozen=True, slots=True)
class Self:
    """What a node says of itself."""

    identity: Libp2pKeypair
    chain_id: str
    host: str  # external address; empty when not known
    port: int

    def hello(self, nonce: bytes) -> Hello:
        return Hello(VERSION, self.chain_id, self.identity.peer_id, self.host, self.port, nonce)


async def greet(connection: Connection, own: Self, nonce: bytes, *, expected: PeerId) -> Peer:
    """The dialler's side. Raises HandshakeFailed, also when `expected` is not who answers, or
    ConnectionError.
    """
    mine = own.hello(nonce)
    await connection.send(encode(mine))
    theirs = _checked_hello(await _next(connection), own)
    if theirs.peer_id != expected:
        raise HandshakeFailed(f"expected peer {expected}, found {theirs.peer_id}")
    await connection.send(encode(_proof(own, mine, theirs)))
    _check_proof(await _next(connection), mine=mine, theirs=theirs)
    if not isinstance(await _next(connection), Welcome):
        raise HandshakeFailed("expected a welcome, found another frame", faulty=True)
    return _peer(theirs, connection)


async def receive_greeting(connection: Connection, own: Self, nonce: bytes) -> Peer:
    """The acceptor's side, up to the dialler's proof; `welcome` or `refuse` is next. Raises as `greet`."""
    theirs = _checked_hello(await _next(connection), own)
    mine = own.hello(nonce)
    await connection.send(encode(mine))
    _check_proof(await _next(connection), mine=mine, theirs=theirs)
    await connection.send(encode(_proof(own, mine, theirs)))
    return _peer(theirs, connection)


async def welcome(connection: Connection) -> None:
    await connection.send(encode(Welcome()))


async def refuse(connection: Connection, reason: str) -> None:
    await connection.send(encode(Goodbye(reason)))


async def _next(connection: Connection) -> Frame:
    data = await connection.receive(MAX_HANDSHAKE_FRAME)
    if data is None:
        raise HandshakeFailed("closed during the handshake")
    try:
        frame = decode(data)
    except MalformedFrame as error:
        raise HandshakeFailed(str(error), faulty=True) from None
    if isinstance(frame, Goodbye):
        raise HandshakeFailed(f"refused: {frame.reason}")
    return frame


def _checked_hello(frame: Frame, own: Self) -> Hello:
    if not isinstance(frame, Hello):
        raise HandshakeFailed("expected a hello, found another frame", faulty=True)
    if frame.version != VERSION:
        raise HandshakeFailed(f"expected gossip version {VERSION}, found {frame.version}")
    if frame.chain_id != own.chain_id:
        raise HandshakeFailed(f"another chain: {frame.chain_id}")
    if frame.peer_id == own.identity.peer_id:
        raise HandshakeFailed("this is our own peer id")
    return frame


def _signed_text(sender: Hello, receiver: Hello) -> bytes:
    names = f"coda gossip {VERSION} {sender.chain_id} {sender.peer_id} {receiver.peer_id} "
    return names.encode() + sender.nonce + receiver.nonce


def _proof(own: Self, mine: Hello, theirs: Hello) -> Proof:
    return Proof(own.identity.sign(_signed_text(mine, theirs)))


def _check_proof(frame: Frame, *, mine: Hello, theirs: Hello) -> None:
    if not isinstance(frame, Proof):
        raise HandshakeFailed("expected a proof, found another frame", faulty=True)
    try:
        is_true = is_signed_by_peer(theirs.peer_id, _signed_text(theirs, mine), frame.signature)
    except FormatError as error:
        raise HandshakeFailed(str(error), faulty=True) from None
    if not is_true:
        raise HandshakeFailed(f"the signature is not that of peer {theirs.peer_id}", faulty=True)


def _peer(hello: Hello, connection: Connection) -> Peer:
    return Peer(hello.host or connection.remote_host, hello.port, PeerId(hello.peer_id))
