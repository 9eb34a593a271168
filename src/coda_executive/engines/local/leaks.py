"""Looks for what outlived a run. Every finding is one line that names it."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from coda_executive.engines.local.guardian import process_table
from coda_executive.engines.local.journal import JournalContent
from coda_executive.engines.local.leftovers import command_line, labelled_processes, processes_of

SHARED_MEMORY = "/dev/shm/"  # noqa: S108


def left_processes(content: JournalContent) -> list[str]:
    """Living processes of a run; zombies do not count."""
    table = process_table()
    labelled = labelled_processes(table).get(content.label, [])
    return [f"process {pid}: {command_line(pid)}" for pid in processes_of(content, table, labelled)]


def left_files(temporary: Iterable[str]) -> list[str]:
    """Those of a run's temporary files that are still there."""
    return [f"temporary {path}" for path in temporary if os.path.lexists(path)]


def open_descriptors() -> dict[int, str]:
    """What this process has open."""
    found = {}
    for link in list(Path("/proc/self/fd").iterdir()):
        try:
            found[int(link.name)] = str(link.readlink())
        except FileNotFoundError:
            continue  # the one that listed the directory
    return found


def left_descriptors(before: Mapping[int, str], nodes: Path) -> list[str]:
    """Descriptors that were not open before: sockets, pipes and the like, and files below `nodes`. Evidence
    may still be open.
    """
    return [
        f"descriptor {number}: {target}"
        for number, target in sorted(open_descriptors().items())
        if before.get(number) != target
        and (target.startswith(("socket:", "pipe:", "anon_inode:")) or Path(target).is_relative_to(nodes))
    ]


def shared_memory_files() -> set[str]:
    """Memory-backed files there are."""
    try:
        return {str(path) for path in Path(SHARED_MEMORY).iterdir()}
    except FileNotFoundError:
        return set()


def shared_memory_of(pids: Collection[int]) -> set[str]:
    """Memory-backed files that these processes have mapped. A process that is gone has none."""
    found: set[str] = set()
    for pid in pids:
        try:
            maps = Path(f"/proc/{pid}/maps").read_text(errors="replace")
        except OSError:
            continue
        for line in maps.splitlines():
            at = line.find(SHARED_MEMORY)
            if at >= 0:
                found.add(line[at:])
    return found
