"""Puts a node's files in place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coda_executive.config.plan import PlannedFile
from coda_executive.errors import DeployError


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError in the block into a DeployError that says what could not be done and where."""
    try:
        yield
    except OSError as error:
        raise DeployError(
            f"cannot {doing}: {error.strerror}: {error.filename}. "
            f"Is the disk full, the directory read-only or gone?"
        ) from error


def place(directory: Path, file: PlannedFile) -> None:
    """Write a planned file below `directory`; missing directories get mode 0700. Raises OSError."""
    path = directory / file.path
    make_private(path.parent)
    # Never readable by others, not even for a moment: it may be a key.
    partial = path.with_name(f"{path.name}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(file.content)
            os.fchmod(descriptor, file.mode)
        partial.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a failed write does not name its file
        raise


def make_private(directory: Path) -> None:
    """Make a directory and those above it that are missing, all with mode 0700."""
    missing = [directory, *directory.parents]
    for path in reversed([path for path in missing if not path.exists()]):
        path.mkdir(mode=0o700)
