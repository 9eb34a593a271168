"""Objects as files under a directory."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from coda_executive.errors import GenesisStoreError

_P = ParamSpec("_P")
_T = TypeVar("_T")


class DirectoryStore:
    """Satisfies ObjectStore. The directory is made when the first object is put."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, content: bytes) -> None:
        await self._in_thread(self._put, key, content)

    async def get(self, key: str) -> bytes:
        return await self._in_thread(self._path(key).read_bytes)

    async def size(self, key: str) -> int | None:
        return await self._in_thread(self._size, key)

    async def keys(self, prefix: str) -> tuple[str, ...]:
        return await self._in_thread(self._keys, prefix)

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*key.split("/"))

    def _put(self, key: str, content: bytes) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place and renamed when it is whole; a name that begins so is no object's.
        descriptor, partial = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
                os.fchmod(descriptor, 0o644)
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def _size(self, key: str) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None

    def _keys(self, prefix: str) -> tuple[str, ...]:
        folder = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self._root
        found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        keys = (path.relative_to(self._root).as_posix() for path in found)
        return tuple(sorted(key for key in keys if key.startswith(prefix)))

    async def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except OSError as error:
            raise GenesisStoreError(
                f"The genesis store {self._root} cannot be used: {error.strerror or error}. Check the directory "
                "and its permissions."
            ) from error
