"""What dead runs left on this machine: found by journal and by label, shown, removed. A run that lives is
never touched.

A run lives while its journal is locked, or while the guardian that its processes name in their environment
does: the journal may be in another state directory than ours.
"""

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from coda_executive.engines.local.guardian import (
    ProcessEntry,
    environment_value,
    output_of,
    process_table,
    remove_tree,
    subtree,
)
from coda_executive.engines.local.journal import (
    GUARDIAN_LABEL,
    RUN_LABEL,
    JournalContent,
    LeftDatabase,
    ProcessIdentity,
    boot_id,
    journal_paths,
    locked_if_dead,
    read_journal,
    state_lock,
)
from coda_executive.errors import LeakError
from coda_executive.support.clock import monotonic, wall_time_ns

KILL_SECONDS = 5.0
_SETTLING_SECONDS = 0.5  # in which an executive ends the nodes of a guardian that died


@dataclass(frozen=True, slots=True)
class LeftProcess:
    """A process that outlived its run; `command` is its command line, at most 200 characters."""

    identity: ProcessIdentity
    command: str


@dataclass(frozen=True, slots=True)
class LocalLeftover:
    """Satisfies Leftover. `journal` is None when only processes with the run's label were found."""

    label: str
    directory: str
    journal: Path | None
    processes: tuple[LeftProcess, ...]
    temporary: tuple[str, ...]
    databases: tuple[LeftDatabase, ...]
    age: float

    @property
    def things(self) -> tuple[str, ...]:
        processes = (f"process {left.identity.pid}: {left.command}" for left in self.processes)
        temporary = (f"temporary {path}" for path in self.temporary)
        databases = (f"database {each.name} on {each.server}" for each in self.databases)
        journal = () if self.journal is None else (f"journal {self.journal}",)
        return (*processes, *temporary, *databases, *journal)

    def remove(self) -> None:
        """Satisfies Leftover. The journal goes last: whoever is interrupted here can begin again."""
        if self.journal is None:
            kill_processes([left.identity for left in self.processes])
            return
        with locked_if_dead(self.journal) as dead:
            if not dead:
                return  # somebody else removed it
            kill_processes([left.identity for left in self.processes])
            for path in self.temporary:
                remove_tree(path)
            if self.databases:
                from coda_executive.engines.local.databases import drop_all

                drop_all(self.databases)
            self.journal.unlink(missing_ok=True)


def find_leftovers(older_than: float = 0.0) -> list[LocalLeftover]:
    """What runs left that are dead and at least `older_than` seconds old. Nothing is changed. Raises
    EngineError.
    """
    with state_lock():
        found = _find()
    return [leftover for leftover in found if leftover.age >= older_than]


def _find() -> list[LocalLeftover]:
    table = process_table()
    labelled = labelled_processes(table)
    found = []
    known = set()
    for path in journal_paths():
        with locked_if_dead(path) as dead:
            if not dead:
                known.add(path.stem)
                continue
            content = read_journal(path)
            label = content.label or path.stem
            known.add(label)
            age = max(0.0, (wall_time_ns() - path.stat().st_mtime_ns) / 1e9)
            pids = processes_of(content, table, labelled.get(label, []))
            found.append(_leftover(label, content, path, [table[pid] for pid in pids], age))
    if orphaned := _orphaned(labelled) - known:
        # A run whose journal cannot be seen from here may be losing its nodes this very moment, after its guardian
        # or by its executive's hand: what is still there later is nobody's.
        time.sleep(_SETTLING_SECONDS)
        table = process_table()
        labelled = labelled_processes(table)
        orphaned &= _orphaned(labelled)
    for label in sorted(orphaned):
        entries = [table[pid] for pid in subtree(table, labelled[label])]
        age = max(_age_of(entry) for entry in entries)
        found.append(_leftover(label, JournalContent(), None, entries, age))
    return found


def _orphaned(labelled: dict[str, list[int]]) -> set[str]:
    """The runs that have processes, none of which names a guardian that lives."""
    return {label for label, pids in labelled.items() if not any(_guardian_lives(pid) for pid in pids)}


def labelled_processes(table: dict[int, ProcessEntry]) -> dict[str, list[int]]:
    """The processes that were started with a run's label in their environment, by label. Those of other users
    cannot be read.
    """
    found: dict[str, list[int]] = {}
    for pid in table:
        label = environment_value(pid, RUN_LABEL)
        if label is not None:
            found.setdefault(label, []).append(pid)
    return found


def processes_of(content: JournalContent, table: dict[int, ProcessEntry], labelled: list[int]) -> list[int]:
    """The living processes of a run, sorted: those in its journal and their sessions, those with its label,
    those that write to a log of its nodes, and all their descendants.
    """
    roots = set(labelled)
    if content.directory:
        roots |= {pid for pid in table if any(_is_log(path, content.directory) for path in output_of(pid))}
    if content.boot == boot_id():
        for process in content.processes:
            leader = table.get(process.pid)
            # The kernel gives the pid of a gone leader to nobody while its session has members.
            if leader is None or leader.start == process.start:
                roots |= {entry.pid for entry in table.values() if entry.session == process.pid}
    return sorted(subtree(table, sorted(roots)))


def _is_log(path: str, directory: str) -> bool:
    return path.startswith(f"{directory}/nodes/") and path.endswith(".log")


def kill_processes(processes: list[ProcessIdentity]) -> None:
    """SIGKILL processes and wait until they are gone; zombies count as gone.

    Raises LeakError that names those that were not gone after some seconds.
    """
    deadline = monotonic() + KILL_SECONDS
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process.pid)
            try:
                if not process.is_alive:  # asked while the descriptor pins the pid
                    continue
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                poller = select.poll()
                poller.register(descriptor, select.POLLIN)
                poller.poll(max(0.0, deadline - monotonic()) * 1000)
            finally:
                os.close(descriptor)
    alive = [process.pid for process in processes if process.is_alive]
    if alive:
        raise LeakError(
            f"processes {alive} did not end on SIGKILL; look at what they wait for in /proc/PID/stack"
        )


def _leftover(
    label: str, content: JournalContent, journal: Path | None, entries: list[ProcessEntry], age: float
) -> LocalLeftover:
    processes = tuple(
        LeftProcess(ProcessIdentity(entry.pid, entry.start), command_line(entry.pid)) for entry in entries
    )
    temporary = tuple(path for path in content.temporary if os.path.lexists(path))
    return LocalLeftover(
        label, content.directory, journal, processes, temporary, tuple(content.databases), age
    )


def command_line(pid: int) -> str:
    """The command line of a process, at most 200 characters, or "?" when it is gone."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return " ".join(os.fsdecode(word) for word in words).strip()[:200]


def _guardian_lives(pid: int) -> bool:
    """Whether a labelled process is a guardian, which does its work itself, or names one that lives."""
    named = environment_value(pid, GUARDIAN_LABEL)
    if named is None:
        return True
    number, start = named.split(":")
    return ProcessIdentity(int(number), int(start)).is_alive


def _age_of(entry: ProcessEntry) -> float:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - entry.start / os.sysconf("SC_CLK_TCK")
