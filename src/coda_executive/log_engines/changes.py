"""Which directories had a change: the kernel's inotify behind a typed face. Where it is missing, nothing is
watched.

inotify does not see writes from another machine, and its watches can run out, so whoever uses this polls as
well.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inotify_simple import INotify


class DirectoryChanges:
    """Calls `changed` with each watched directory in which a file was written, made or renamed. Close it
    after use.
    """

    def __init__(self, changed: Callable[[Path], None]) -> None:
        self._changed = changed
        self._directories: dict[int, Path] = {}
        self._inotify: INotify | None = None
        self._loop = asyncio.get_running_loop()
        try:
            import inotify_simple

            self._inotify = inotify_simple.INotify(nonblocking=True)
            self._loop.add_reader(self._inotify.fileno(), self._read)
        except (ImportError, OSError, NotImplementedError):
            # Not Linux, no instances left, or a loop without readers.
            self.close()

    def watch(self, directory: Path) -> bool:
        """Watch one more directory; False where that cannot be, as while it does not exist. Idempotent."""
        if self._inotify is None:
            return False
        if directory in self._directories.values():
            return True
        from inotify_simple import flags

        try:
            number = self._inotify.add_watch(
                directory, flags.MODIFY | flags.CREATE | flags.MOVED_TO | flags.ONLYDIR
            )
        except OSError:
            return False
        self._directories[number] = directory
        return True

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._inotify is not None:
            self._loop.remove_reader(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None
        self._directories.clear()

    def _read(self) -> None:
        from inotify_simple import flags

        assert self._inotify is not None
        for event in self._inotify.read(timeout=0):
            if event.mask & flags.Q_OVERFLOW:
                for directory in self._directories.values():
                    self._changed(directory)
            elif event.mask & flags.IGNORED:
                # The directory is gone; whoever polls will ask for it again.
                self._directories.pop(event.wd, None)
            elif event.wd in self._directories:
                self._changed(self._directories[event.wd])
