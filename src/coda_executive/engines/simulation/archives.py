"""Archives' databases in the simulation: SQLite in memory, one for each machine and path.

They are the machine's disk as far as archives go: they stay while processes come and go. Nothing waits in them,
so they take no virtual time.
"""

import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

_PREFIX: Final = "sqlite://"


class SimulatedArchiveStore:
    """An `ArchiveStore` of the daemon's ports, and what the executive reads the rows by."""

    dialect: Final = "sqlite"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("PRAGMA foreign_keys = ON")

    async def fetch(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        named = {f"v{number}": _written(value) for number, value in enumerate(values, start=1)}
        with _as_os_error():
            return self._connection.execute(re.sub(r"\$(\d+)", r":v\1", sql), named).fetchall()

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        places = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  the daemon's names
        with _as_os_error():
            self._connection.executemany(sql, [[_written(value) for value in row] for row in rows])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    async def script(self, sql: str) -> None:
        with _as_os_error():
            self._connection.executescript(sql)

    async def close(self) -> None:
        """The rows stay: see `ArchiveDisk.discard`."""

    def dump(self) -> Iterator[str]:
        """Tables and rows as SQL."""
        return self._connection.iterdump()

    def discard(self) -> None:
        self._connection.close()


class ArchiveDisk:
    """An `ArchiveStores` of the daemon's ports: a machine's databases."""

    def __init__(self) -> None:
        self._stores: dict[str, SimulatedArchiveStore] = {}

    async def open(self, uri: str) -> SimulatedArchiveStore:
        if not uri.startswith(f"{_PREFIX}/"):
            kind = uri.partition(":")[0]
            raise ValueError(f"-postgres-uri: expected sqlite:///PATH in the simulation, found {kind}:…")
        if uri not in self._stores:
            self._stores[uri] = SimulatedArchiveStore()
        return self._stores[uri]

    def discard(self, *, dump: Path | None = None) -> None:
        """Forget everything, but what is written to `dump`, as SQL, if there is something. Raises OSError."""
        stores = tuple(self._stores.values())
        self._stores.clear()
        try:
            if dump is not None and stores:
                dump.write_text("".join(f"{line}\n" for store in stores for line in store.dump()))
        finally:
            for store in stores:
                store.discard()


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:  # SQLite counts to 2^63
        raise OSError(f"SQLite: {error}") from error


def _written(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, tuple) else value
