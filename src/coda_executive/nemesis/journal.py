"""What must be undone, on disk before it is done: `nemesis.jsonl` in the run directory, one record a line.

Of an executive that died it tells what was at work then (`judge`). Nothing has to be undone after it: what a fault is
made of, the proxies and the processes of the nodes, ends with the testnet.
"""

import os
from pathlib import Path

import msgspec

from coda_executive.errors import EngineError
from coda_executive.nemesis.effects import AnyEffect
from coda_executive.nemesis.schedule import Schedule

JOURNAL_FILE = "nemesis.jsonl"


class Applying(msgspec.Struct, frozen=True, tag=True):
    """A fault is about to be applied; `fault` describes it."""

    number: int
    fault: str
    effects: tuple[AnyEffect, ...]


class Healed(msgspec.Struct, frozen=True, tag=True):
    number: int


class Scheduled(msgspec.Struct, frozen=True, tag=True):
    """A schedule begins."""

    schedule: Schedule


Entry = Applying | Healed | Scheduled


class NemesisJournal:
    """Appends to a journal, which is made with the first entry. `note` returns once the entry is on disk.

    Without a path nothing is kept: of a network that ends with this process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def note(self, entry: Entry) -> None:
        """Raises EngineError; nothing may be applied then."""
        if self._path is None:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(descriptor, msgspec.json.encode(entry) + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise EngineError(
                f"cannot write the journal of faults {self._path}: {error.strerror}; is the disk full?"
            ) from error


def read_journal(path: Path) -> tuple[Entry, ...]:
    """All entries; a torn last line, of a crash while it was written, is left out: its fault was not applied.

    Raises EngineError for a journal that cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
        return tuple(_decoder.decode(line) for line in lines[:-1])
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.DecodeError) as error:
        raise EngineError(f"cannot read the journal of faults {path}: {error}") from error


def outstanding(path: Path) -> tuple[Applying, ...]:
    """The faults that nobody has healed, oldest first."""
    applied: dict[int, Applying] = {}
    for entry in read_journal(path):
        if isinstance(entry, Applying):
            applied[entry.number] = entry
        elif isinstance(entry, Healed):
            applied.pop(entry.number, None)
    return tuple(applied.values())


_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
