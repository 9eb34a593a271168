"""The databases of a run's archives: a PostgreSQL server of its own, a user's server, or SQLite files.

A server of the run is started when the first archive node is put in place, as the guardian's child, and lives in a
directory that is removed at the end of the run, however that comes.
"""

import asyncio
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import PlannedNode
from coda_executive.engines.local import databases
from coda_executive.engines.local.errand import run_errand
from coda_executive.engines.local.files import explained
from coda_executive.engines.local.guarded import GuardedProcess, last_lines
from coda_executive.engines.local.handshake import REFERENCE_DAEMON
from coda_executive.engines.local.journal import Journal, LeftDatabase
from coda_executive.engines.local.postgresql import (
    PostgresPrograms,
    find_postgresql,
    let_go_of_shared_memory,
    uri,
    where_archives_are,
)
from coda_executive.engines.local.process import Command, Guardian, ProcessEnd
from coda_executive.errors import DeployError, EngineError, RequestFailed
from coda_executive.interfaces.engine import RunContext

_KEY: Final = "postgresql/server"
_MAINTENANCE: Final = "postgres"  # the database that every server has
_READY_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_SQLITE_BUSY_SECONDS: Final = 10.0
_LONGEST_NAME: Final = 40  # of PostgreSQL's 63, with room for a digest


