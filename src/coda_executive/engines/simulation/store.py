"""The disk of a simulated node: files in memory that survive its processes, and what can be wrong with it."""

import asyncio
import errno
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from random import Random
from typing import TypeVar

from coda_executive.engines.simulation.process import Process
from coda_executive.interfaces.capabilities import DiskFault

T = TypeVar("T")

_HEALTHY = DiskFault()


@dataclass(slots=True)
class _File:
    """Its content stays in the pieces in which it came: most is log that nobody reads, and what nodes write alike is
    in memory once.
    """

    pieces: list[tuple[bytes, ...]]
    mode: int
    durable: int  # how many of the pieces a power cut leaves

    def content(self) -> bytes:
        return _joined(self.pieces)


@dataclass(slots=True)
class Disk:
    """What is stored, by absolute path; directories with their permission bits."""

    files: dict[str, _File] = field(default_factory=dict)
    directories: dict[str, int] = field(default_factory=lambda: {"/": 0o755, "/tmp": 0o777})  # noqa: S108  of a disk in memory
    fault: DiskFault = _HEALTHY

    def lose_unsynced(self, chance: Random | None = None) -> None:
        """What a power cut does: all that was appended since the last `sync` is gone. Of each file a torn disk
        keeps a part, drawn from the stream.
        """
        for file in self.files.values():
            tail = _joined(file.pieces[file.durable :])
            kept = chance.randint(0, len(tail)) if tail and self.fault.is_torn and chance else 0
            file.pieces[file.durable :] = [(tail[:kept],)]


class SimulatedStore:
    """A `Store` of the daemon's ports on a disk. Once its process is gone, every call is cancelled instead.

    `took_time` is told how many seconds a call took, on a slow disk. The calls are synchronous: who makes
    them goes on, and then has that time to make up for.
    """

    def __init__(
        self, disk: Disk, process: Process | None = None, took_time: Callable[[float], None] | None = None
    ) -> None:
        self._mounted = disk
        self._process = process
        self._took_time = took_time

    @property
    def _disk(self) -> Disk:
        if self._process is not None and self._process.is_gone:
            raise asyncio.CancelledError
        return self._mounted

    @property
    def _written(self) -> Disk:
        """The disk, about to be written to. Raises OSError when it is full."""
        disk = self._disk
        if disk.fault is not _HEALTHY:
            if disk.fault.is_full:
                raise OSError(errno.ENOSPC, "no space left on device")
            self._take_time(disk)
        return disk

    def _take_time(self, disk: Disk) -> None:
        if disk.fault.write_seconds > 0 and self._took_time is not None:
            self._took_time(disk.fault.write_seconds)

    def read(self, path: str) -> bytes:
        return self._file(path).content()

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        disk = self._written
        disk.files[self._file_place(path)] = _File([(data,)], mode, 1)

    def append(self, path: str, *data: bytes) -> None:
        disk = self._written
        file = disk.files.get(path)
        if file is None:
            path = self._file_place(path)
            file = disk.files.get(path)
        if file is None:
            file = disk.files[path] = _File([], 0o644, 0)
        file.pieces.append(data)

    def sync(self, path: str) -> None:
        disk = self._disk
        self._take_time(disk)
        file = disk.files.get(path) or self._file(path)
        file.durable = len(file.pieces)

    def size(self, path: str) -> int:
        return sum(map(len, chain.from_iterable(self._file(path).pieces)))

    def mode(self, path: str) -> int:
        directory = self._disk.directories.get(posixpath.normpath(path))
        return self._file(path).mode if directory is None else directory

    def exists(self, path: str) -> bool:
        path = posixpath.normpath(path)
        return path in self._disk.files or path in self._disk.directories

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        path = posixpath.normpath(path)
        if path in self._disk.files:
            raise FileExistsError(errno.EEXIST, "is a file, not a directory", path)
        if path not in self._disk.directories:
            self.make_directory(posixpath.dirname(path), mode=mode)
            self._disk.directories[path] = mode

    def list_directory(self, path: str) -> Sequence[str]:
        inside = posixpath.join(posixpath.normpath(path), "")
        entries = (*self._disk.files, *self._disk.directories)
        rests = (entry.removeprefix(inside) for entry in entries if entry.startswith(inside))
        return sorted(rest for rest in rests if rest and "/" not in rest)

    def rename(self, source: str, target: str) -> None:
        source, target = posixpath.normpath(source), self._place(target)
        disk = self._disk
        if source in disk.files:
            disk.files[self._file_place(target)] = disk.files.pop(source)
            return
        if source not in disk.directories:
            raise FileNotFoundError(errno.ENOENT, "no such file or directory", source)
        if target in disk.files:
            raise NotADirectoryError(errno.ENOTDIR, "is a file", target)
        if self.list_directory(target):
            raise OSError(errno.ENOTEMPTY, "is a directory with something in it", target)
        _move(disk.files, source, target)
        _move(disk.directories, source, target)

    def remove(self, path: str) -> None:
        path = posixpath.normpath(path)
        _drop(self._disk.files, path)
        _drop(self._disk.directories, path)

    def _file(self, path: str) -> _File:
        path = posixpath.normpath(path)
        file = self._disk.files.get(path)
        if file is None:
            if path in self._disk.directories:
                raise IsADirectoryError(errno.EISDIR, "is a directory", path)
            raise FileNotFoundError(errno.ENOENT, "no such file or directory", path)
        return file

    def _place(self, path: str) -> str:
        """Where something may be put. Raises FileNotFoundError when its directory is missing."""
        if not path.startswith("/"):
            raise FileNotFoundError(errno.ENOENT, "expected an absolute path", path)
        path = posixpath.normpath(path)
        if posixpath.dirname(path) not in self._disk.directories:
            raise FileNotFoundError(errno.ENOENT, "its directory does not exist", path)
        return path

    def _file_place(self, path: str) -> str:
        path = self._place(path)
        if path in self._disk.directories:
            raise IsADirectoryError(errno.EISDIR, "is a directory", path)
        return path


def _joined(pieces: Iterable[tuple[bytes, ...]]) -> bytes:
    return b"".join(chain.from_iterable(pieces))


def _within(entries: Mapping[str, object], directory: str) -> list[str]:
    inside = posixpath.join(directory, "")
    return [path for path in entries if path == directory or path.startswith(inside)]


def _move(entries: dict[str, T], source: str, target: str) -> None:
    for path in _within(entries, source):
        entries[target + path.removeprefix(source)] = entries.pop(path)


def _drop(entries: dict[str, T], directory: str) -> None:
    for path in _within(entries, directory):
        del entries[path]
