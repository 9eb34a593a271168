"""Databases that runs make on a user's PostgreSQL server: in the journal before they are made, dropped by name.

    python -m coda_executive.engines.local.databases JOURNAL

drops those of one run. The guardian does so at its end, unless the executive has.
"""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from coda_executive.engines.local.journal import LeftDatabase, read_journal
from coda_executive.errors import LeakError

_CONNECT_SECONDS: Final = 10.0


async def query(address: str, sql: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
    """The rows of one statement. Raises OSError, also for what the server refuses."""
    return [tuple(row) for row in await _with_connection(address, "fetch", sql, *values)]


async def execute(address: str, sql: str) -> None:
    """Run a script. Raises OSError as `query` does."""
    await _with_connection(address, "execute", sql)


async def drop(database: LeftDatabase) -> None:
    """Drop it, whoever uses it; one that is gone is no error. Raises OSError."""
    await execute(database.server, f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')


def drop_all(databases: Iterable[LeftDatabase]) -> None:
    """Drop databases of a dead run. Raises LeakError that names those that stay."""
    problems = []
    for database in databases:
        try:
            asyncio.run(drop(database))
        except (OSError, ImportError) as error:
            problems.append(f"{database.name}: {error}")
    if problems:
        raise LeakError(
            f"on the user's PostgreSQL server stay {'; '.join(problems)}. Drop them by hand, or clean up again once "
            f"the server answers (PGPASSWORD in the environment, coda-executive[archive] installed)"
        )


async def _with_connection(address: str, method: str, *arguments: Any) -> Any:
    """A connection for one statement: none that idles would hold the server up. Raises OSError."""
    from asyncpg import InterfaceError, PostgresError, connect

    try:
        connection = await connect(address, timeout=_CONNECT_SECONDS)
        try:
            return await getattr(connection, method)(*arguments)
        finally:
            await connection.close()
    except (PostgresError, InterfaceError) as error:
        raise OSError(str(error)) from error


if __name__ == "__main__":
    try:
        drop_all(read_journal(Path(sys.argv[1])).databases)
    except LeakError as error:
        sys.exit(str(error))
