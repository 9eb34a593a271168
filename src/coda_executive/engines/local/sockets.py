"""Whose a TCP socket is, from the kernel's tables: which processes hold a connection's other end, or listen."""

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from coda_executive.engines.local.guardian import process_table

_ESTABLISHED, _LISTEN = "01", "0A"


def session_of_connection(*, from_port: int, to_port: int, sessions: Collection[int]) -> int | None:
    """The one of these sessions with a process that holds a connection between two ports of this machine, seen
    from `from_port`; None for somebody else's.
    """
    ends = (f":{from_port:04X}", f":{to_port:04X}")
    inodes = {
        inode
        for local, remote, state, inode in _tcp_sockets()
        if state == _ESTABLISHED and local.endswith(ends[0]) and remote.endswith(ends[1])
    }
    if not inodes:
        return None
    for pid, entry in process_table().items():
        if entry.session in sessions and not inodes.isdisjoint(_sockets_of(pid)):
            return entry.session
    return None


def ports_listened_on(pids: Iterable[int]) -> set[int]:
    """The ports on which any of these processes listens, on whatever address."""
    theirs = set().union(*map(_sockets_of, pids))
    return {
        int(local.rpartition(":")[2], 16)
        for local, _remote, state, inode in _tcp_sockets()
        if state == _LISTEN and inode in theirs
    }


def _tcp_sockets() -> Iterator[tuple[str, str, str, str]]:
    """Local and remote end, state and descriptor of all TCP sockets there are."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError), Path(table).open() as file:  # no IPv6 here
            next(file)
            for line in file:
                _slot, local, remote, state, *_, inode = line.split(None, 10)[:10]
                yield local, remote, state, f"socket:[{inode}]"


def _sockets_of(pid: int) -> set[str]:
    """What the descriptors of a process lead to; nothing for one that has ended."""
    directory = f"/proc/{pid}/fd"
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208  Path costs more than the look
            with contextlib.suppress(OSError):
                found.add(os.readlink(f"{directory}/{name}"))  # noqa: PTH115  likewise
    return found
