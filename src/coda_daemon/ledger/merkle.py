"""A sparse Merkle tree of fixed depth whose versions share all that they have in common.

Hashes are blake2b-256, at all proof levels of this daemon; the real one hashes with Poseidon. A missing
subtree has the hash of one full of empty leaves, so that a ledger of depth 35 with ten accounts costs ten
paths.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from operator import itemgetter

from coda_daemon.ledger.account import Account, leaf_hash


class Leaf:
    __slots__ = ("account", "hash")

    def __init__(self, hash_: bytes, account: Account) -> None:
        self.hash = hash_
        self.account = account


class Branch:
    """An inner node; a child that is None is an empty subtree."""

    __slots__ = ("hash", "left", "right")

    def __init__(self, hash_: bytes, left: "Node | None", right: "Node | None") -> None:
        self.hash = hash_
        self.left = left
        self.right = right


class Pruned:
    """A subtree of which no more than the hash is known."""

    __slots__ = ("hash",)

    def __init__(self, hash_: bytes) -> None:
        self.hash = hash_


Node = Leaf | Branch | Pruned


class PrunedError(LookupError):
    """A part of the tree is asked for that is not there, or the parts make no tree."""


@cache
def empty_hash(height: int) -> bytes:
    """The hash of an empty subtree `height` levels above the leaves."""
    if height == 0:
        return bytes(32)
    below = empty_hash(height - 1)
    return _join(height, below, below)


def root_hash(root: Node | None, depth: int) -> bytes:
    return empty_hash(depth) if root is None else root.hash


def build(depth: int, accounts: Sequence[Account]) -> Node | None:
    """The tree with `accounts` at positions 0, 1, …; needs len(accounts) <= 2^depth."""
    level: list[Node] = [Leaf(leaf_hash(account), account) for account in accounts]
    for height in range(1, depth + 1):
        level = [
            _branch(height, level[at], level[at + 1] if at + 1 < len(level) else None)
            for at in range(0, len(level), 2)
        ]
    return level[0] if level else None


def get(root: Node | None, depth: int, index: int) -> Account | None:
    node = root
    for height in range(depth - 1, -1, -1):
        if isinstance(node, Pruned):
            raise PrunedError(f"leaf {index} is in a part that was left out")
        if not isinstance(node, Branch):
            return None
        node = node.right if index >> height & 1 else node.left
    return node.account if isinstance(node, Leaf) else None


def siblings(root: Node | None, depth: int, index: int) -> list[tuple[bytes, bool]]:
    """The way from a leaf up to the root: at each level the hash beside it, and whether that is on the right."""
    node, path = root, []
    for height in range(depth - 1, -1, -1):
        left, right = (node.left, node.right) if isinstance(node, Branch) else (None, None)
        goes_right = bool(index >> height & 1)
        beside, node = (left, right) if goes_right else (right, left)
        path.append((empty_hash(height) if beside is None else beside.hash, not goes_right))
    return path[::-1]


def put_all(root: Node | None, depth: int, accounts: Mapping[int, Account]) -> Node | None:
    """The tree with `accounts` at their indices, whatever was there before."""
    return _put(root, depth, sorted(accounts.items()), 0, len(accounts), 0)


def _put(
    node: Node | None, height: int, changes: Sequence[tuple[int, Account]], begin: int, end: int, first: int
) -> Node | None:
    """The subtree whose leaves begin at index `first`, with the changes from `begin` to `end`, all of them in it."""
    if begin == end:
        return node
    if isinstance(node, Pruned):
        raise PrunedError(f"leaf {changes[begin][0]} is in a part that was left out")
    if height == 0:
        account = changes[begin][1]
        return Leaf(leaf_hash(account), account)
    left, right = (node.left, node.right) if isinstance(node, Branch) else (None, None)
    middle = first + (1 << (height - 1))
    split = bisect_left(changes, middle, begin, end, key=itemgetter(0))
    return _branch(
        height,
        _put(left, height - 1, changes, begin, split, first),
        _put(right, height - 1, changes, split, end, middle),
    )


def leaves(root: Node | None) -> Iterator[Account]:
    """All accounts in the order of their positions."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Leaf):
            yield node.account
        elif isinstance(node, Branch):
            stack += (node.right, node.left)


def changes(old: Node | None, new: Node | None) -> Iterator[Account]:
    """Accounts of `new` that are not in the same place of `old`; subtrees with one hash are not walked."""
    if new is None or (old is not None and old.hash == new.hash):
        return
    if isinstance(new, Leaf):
        yield new.account
        return
    if isinstance(new, Pruned):
        raise PrunedError("what changed is in a part that was left out")
    left, right = (old.left, old.right) if isinstance(old, Branch) else (None, None)
    yield from changes(left, new.left)
    yield from changes(right, new.right)


def prune(
    node: Node | None, height: int, wanted: Sequence[int], hashes: list[bytes], first: int = 0
) -> Iterator[tuple[int, Account | None]]:
    """The `wanted` leaves, sorted indices from `first` on; `hashes` gets those of subtrees without any, both left to
    right.
    """
    if not wanted:
        hashes.append(root_hash(node, height))
    elif height == 0:
        yield first, node.account if isinstance(node, Leaf) else None
    else:
        left, right = (node.left, node.right) if isinstance(node, Branch) else (None, None)
        middle = first + (1 << (height - 1))
        split = bisect_left(wanted, middle)
        yield from prune(left, height - 1, wanted[:split], hashes, first)
        yield from prune(right, height - 1, wanted[split:], hashes, middle)


def grown(depth: int, leaves: Mapping[int, Account | None], hashes: Iterator[bytes]) -> Node | None:
    """The tree that `prune` took apart. Raises PrunedError unless leaves and hashes make one."""
    tree = _grown(depth, sorted(leaves), leaves, hashes, 0)
    if any(not 0 <= index < 1 << depth for index in leaves) or next(hashes, None) is not None:
        raise PrunedError(f"expected leaves and hashes of a tree of depth {depth}, found others or more")
    return tree


def _grown(
    height: int,
    wanted: Sequence[int],
    leaves: Mapping[int, Account | None],
    hashes: Iterator[bytes],
    first: int,
) -> Node | None:
    if not wanted:
        hash_ = next(hashes, None)
        if hash_ is None:
            raise PrunedError("expected a hash for each part that was left out, found too few")
        return None if hash_ == empty_hash(height) else Pruned(hash_)
    if height == 0:
        account = leaves[wanted[0]]
        return None if account is None else Leaf(leaf_hash(account), account)
    middle = first + (1 << (height - 1))
    split = bisect_left(wanted, middle)
    left = _grown(height - 1, wanted[:split], leaves, hashes, first)
    right = _grown(height - 1, wanted[split:], leaves, hashes, middle)
    return None if left is None and right is None else _branch(height, left, right)


def _branch(height: int, left: Node | None, right: Node | None) -> Branch:
    left_hash = empty_hash(height - 1) if left is None else left.hash
    right_hash = empty_hash(height - 1) if right is None else right.hash
    return Branch(_join(height, left_hash, right_hash), left, right)


def _join(height: int, left: bytes, right: bytes) -> bytes:
    return blake2b(
        left + right, digest_size=32, salt=height.to_bytes(2, "big"), person=b"coda-merkle"
    ).digest()