class LocalArchives:
    """`given` is a user's server, if any. Nothing is started before `prepare`."""

    def __init__(
        self,
        context: RunContext,
        given: str | None,
        environment: Mapping[str, str],
        journal: Callable[[], Journal],
    ) -> None:
        self._context = context
        self._journal = journal
        self._surroundings = environment
        if given is not None and (urlsplit(given).password or "password" in parse_qs(urlsplit(given).query)):
            raise DeployError(
                "--archive-uri holds a password, and command lines are for everybody to read; give it as PGPASSWORD in "
                "the environment"
            )
        if given is not None and find_spec("asyncpg") is None:
            raise DeployError(
                "--archive-uri needs asyncpg: install coda-executive[archive], or leave it out for SQLite"
            )
        self._given = given
        self._programs = find_postgresql() if given is None and find_spec("asyncpg") else None
        digest = blake2b(str(context.directory).encode(), digest_size=6).hexdigest()
        self._home = Path("/tmp") / f"coda-pg-{digest}"  # noqa: S108  short, for the socket's sake; made with mode 0700
        self._engine_directory = context.directory / "engine"
        self._guardian: Guardian | None = None
        self._told_of_sqlite = False
        self._server: GuardedProcess | None = None
        self._server_end: ProcessEnd | None = None
        self._schema: str | None = None
        self._databases: dict[NodeId, str] = {}  # URIs of those that were not closed yet

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program that opens a database needs besides its URI."""
        names = ("PGPASSWORD", "PGPASSFILE") if self._given is not None else ()
        return {name: os.environ[name] for name in names if name in os.environ}

    def uri(self, node: NodeId) -> str:
        """Where the archive of a node has its database."""
        if self._given is not None:
            return _with_database(self._given, self._name(node))
        if self._programs is not None:
            return uri(self._home, self._name(node))
        return f"sqlite://{self._context.directory / 'nodes' / node / 'archive.sqlite'}"

    async def prepare(self, node: PlannedNode, guardian: Guardian) -> None:
        """Make the empty database of an archive node. Raises DeployError."""
        self._guardian = guardian
        if self._given is None and self._programs is None:
            self._tell_of_sqlite()
            return  # the archive makes a file of its own, with the tables
        if self._programs is not None and self._server is None:
            await self._start_server(self._programs, guardian)
        if self._schema is None:
            self._schema = await self._ask_schema(guardian)
        address, name = self.uri(node.id), self._name(node.id)
        if self._given is not None:
            # The guardian's last program reads the journal: whoever of us two is killed, the other drops it.
            self._journal().note(database=[self._given, name])
            program = (sys.executable, "-I", "-m", databases.__name__, str(self._journal().path))
            await guardian.run_last(program, {**self._surroundings, **self.environment})
        self._databases[node.id] = address
        try:
            await databases.execute(self._maintenance, f'CREATE DATABASE "{name}"')
            await databases.execute(address, self._schema)
        except OSError as error:
            raise DeployError(f"cannot make the archive database {name} of {node.id}: {error}") from error

    def _tell_of_sqlite(self) -> None:
        """Once: somebody may think that PostgreSQL is being tested."""
        if not self._told_of_sqlite:
            self._told_of_sqlite = True
            self._context.notice(f"archives are kept {where_archives_are(self._programs)}")

    async def rows(self, node: NodeId, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Raises RequestFailed."""
        address = self.uri(node)
        try:
            if address.startswith("sqlite://"):
                return _sqlite_rows(address.removeprefix("sqlite://"), sql, values)
            return await databases.query(address, sql, values)
        except OSError as error:
            raise RequestFailed(f"the archive of {node} refused {sql!r}: {error}", definite=True) from error

    async def close(self) -> None:
        """Dump the databases into the run directory, drop those on a user's server, stop one of the run.

        Raises EngineError after all that was tried. Also without the guardian, then without a dump.
        """
        problems = []
        for node, address in [*self._databases.items()]:
            try:
                await self._dump(node, address)
            except EngineError as error:
                problems.append(f"the archive database of {node}: {error}")
            try:
                await self._drop(node)
            except OSError as error:
                problems.append(f"the archive database of {node} stays on the server: {error}")
            else:
                del self._databases[node]
        if self._guardian is not None and not self._guardian.is_lost:
            if self._server is not None:
                await self._server.stop(_READY_SECONDS)
            if self._given is not None and not self._databases:
                await self._guardian.run_last((), {})
        if problems:
            raise EngineError("; ".join(problems))

    @property
    def is_closed(self) -> bool:
        """Whether no database is left on a user's server."""
        return self._given is None or not self._databases

    @property
    def _maintenance(self) -> str:
        return uri(self._home, _MAINTENANCE) if self._given is None else self._given

    def _name(self, node: NodeId) -> str:
        """On a user's server names must tell runs apart, and which run it was when one is left behind."""
        if self._given is None:
            return re.sub(r"\W", "_", node)
        text = f"coda_{self._context.run_id}_{node}"
        digest = blake2b(text.encode(), digest_size=6).hexdigest()
        return f"{re.sub(r'[^a-z0-9]', '_', text.lower())[:_LONGEST_NAME]}_{digest}"

    async def _start_server(self, programs: PostgresPrograms, guardian: Guardian) -> None:
        data = self._home / "data"
        await guardian.remove_at_end(self._home)  # before it is there
        with explained("make the directory of PostgreSQL"):
            self._home.mkdir(mode=0o700)
            programs.own(self._home)
        log = self._engine_directory / "postgresql.log"
        end = await run_errand(guardian, "postgresql/initdb", self._command(programs.make_cluster(data), log))
        if end.code != 0:
            raise DeployError(f"initdb ended with {end}: {_told(log)}")
        command = self._command(programs.serve(data, self._home), log)
        self._server = GuardedProcess(_KEY, command, guardian, self._on_server_end)
        await self._server.start(lambda: None)
        await self._until_ready(log)
        with explained("read the lock file of PostgreSQL"):
            let_go_of_shared_memory(data)

    async def _until_ready(self, log: Path) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while self._server_end is None:
                    try:
                        await databases.query(self._maintenance, "SELECT 1")
                    except OSError:
                        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                    else:
                        return
        except TimeoutError as error:
            raise DeployError(
                f"PostgreSQL did not answer within {_READY_SECONDS:g} s: {_told(log)}"
            ) from error
        raise DeployError(f"PostgreSQL ended with {self._server_end}: {_told(log)}")

    def _on_server_end(self, end: ProcessEnd) -> None:
        self._server_end = end
        if end.asked is None and self._databases:
            log = self._engine_directory / "postgresql.log"
            self._context.fail(EngineError(f"the run's PostgreSQL ended with {end}: {_told(log)}"))

    async def _ask_schema(self, guardian: Guardian) -> str:
        """The tables, in the words of the reference daemon."""
        output = self._engine_directory / "archive-schema.sql"
        command = self._command((*REFERENCE_DAEMON, "archive", "schema"), output)
        end = await run_errand(guardian, "archive schema", command)
        if end.code != 0:
            raise DeployError(f"`coda archive schema` ended with {end}: {_told(output)}")
        return output.read_text()

    async def _dump(self, node: NodeId, address: str) -> None:
        """As the real test tools do (daemon contract G.3); without its programs, evidence is lost, not the run."""
        programs = self._programs or find_postgresql()
        if programs is None or self._guardian is None or self._guardian.is_lost:
            return
        output = self._context.directory / "nodes" / node / "archive.sql"
        words = (str(programs.directory / "pg_dump"), "--create", "--no-owner", f"--file={output}", address)
        log = self._engine_directory / "postgresql.log"
        end = await run_errand(self._guardian, "postgresql/dump", self._command(words, log))
        if end.code != 0:
            raise EngineError(f"pg_dump ended with {end}: {_told(log)}")

    async def _drop(self, node: NodeId) -> None:
        """On a user's server; the run's own goes as a whole. Raises OSError."""
        if self._given is not None:
            name = self._name(node)
            await databases.drop(LeftDatabase(self._given, name))
            self._journal().note(dropped=[self._given, name])

    def _command(self, words: tuple[str, ...], output: Path) -> Command:
        environment = {**self._surroundings, **self.environment}
        directory = self._home if self._home.exists() else self._engine_directory
        return Command(words, environment, directory, output, output)


def _sqlite_rows(path: str, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
    named = {f"v{number}": value for number, value in enumerate(values, start=1)}
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_SQLITE_BUSY_SECONDS)
        try:
            return connection.execute(re.sub(r"\$(\d+)", r":v\1", sql), named).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


def _told(log: Path) -> str:
    return " / ".join(last_lines(log)[-3:]) or "it had written nothing"


def _with_database(given: str, name: str) -> str:
    parts = urlsplit(given)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"
