"""Opens an archive's database by its URI, on the operating system. Drivers are imported when one is opened."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coda_daemon.ports import ArchiveStore

_SQLITE = "sqlite://"


class SystemArchiveStores:
    """A `ports.ArchiveStores`."""

    async def open(self, uri: str) -> "ArchiveStore":
        if uri.startswith(f"{_SQLITE}/"):
            from coda_daemon.archive.sqlite import SqliteStore

            return SqliteStore(uri.removeprefix(_SQLITE))
        if not uri.startswith(("postgres://", "postgresql://")):
            kind = uri.partition(":")[0]
            raise ValueError(
                f"-postgres-uri: expected postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:///PATH, found {kind}:…"
            )
        from coda_daemon.archive.postgresql import PostgresStore

        store = PostgresStore(uri)
        await store.open()
        return store
