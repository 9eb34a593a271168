import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from coda_daemon.archive.schema import schema
from coda_daemon.archive.stores import SystemArchiveStores
from coda_daemon.ports import ArchiveStore
from coda_executive.engines.local.postgresql import USER, find_postgresql, uri

LIMIT = 60.0  # seconds


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """The socket directory of a PostgreSQL server of this test session."""
    programs = find_postgresql()
    if programs is None:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    # Not below pytest's own directory, which the server's user may not enter.
    directory = Path(tempfile.mkdtemp(prefix="coda-pg-"))
    try:
        programs.own(directory)
        subprocess.run(programs.make_cluster(directory / "data"), check=True, capture_output=True)
        server = subprocess.Popen(
            programs.serve(directory / "data", directory), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert server.stderr is not None
        try:
            for line in server.stderr:
                if b"ready to accept connections" in line:
                    break
            yield directory
        finally:
            server.terminate()
            server.communicate(timeout=LIMIT)
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def postgres_uri(postgres_socket: Path) -> str:
    """An empty database."""
    programs = find_postgresql()
    assert programs is not None
    # An empty schema is quicker made than an empty database.
    psql = [str(programs.directory / "psql"), "-q", "-h", str(postgres_socket), "-U", USER, "postgres"]
    reset = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    subprocess.run([*psql, "-c", reset], check=True, stderr=subprocess.DEVNULL)
    return uri(postgres_socket, "postgres")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ArchiveStore]:
    """A database with empty tables, in each of the two."""
    if request.param == "sqlite":
        address = f"sqlite://{tmp_path}/archive.sqlite"
    else:
        address = request.getfixturevalue("postgres_uri")
    opened = await SystemArchiveStores().open(address)
    await opened.script(schema(opened.dialect))
    yield opened
    await opened.close()
