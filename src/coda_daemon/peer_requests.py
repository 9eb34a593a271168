"""What nodes ask each other besides gossip, and how a node answers from its frontier.

Kinds of request: `best_tip` (no payload), `blocks` (`BlocksRequest`), `root` (no payload), `ledger`
(`LedgerRequest`). Answers are MessagePack; blocks in them are as `Block.encoded`. What a peer sends is
decoded here, at the edge.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

import msgspec

from coda_daemon.blocks import Block, MalformedBlockError, Text, decode_block
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.gossip.link import RequestFailed
from coda_daemon.ledger.account import Account
from coda_daemon.snark.scan_parts import ScanParts, taken_apart
from coda_protocol.hashes import StateHash

BEST_TIP: Final = "best_tip"
BLOCKS: Final = "blocks"
ROOT: Final = "root"
LEDGER: Final = "ledger"

BLOCKS_IN_ANSWER: Final = 256
ACCOUNTS_IN_ANSWER: Final = 2000
_ROOTS_HELD: Final = 4


class BadAnswerError(Exception):
    """A peer answered with what is no answer."""


class BlocksRequest(msgspec.Struct, frozen=True, array_like=True):
    """Asks for the blocks that lead to `target`, from the newest of `known` on: blocks that the asker has."""

    target: Text
    known: Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)]


class LedgerRequest(msgspec.Struct, frozen=True, array_like=True):
    """A page of the oldest ledger of a root that the peer named before."""

    root: Text
    offset: Annotated[int, msgspec.Meta(ge=0)]


class BestTipAnswer(msgspec.Struct, frozen=True, array_like=True):
    best_tip: bytes
    root: bytes


class RootAnswer(msgspec.Struct, frozen=True, array_like=True):
    """A root; `accounts` is the size of the oldest ledger that it needs, which is asked for in pages, and `later`
    what came after that.
    """

    root: bytes
    accounts: Annotated[int, msgspec.Meta(ge=0, le=2**35)]
    later: ScanParts


_encoder = msgspec.msgpack.Encoder()
_T = TypeVar("_T")


def encode(message: msgspec.Struct) -> bytes:
    return _encoder.encode(message)


def decode(data: bytes, kind: type[_T]) -> _T:
    """Raises BadAnswerError."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswerError(str(error)) from error


def decode_answered_block(data: bytes) -> Block:
    """Raises BadAnswerError."""
    try:
        return decode_block(data)
    except MalformedBlockError as error:
        raise BadAnswerError(str(error)) from error


def locator(frontier: Frontier) -> tuple[StateHash, ...]:
    """Blocks of the best path, ever sparser towards the root, for a peer to find where its chain parts."""
    path = frontier.best_path()
    hashes, back = [], 0
    while back < len(path):
        hashes.append(path[-1 - back].state_hash)
        back = 2 * back or back + 1
    hashes.append(path[0].state_hash)
    return tuple(hashes)


class Answers:
    """Answers requests from the frontier that `frontier()` gives, which is None while the node has none."""

    def __init__(self, frontier: Callable[[], Frontier | None]) -> None:
        self._frontier = frontier
        # Accounts of roots that peers are fetching: the root may move on before they have all pages.
        self._roots_held: dict[StateHash, Sequence[Account]] = {}

    def answer(self, kind: str, payload: bytes) -> bytes:
        """Raises RequestFailed, whose text the peer is told."""
        frontier = self._frontier()
        if frontier is None:
            raise RequestFailed("this node has no frontier yet")
        try:
            match kind:
                case "best_tip":
                    return encode(BestTipAnswer(frontier.best_tip.block.encoded, frontier.root.block.encoded))
                case "blocks":
                    return _encoder.encode(_blocks(frontier, decode(payload, BlocksRequest)))
                case "root":
                    return self._root(frontier)
                case "ledger":
                    return self._ledger_page(decode(payload, LedgerRequest))
        except BadAnswerError as error:
            raise RequestFailed(f"malformed {kind} request: {error}") from error
        raise RequestFailed(f"expected {BEST_TIP}, {BLOCKS}, {ROOT} or {LEDGER}, found {kind[:40]!r}")

    def _root(self, frontier: Frontier) -> bytes:
        root = frontier.root
        while len(self._roots_held) >= _ROOTS_HELD:
            del self._roots_held[next(iter(self._roots_held))]
        first, later = taken_apart(root.scan, root.epoch_ledgers)
        self._roots_held[root.block.state_hash] = tuple(first)
        return encode(RootAnswer(root.block.encoded, len(first), later))

    def _ledger_page(self, request: LedgerRequest) -> bytes:
        accounts = self._roots_held.get(StateHash(request.root))
        if accounts is None:
            raise RequestFailed("this root is no longer held; ask for the root again")
        return _encoder.encode(accounts[request.offset : request.offset + ACCOUNTS_IN_ANSWER])


def _blocks(frontier: Frontier, request: BlocksRequest) -> list[bytes]:
    """Encoded blocks, oldest first; they begin with our oldest when none of the known ones is an ancestor."""
    known = frozenset(request.known)
    path = []
    block = frontier.known_block(StateHash(request.target))
    while block is not None and block.state_hash not in known:
        path.append(block.encoded)
        block = frontier.known_block(block.previous_state_hash)
    if not path and request.target not in known:
        raise RequestFailed("unknown block")
    path.reverse()
    return path[:BLOCKS_IN_ANSWER]
