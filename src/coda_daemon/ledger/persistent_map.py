"""A map that shares its structure: `insert` leaves the old map as it was and copies one path only.

Each block has a ledger of its own, and forks grow side by side; copying a dict for each would make a step
dearer the longer the run is. The map cannot be iterated: its shape follows Python's hashes, which differ
between processes.
"""

from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_BITS: Final = 4
_MASK: Final = (1 << _BITS) - 1
_EMPTY_BRANCH: Final[tuple[None, ...]] = (None,) * (1 << _BITS)


class _Leaf(Generic[K, V]):
    """All entries under one full hash; nearly always a single one."""

    __slots__ = ("entries", "hash")

    def __init__(self, hash_: int, entries: tuple[tuple[K, V], ...]) -> None:
        self.hash = hash_
        self.entries = entries


_Node = _Leaf[K, V] | tuple["_Node[K, V] | None", ...]


class PersistentMap(Generic[K, V]):
    """An immutable map; `insert` and `get` cost the logarithm of its size."""

    __slots__ = ("_root",)

    def __init__(self, root: "_Node[K, V] | None" = None) -> None:
        self._root = root

    def get(self, key: K) -> V | None:
        hash_ = hash(key)
        node, rest = self._root, hash_
        while isinstance(node, tuple):
            node, rest = node[rest & _MASK], rest >> _BITS
        if node is not None and node.hash == hash_:
            for found, value in node.entries:
                if found == key:
                    return value
        return None

    def insert(self, key: K, value: V) -> "PersistentMap[K, V]":
        """The map with `key` naming `value`, whatever it named before."""
        hash_ = hash(key)
        return PersistentMap(_insert(self._root, 0, hash_, key, value))


def _insert(node: _Node[K, V] | None, shift: int, hash_: int, key: K, value: V) -> _Node[K, V]:
    """`shift` is how many bits of the hash chose the way down to `node`."""
    if node is None:
        return _Leaf(hash_, ((key, value),))
    if isinstance(node, tuple):
        slot = (hash_ >> shift) & _MASK
        return (*node[:slot], _insert(node[slot], shift + _BITS, hash_, key, value), *node[slot + 1 :])
    if node.hash == hash_:
        kept = tuple(entry for entry in node.entries if entry[0] != key)
        return _Leaf(hash_, (*kept, (key, value)))
    slot = (node.hash >> shift) & _MASK
    branch = (*_EMPTY_BRANCH[:slot], node, *_EMPTY_BRANCH[slot + 1 :])
    return _insert(branch, shift, hash_, key, value)
