"""The pool of SNARK work on offer: one proof for each bundle, the cheapest (daemon contract H). Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from coda_daemon.snark.statement import Bundle
from coda_daemon.snark.work import Work

CAPACITY: Final = 20_000  # pieces; a whole scan state of the largest network has fewer


class SnarkPool:
    """Work by the bundle that it proves. Work that nobody can want any more leaves with `keep`."""

    def __init__(self) -> None:
        self._offers: dict[tuple[bytes, ...], Work] = {}
        self._seen_at: dict[tuple[bytes, ...], int] = {}

    def __len__(self) -> int:
        return len(self._offers)

    def __iter__(self) -> Iterator[Work]:
        """In the order in which the bundles were first offered."""
        return iter(self._offers.values())

    def find(self, bundle: Bundle) -> Work | None:
        return self._offers.get(bundle.statements)

    def add(self, work: Work, *, height: int) -> bool:
        """Take in an offer; False if there is one that is as cheap. `height` is the best tip's length."""
        known = self._offers.get(work.statements)
        if known is not None and known.fee <= work.fee:
            return False
        if known is None and len(self._offers) >= CAPACITY:
            self._forget(next(iter(self._offers)))
        self._offers[work.statements] = work
        self._seen_at[work.statements] = height
        return True

    def keep(self, wanted: Iterable[Bundle], *, height: int, for_blocks: int) -> None:
        """Note what the best tip wants, and forget what none wanted for so many blocks: the frontier is past it."""
        for bundle in wanted:
            if bundle.statements in self._seen_at:
                self._seen_at[bundle.statements] = height
        for name in [name for name, seen in self._seen_at.items() if seen + for_blocks < height]:
            self._forget(name)

    def _forget(self, name: tuple[bytes, ...]) -> None:
        del self._offers[name]
        del self._seen_at[name]
