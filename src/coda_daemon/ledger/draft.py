"""Changes to a ledger that are made together, and hashed together at the end.

Between them nobody asks for the root, so the accounts that a block changes are hashed once each, and the
branches above them once for all.
"""

from collections.abc import Iterator

from coda_daemon.ledger.account import MINA_TOKEN, Account, Address, TokenId
from coda_daemon.ledger.ledger import Ledger, LedgerFullError


class Draft:
    """A ledger with changes on top of it. The ledger itself never changes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed: dict[tuple[Address, TokenId], Account] = {}
        self.added = 0  # accounts that the ledger does not have

    def account(self, public_key: Address, token: TokenId = MINA_TOKEN) -> Account | None:
        changed = self._changed.get((public_key, token))
        return self._ledger.account(public_key, token) if changed is None else changed

    @property
    def is_full(self) -> bool:
        return len(self._ledger) + self.added >= 1 << self._ledger.depth

    def put(self, account: Account) -> None:
        """Add an account or replace the one of its key and token. Raises LedgerFullError as `Ledger.put`."""
        name = (account.public_key, account.token)
        if self.account(*name) is None:
            if self.is_full:
                raise LedgerFullError(f"a ledger of depth {self._ledger.depth} has no free leaf")
            self.added += 1
        self._changed[name] = account

    def changes(self) -> Iterator[tuple[Account | None, Account]]:
        """What was before, and what is now, in the order in which accounts were first put."""
        for (public_key, token), account in self._changed.items():
            yield self._ledger.account(public_key, token), account

    def ledger(self) -> Ledger:
        """The ledger with all changes; new accounts stand in the order in which they were put."""
        return self._ledger.put_all(self._changed.values())
