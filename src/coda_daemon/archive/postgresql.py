"""An archive's database in PostgreSQL, by asyncpg (the extra `archive`)."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asyncpg import Connection

_CONNECT_LIMIT: Final = 10.0  # seconds
_INSTALL: Final = (
    "PostgreSQL needs asyncpg: install coda-executive[archive], or give -postgres-uri sqlite:///PATH"
)


class PostgresStore:
    """A `ports.ArchiveStore` on one connection, which is made again after it was lost."""

    dialect: Final = "postgresql"

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connection: Connection[Any] | None = None

    async def open(self) -> None:
        """Raises OSError."""
        await self._connected()

    async def fetch(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        connection = await self._connected()
        with _as_os_error():
            rows = await connection.fetch(sql, *values)
        return [tuple(row) for row in rows]

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        connection = await self._connected()
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  our names
        with _as_os_error():
            await connection.executemany(sql, rows)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        connection = await self._connected()
        transaction = connection.transaction()
        with _as_os_error():
            await transaction.start()
        try:
            yield
        except BaseException:
            # A lost connection has no transaction any more, and what is raised says so already.
            with contextlib.suppress(OSError), _as_os_error():
                await transaction.rollback()
            raise
        with _as_os_error():
            await transaction.commit()

    async def script(self, sql: str) -> None:
        connection = await self._connected()
        with _as_os_error():
            async with connection.transaction():
                await connection.execute(sql)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, TimeoutError), _as_os_error():
                await connection.close(timeout=_CONNECT_LIMIT)

    async def _connected(self) -> "Connection[Any]":
        if self._connection is None or self._connection.is_closed():
            try:
                from asyncpg import connect
            except ImportError as error:
                raise OSError(_INSTALL) from error
            with _as_os_error():
                self._connection = await connect(self._uri, timeout=_CONNECT_LIMIT)
        return self._connection


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    from asyncpg import InterfaceError, PostgresError

    try:
        yield
    except (PostgresError, InterfaceError, TimeoutError) as error:
        raise OSError(f"PostgreSQL: {error or type(error).__name__}") from error
