"""Files of the operating system as a `ports.Store`."""

import os
import shutil
import stat
from collections.abc import Sequence

MAX_OPEN = 16  # files kept open for appending


class Files:
    """Files by absolute path. Those appended to stay open: log and journal get a line at a time."""

    def __init__(self) -> None:
        self._appending: dict[str, int] = {}

    def read(self, path: str) -> bytes:
        with open(path, "rb") as file:  # noqa: PTH123  paths are text here, as in the port
            return file.read()

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        self._stop_appending(path)
        partial = f"{path}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            _write_all(descriptor, data)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(partial, path)  # noqa: PTH105
        self._sync_directory(os.path.dirname(path))  # noqa: PTH120

    def append(self, path: str, *data: bytes) -> None:
        _write_all(self._open_for_appending(path), b"".join(data))

    def sync(self, path: str) -> None:
        os.fdatasync(self._open_for_appending(path))

    def size(self, path: str) -> int:
        return os.stat(path).st_size  # noqa: PTH116

    def mode(self, path: str) -> int:
        return stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116

    def exists(self, path: str) -> bool:
        return os.path.exists(path)  # noqa: PTH110

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        os.makedirs(path, mode=mode, exist_ok=True)  # noqa: PTH103

    def list_directory(self, path: str) -> Sequence[str]:
        try:
            return sorted(os.listdir(path))  # noqa: PTH208
        except FileNotFoundError:
            return ()

    def rename(self, source: str, target: str) -> None:
        self._stop_appending(source)
        self._stop_appending(target)
        os.replace(source, target)  # noqa: PTH105

    def remove(self, path: str) -> None:
        for open_path in tuple(self._appending):
            if open_path == path or open_path.startswith(f"{path}/"):
                self._stop_appending(open_path)
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)  # noqa: PTH108
        except FileNotFoundError:
            pass

    def close(self) -> None:
        for path in tuple(self._appending):
            self._stop_appending(path)

    def _open_for_appending(self, path: str) -> int:
        descriptor = self._appending.get(path)
        if descriptor is None:
            if len(self._appending) >= MAX_OPEN:
                self._stop_appending(next(iter(self._appending)))
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            descriptor = self._appending[path] = os.open(path, flags, 0o644)
        return descriptor

    def _stop_appending(self, path: str) -> None:
        descriptor = self._appending.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)

    def _sync_directory(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
