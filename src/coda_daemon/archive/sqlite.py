"""An archive's database in SQLite, for machines without a PostgreSQL server. Ours: the real archive has none.

Calls are synchronous under their `async` names: a block takes well under a millisecond.
"""

import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final


class SqliteStore:
    """A `ports.ArchiveStore`. Tuples are JSON text; enumerations are text."""

    dialect: Final = "sqlite"

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        with _as_os_error():
            self._connection = sqlite3.connect(path, isolation_level=None)
            # Others read while the archive writes; what a power cut takes, the daemons' frontiers still have.
            for pragma in (
                "foreign_keys = ON",
                "journal_mode = WAL",
                "synchronous = NORMAL",
                "busy_timeout = 10000",
            ):
                self._connection.execute(f"PRAGMA {pragma}")

    async def fetch(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        named = {f"v{number}": _written(value) for number, value in enumerate(values, start=1)}
        with _as_os_error():
            return self._connection.execute(_with_names(sql), named).fetchall()

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        places = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  our names
        with _as_os_error():
            self._connection.executemany(sql, [[_written(value) for value in row] for row in rows])

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        with _as_os_error():
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        with _as_os_error():
            self._connection.commit()

    async def script(self, sql: str) -> None:
        with _as_os_error():
            self._connection.executescript(sql)

    async def close(self) -> None:
        self._connection.close()


@lru_cache(maxsize=256)
def _with_names(sql: str) -> str:
    return re.sub(r"\$(\d+)", r":v\1", sql)


def _written(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, tuple) else value


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:  # SQLite counts to 2^63
        raise OSError(f"SQLite: {error}") from error
