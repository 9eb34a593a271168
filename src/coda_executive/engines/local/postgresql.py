"""A PostgreSQL server of a run's own: where its programs are, and how they are called.

The server listens on a Unix socket in a private directory and asks for no password; it forgets everything with the
run, so it never syncs. It refuses to run as root, so root runs it as somebody else.
"""

import ctypes
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Final

USER: Final = "coda"
_IPC_RMID: Final = 0
_NOBODIES: Final = ("postgres", "nobody")
# Where Debian, Red Hat and PostgreSQL's own build put them.
_PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_PROGRAMS: Final = ("postgres", "initdb", "pg_dump")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The directory of a version's programs, and the user that they run as (None: our own)."""

    directory: Path
    user: str | None

    def make_cluster(self, data: Path) -> tuple[str, ...]:
        """The command that makes an empty cluster."""
        initdb = (str(self.directory / "initdb"), "-D", str(data), "-U", USER, "--auth=trust")
        return (*self._as_user(), *initdb, "--no-sync", "--locale=C", "--encoding=UTF8")

    def serve(self, data: Path, socket_directory: Path) -> tuple[str, ...]:
        """The command that serves a cluster until SIGTERM and the last client's good-bye."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(socket_directory),
            "unix_socket_permissions": "0700",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "16MB",
            "max_connections": "50",
            "autovacuum": "off",
            "max_wal_senders": "0",
            "wal_level": "minimal",
            # Segments in /dev/shm would stay behind a server that is killed.
            "dynamic_shared_memory_type": "mmap",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return (*self._as_user(), str(self.directory / "postgres"), "-D", str(data), *words)

    def _as_user(self) -> tuple[str, ...]:
        if self.user is None:
            return ()
        setpriv = shutil.which("setpriv")
        assert setpriv is not None  # find_postgresql has looked
        return (setpriv, f"--reuid={self.user}", f"--regid={_group(self.user)}", "--clear-groups", "--")

    def own(self, directory: Path) -> None:
        """Give a directory to the server's user. Raises OSError."""
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)


def let_go_of_shared_memory(data: Path) -> None:
    """Have the kernel drop the server's System V segment with its last process: a killed server leaves it behind.

    For a server that answers. Its lock file names the segment, in the line "key id".
    """
    words = [line.split() for line in (data / "postmaster.pid").read_text().splitlines()]
    segments = [int(line[1]) for line in words if len(line) == 2 and all(word.isdigit() for word in line)]
    for segment in segments:
        ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)


def uri(socket_directory: Path, database: str) -> str:
    """Where a database of the run's server is, for asyncpg, psql and pg_dump."""
    return f"postgresql:///{database}?host={socket_directory}&user={USER}"


def find_postgresql() -> PostgresPrograms | None:
    """The newest version that is installed here; None if there is none, or nobody to run it as."""
    user = None
    if os.geteuid() == 0:
        user = next((name for name in _NOBODIES if _exists(name)), None)
        if user is None or shutil.which("setpriv") is None:
            return None
    for directory in chain(_installed(), _on_path()):
        if all((directory / name).exists() for name in _PROGRAMS):
            return PostgresPrograms(directory, user)
    return None


def _installed() -> list[Path]:
    found = [path for place in _PLACES for path in Path("/").glob(place.removeprefix("/"))]
    return sorted(
        found, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], reverse=True
    )


def _on_path() -> Iterator[Path]:
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            yield Path(told.stdout.strip())


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def where_archives_are(programs: PostgresPrograms | None) -> str:
    """In words, where a run without a server of the user's keeps its archives, and what it would take to do better."""
    if find_spec("asyncpg") is None:
        return "in SQLite files; for PostgreSQL, install coda-executive[archive]"
    if programs is None:
        return "in SQLite files; for PostgreSQL, apt-get install postgresql"
    return f"in PostgreSQL, {programs.directory}"
