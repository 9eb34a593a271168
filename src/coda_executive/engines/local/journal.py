"""Journals of runs: one locked file for each run, in a directory of the user's, that tells what must be
undone.

A journal is JSON lines, written before the thing is done. Its lock is shared by the executive and the
guardian and ends with the later of the two: a journal without a lock is that of a dead run, and `leftovers`
finishes its work. It is at the same time the lease of the run's ports.
"""

import fcntl
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from coda_executive.engines.local.guardian import process_entry
from coda_executive.errors import EngineError

RUN_LABEL = "CODA_EXECUTIVE_RUN"
GUARDIAN_LABEL = "CODA_EXECUTIVE_GUARDIAN"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one of the same pid; `start` is in clock ticks since
    boot.
    """

    pid: int
    start: int

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        entry = process_entry(self.pid)
        return entry is not None and entry.start == self.start and entry.state not in "ZX"


@dataclass(frozen=True, slots=True)
class LeftDatabase:
    """A database of a run on a user's server: the server's URI without a password, and its name."""

    server: str
    name: str


@dataclass(slots=True)
class JournalContent:
    """What a journal tells. `processes` are the nodes', living or not.

    `boot` names the boot of the machine that it was written in: processes of another boot are gone. `kept` is
    the name of a testnet that is kept up after the command that deployed it.
    """

    label: str = ""
    directory: str = ""
    boot: str = ""
    owner: ProcessIdentity | None = None
    guardian: ProcessIdentity | None = None
    ports: list[int] = field(default_factory=list)
    processes: list[ProcessIdentity] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)
    databases: list[LeftDatabase] = field(default_factory=list)
    kept: str = ""


def state_directory() -> Path:
    """Where this user's runs on this machine know of each other; made, with mode 0700, when missing.

    Raises EngineError when it cannot be made or somebody else could write in it.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parent = Path(runtime) if runtime else Path(tempfile.gettempdir())
    path = parent / ("coda-executive" if runtime else f"coda-executive-{os.getuid()}")
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        (path / "runs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"cannot make {path}, where runs on this machine lease their ports: {error.strerror}. "
            f"Set XDG_RUNTIME_DIR or TMPDIR to a directory that you may write in."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise EngineError(
            f"{path} must be a directory that only you can write in, but it has mode "
            f"{found.st_mode & 0o7777:o} and owner {found.st_uid}; remove it"
        )
    return path


@contextmanager
def state_lock() -> Iterator[None]:
    """Held, for milliseconds, while journals are made, ports chosen or the dead looked for."""
    descriptor = os.open(state_directory() / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Journal:
    """The journal of this run, open and locked. `label` is the run's, unique on the machine."""

    def __init__(self, label: str, path: Path, descriptor: int) -> None:
        self.label = label
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def create(cls, run_id: str, directory: Path) -> "Journal":
        """Begin the journal of a run whose directory is `directory`. Raises EngineError."""
        label = f"{run_id}.{secrets.token_hex(4)}"  # a run directory's name alone may be in use twice
        path = state_directory() / "runs" / f"{label}.jsonl"
        try:
            with state_lock():  # between its creation and its lock it would look dead
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            raise EngineError(
                f"cannot make the journal {path}, without which nothing is started: {error.strerror}. "
                f"Is the disk full?"
            ) from error
        journal = cls(label, path, descriptor)
        owner = process_entry(os.getpid())
        assert owner is not None
        try:
            journal.note(
                label=label,
                directory=str(directory.resolve()),
                boot=boot_id(),
                owner=[owner.pid, owner.start],
            )
        except EngineError:
            journal.remove()
            raise
        return journal

    def note(self, **record: object) -> None:
        """Append one record. Raises EngineError when it cannot be written."""
        try:
            os.write(self.descriptor, json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise EngineError(
                f"cannot write the journal {self.path}: {error.strerror}. Is the disk full?"
            ) from error

    @property
    def socket_path(self) -> Path:
        """Where the guardian of a kept testnet listens."""
        return socket_path(self.path)

    def let_go(self) -> None:
        """Leave the file, and its lock, to the guardian."""
        os.close(self.descriptor)
        self.descriptor = -1

    def remove(self) -> None:
        """Everything is undone: remove the file and let go of the lock. Does nothing the second time."""
        if self.descriptor >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self.descriptor)
            self.descriptor = -1


def read_journal(path: Path) -> JournalContent:
    """What a journal tells, as far as it was written. Raises FileNotFoundError when it is gone."""
    content = JournalContent()
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break  # torn: the disk was full, or the power went
        content.label = record.get("label", content.label)
        content.directory = record.get("directory", content.directory)
        content.boot = record.get("boot", content.boot)
        if "owner" in record:
            content.owner = ProcessIdentity(*record["owner"])
        if "guardian" in record:
            content.guardian = ProcessIdentity(*record["guardian"])
        content.ports += record.get("ports", [])
        if "node" in record:
            content.processes.append(ProcessIdentity(record["pid"], record["start"]))
        content.kept = record.get("kept", content.kept)
        if "temporary" in record:
            content.temporary.append(record["temporary"])
        if "database" in record:
            content.databases.append(LeftDatabase(*record["database"]))
        if "dropped" in record:
            content.databases.remove(LeftDatabase(*record["dropped"]))
    return content


@contextmanager
def locked_if_dead(path: Path) -> Iterator[bool]:
    """Whether a journal's run is dead; if so, nobody else finds it so during the block."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield path.exists()
    finally:
        os.close(descriptor)


def socket_path(journal: Path) -> Path:
    return journal.with_suffix(".socket")


def journal_paths() -> list[Path]:
    return sorted((state_directory() / "runs").glob("*.jsonl"))
