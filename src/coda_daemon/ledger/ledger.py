"""The ledger: accounts by key and token, and the Merkle root over them. Every change makes a new ledger."""

from collections.abc import Iterable, Iterator, Sequence

from coda_daemon.digests import field_of
from coda_daemon.ledger import merkle
from coda_daemon.ledger.account import MINA_TOKEN, Account, Address, TokenId
from coda_daemon.ledger.persistent_map import PersistentMap
from coda_protocol.hash_text import ledger_hash
from coda_protocol.hashes import LedgerHash

# Tokens that a key holds, each with the position of its account.
_Holdings = tuple[tuple[TokenId, int], ...]


class LedgerFullError(Exception):
    """The tree has no free leaf; its depth is `proof.ledger_depth` of the runtime configuration."""


class Ledger:
    """Immutable; `put` shares everything but one path with the ledger it came from."""

    __slots__ = ("_hash", "_positions", "_size", "_tree", "depth")

    def __init__(
        self, depth: int, tree: merkle.Node | None, positions: PersistentMap[Address, _Holdings], size: int
    ) -> None:
        self.depth = depth
        self._tree = tree
        self._positions = positions
        self._size = size
        self._hash: LedgerHash | None = None

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Account]:
        """Accounts in the order of their positions."""
        return merkle.leaves(self._tree)

    def __repr__(self) -> str:
        return f"<Ledger {self.hash} {self._size} accounts>"

    @property
    def hash(self) -> LedgerHash:
        if self._hash is None:
            self._hash = ledger_hash(field_of(merkle.root_hash(self._tree, self.depth)))
        return self._hash

    @property
    def is_full(self) -> bool:
        return self._size >= 1 << self.depth

    def account(self, public_key: Address, token: TokenId = MINA_TOKEN) -> Account | None:
        position = self.position(public_key, token)
        return None if position is None else self.at(position)

    def at(self, position: int) -> Account | None:
        return merkle.get(self._tree, self.depth, position)

    def merkle_path(self, position: int) -> list[tuple[bytes, bool]]:
        """From a leaf to the root: the hash beside the way, and whether it is on the right."""
        return merkle.siblings(self._tree, self.depth, position)

    def accounts_of(self, public_key: Address) -> tuple[Account, ...]:
        """The accounts of a key, one for each of its tokens, oldest first."""
        held = self._positions.get(public_key) or ()
        found = (merkle.get(self._tree, self.depth, position) for _token, position in held)
        return tuple(account for account in found if account is not None)

    def put(self, account: Account) -> "Ledger":
        """The ledger with `account` in place of the one of its key and token, or added to it.

        Raises LedgerFullError when it would be added and no leaf is free.
        """
        return self.put_all((account,))

    def put_all(self, accounts: Iterable[Account]) -> "Ledger":
        """`put` for each of the accounts, distinct ones, hashing every branch above them once."""
        positions, size = self._positions, self._size
        changes: dict[int, Account] = {}
        for account in accounts:
            position = self.position(account.public_key, account.token)
            if position is None:
                if size >= 1 << self.depth:
                    raise LedgerFullError(
                        f"all {size} leaves of the ledger are taken; its depth is {self.depth}"
                    )
                position, size = size, size + 1
                held = positions.get(account.public_key) or ()
                positions = positions.insert(account.public_key, (*held, (account.token, position)))
            changes[position] = account
        if not changes:
            return self
        return Ledger(self.depth, merkle.put_all(self._tree, self.depth, changes), positions, size)

    def pruned(
        self, positions: Iterable[int]
    ) -> tuple[tuple[tuple[int, Account | None], ...], tuple[bytes, ...]]:
        """These leaves, None for free ones, and the hashes of the subtrees without any of them, left to right."""
        wanted, hashes = sorted(set(positions)), list[bytes]()
        leaves = tuple(merkle.prune(self._tree, self.depth, wanted, hashes))
        return leaves, tuple(hashes)

    def changes_since(self, older: "Ledger") -> Iterator[Account]:
        """Accounts that are new or another than in a ledger that this one came from, in the order of their
        positions; `older.put_all` of them is this one again.
        """
        return merkle.changes(older._tree, self._tree)

    def position(self, public_key: Address, token: TokenId = MINA_TOKEN) -> int | None:
        """The leaf of an account, counted from 0; None if there is none."""
        for held, position in self._positions.get(public_key) or ():
            if held == token:
                return position
        return None


def build_ledger(depth: int, accounts: Sequence[Account]) -> Ledger:
    """A ledger of distinct accounts in this order. Raises LedgerFullError for more than 2^depth."""
    if len(accounts) > 1 << depth:
        raise LedgerFullError(f"a ledger of depth {depth} holds {1 << depth} accounts, got {len(accounts)}")
    held: dict[Address, _Holdings] = {}
    for position, account in enumerate(accounts):
        held[account.public_key] = (*held.get(account.public_key, ()), (account.token, position))
    positions = PersistentMap[Address, _Holdings]()
    for public_key, holdings in held.items():
        positions = positions.insert(public_key, holdings)
    return Ledger(depth, merkle.build(depth, accounts), positions, len(accounts))


def sparse_ledger(
    depth: int, size: int, leaves: Iterable[tuple[int, Account | None]], hashes: Iterable[bytes]
) -> Ledger:
    """What `pruned` gave of a ledger with `size` accounts, as a ledger that has no other account.

    Raises merkle.PrunedError for what is no tree; so do changes beyond these leaves.
    """
    known = dict(leaves)
    positions = PersistentMap[Address, _Holdings]()
    for position, account in sorted(known.items()):
        if account is not None:
            held = positions.get(account.public_key) or ()
            positions = positions.insert(account.public_key, (*held, (account.token, position)))
    return Ledger(depth, merkle.grown(depth, known, iter(hashes)), positions, size)


def total_currency(accounts: Iterable[Account]) -> int:
    """Nanomina in all accounts of the MINA token."""
    return sum(account.balance for account in accounts if account.token == MINA_TOKEN)
