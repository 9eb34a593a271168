"""Genesis ledgers with what belongs to them: into a store, and back by a ledger's hash (spec, "as a CI step").

Every file is kept under `<root hash>/<digest>/<name>`. The root hash is the ledger's that it belongs to; proof and
keys belong to the genesis ledger. The digest is the file's SHA3-256 in hex, which configurations call
`s3_data_hash`. So storing twice changes nothing, two builds' archives of one ledger stand side by side, and every
file that is fetched proves itself.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha3_256
from pathlib import Path
from typing import TypeVar

import msgspec

from coda_executive.errors import ConfigError, GenesisStoreError
from coda_executive.genesis_store.object_store import ObjectStore
from coda_protocol.genesis_ledgers import LEDGER_NAMES
from coda_protocol.runtime_config import EpochLedger, GenesisLedger, RuntimeConfig

_ROOT = re.compile(r"[1-9A-HJ-NP-Za-km-z]{40,60}")
_KEY = re.compile(rf"({_ROOT.pattern})/([0-9a-f]{{64}})/([A-Za-z0-9_][A-Za-z0-9._-]{{0,199}})")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_Section = TypeVar("_Section", GenesisLedger, EpochLedger)
_ARCHIVE_NAMES = ("genesis_ledger_", "epoch_ledger_")  # of the reference daemon and of real builds


@dataclass(frozen=True, slots=True, repr=False)
class GenesisFile:
    """A file for the daemons' genesis directory. `ledger` is the root hash of the ledger that it belongs to."""

    ledger: str
    name: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha3_256(self.content).hexdigest()

    @property
    def is_archive(self) -> bool:
        return self.name.startswith(_ARCHIVE_NAMES)

    def __repr__(self) -> str:
        return f"<GenesisFile {self.name} {len(self.content)} bytes of ledger {self.ledger}>"


@dataclass(frozen=True, slots=True)
class FetchedGenesis:
    """A configuration whose ledgers by hash name the very archives that `files` has, and the files."""

    runtime: RuntimeConfig
    files: tuple[GenesisFile, ...]


class _Hashes(msgspec.Struct, frozen=True):
    s3_data_hash: str
    hash: str


class _EpochHashes(msgspec.Struct, frozen=True):
    staking: _Hashes | None = None
    next: _Hashes | None = None


class _HashFile(msgspec.Struct, frozen=True):
    ledger: _Hashes
    epoch_data: _EpochHashes | None = None


def read_genesis_directory(directory: Path, hash_file: Path) -> tuple[GenesisFile, ...]:
    """What `runtime-genesis-ledger` made: `directory` holds its files, `hash_file` its hashes.

    Raises ConfigError when they do not belong together or cannot be read.
    """
    try:
        hashes = msgspec.json.decode(hash_file.read_bytes(), type=_HashFile)
        contents = {
            path.name: path.read_bytes()
            for path in sorted(directory.iterdir())
            if path.is_file() and _NAME.fullmatch(path.name)
        }
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be read: {error.strerror}. Check the name.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{hash_file} is no hash file: expected what runtime-genesis-ledger wrote, found: {error}."
        ) from error
    files = []
    for root, digest in _archives_of(hashes, hash_file).items():
        named = [name for name, content in contents.items() if sha3_256(content).hexdigest() == digest]
        if not named:
            raise ConfigError(
                f"{directory} has no archive of the ledger {root}: expected a file with the s3_data_hash {digest} "
                f"of {hash_file}, found none. Make both again with runtime-genesis-ledger."
            )
        files += [GenesisFile(root, name, contents[name]) for name in named]
    rest = (
        GenesisFile(hashes.ledger.hash, name, content)
        for name, content in contents.items()
        if not name.startswith(_ARCHIVE_NAMES)  # an archive that is not in the hash file is another network's
    )
    return (*files, *rest)


async def store(files: Sequence[GenesisFile], target: ObjectStore) -> tuple[GenesisFile, ...]:
    """Put files in a store and return those that it did not have. Cancelled half-way, calling it again will do."""
    new = []
    for file in files:
        if not _ROOT.fullmatch(file.ledger) or not _NAME.fullmatch(file.name):
            raise ConfigError(f"{file!r} cannot be stored: expected a ledger's hash and a plain file name.")
        key = f"{file.ledger}/{file.digest}/{file.name}"
        if await target.size(key) != len(file.content):
            await target.put(key, file.content)
            new.append(file)
    return tuple(new)


async def fetch(root: str, source: ObjectStore, *, data_hash: str | None = None) -> tuple[GenesisFile, ...]:
    """The files that belong to a ledger: its archive, and what else was stored with it.

    With `data_hash` only the archive of that digest is taken. Raises GenesisStoreError when no archive is
    there, a file is damaged, or there are several archives of one name.
    """
    if not _ROOT.fullmatch(root):
        raise ConfigError(f"{root!r} is no ledger hash: expected one such as jw… or jx….")
    keys = [match.groups() for key in await source.keys(f"{root}/") if (match := _KEY.fullmatch(key))]
    chosen = [
        (digest, name)
        for _root, digest, name in keys
        if data_hash in (None, digest) or not name.startswith(_ARCHIVE_NAMES)
    ]
    archives = [(digest, name) for digest, name in chosen if name.startswith(_ARCHIVE_NAMES)]
    if not archives:
        which = f" with s3_data_hash {data_hash}" if data_hash else ""
        raise GenesisStoreError(
            f"The genesis store has no archive of the ledger {root}{which}. Make it with runtime-genesis-ledger and "
            "store it, or list the accounts in the configuration."
        )
    names = [name for _digest, name in chosen]
    if len(set(names)) < len(names):
        digests = ", ".join(digest for digest, _name in archives)
        raise GenesisStoreError(
            f"The genesis store has several files of one name for the ledger {root}. Say which in s3_data_hash; "
            f"archives are {digests}."
        )
    return tuple([file async for file in _contents(root, chosen, source)])


async def runtime_with_fetched_ledger(runtime: RuntimeConfig, source: ObjectStore) -> FetchedGenesis:
    """Fetch every ledger that a configuration gives by hash alone, and pin its archive's digest there.

    A configuration without such ledgers comes back as it is, with no files. `source` is not asked then.
    """
    files: dict[str, GenesisFile] = {}

    async def pinned(section: _Section) -> _Section:
        assert section.hash is not None
        fetched = await fetch(section.hash, source, data_hash=section.s3_data_hash)
        for file in fetched:
            if files.setdefault(file.name, file).content != file.content:
                raise GenesisStoreError(
                    f"The genesis store has two different files named {file.name}, of the ledgers {file.ledger} and "
                    f"{files[file.name].ledger}; one network cannot use both."
                )
        archives = [file.digest for file in fetched if file.is_archive]
        # Archives of several builds under different names: each daemon takes the one that it can read.
        only = archives[0] if len(archives) == 1 else section.s3_data_hash
        return msgspec.structs.replace(section, s3_data_hash=only)

    if runtime.ledger is not None and _goes_by_hash(runtime.ledger):
        runtime = msgspec.structs.replace(runtime, ledger=await pinned(runtime.ledger))
    epoch_data = runtime.epoch_data
    if epoch_data is not None:
        if _goes_by_hash(epoch_data.staking):
            epoch_data = msgspec.structs.replace(epoch_data, staking=await pinned(epoch_data.staking))
        if epoch_data.next is not None and _goes_by_hash(epoch_data.next):
            epoch_data = msgspec.structs.replace(epoch_data, next=await pinned(epoch_data.next))
        runtime = msgspec.structs.replace(runtime, epoch_data=epoch_data)
    return FetchedGenesis(runtime, tuple(files.values()))


def _goes_by_hash(section: GenesisLedger | EpochLedger) -> bool:
    """Accounts come before a name, a shipped name before a hash (daemon contract B.1)."""
    if section.accounts is not None or section.hash is None:
        return False
    return isinstance(section, EpochLedger) or section.name not in LEDGER_NAMES


def _archives_of(hashes: _HashFile, path: Path) -> Mapping[str, str]:
    """Digest by root of every archive in a hash file."""
    epochs = hashes.epoch_data or _EpochHashes()
    archives: dict[str, str] = {}
    for entry in (hashes.ledger, epochs.staking, epochs.next):
        if entry is None:
            continue
        if not _ROOT.fullmatch(entry.hash) or archives.setdefault(entry.hash, entry.s3_data_hash) != (
            entry.s3_data_hash
        ):
            raise ConfigError(
                f"{path} is no hash file: expected one digest for each ledger hash, at {entry.hash!r}."
            )
    return archives


async def _contents(
    root: str, chosen: Sequence[tuple[str, str]], source: ObjectStore
) -> AsyncIterator[GenesisFile]:
    for digest, name in chosen:
        file = GenesisFile(root, name, await source.get(f"{root}/{digest}/{name}"))
        if file.digest != digest:
            raise GenesisStoreError(
                f"The file {name} of the ledger {root} is damaged in the genesis store: expected the SHA3-256 "
                f"{digest}, found {file.digest} in {len(file.content)} bytes. Remove it there and store it again."
            )
        yield file
