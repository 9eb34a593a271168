"""Where a daemon looks for ledgers that its configuration gives by hash (daemon contract A.2, B.1)."""

from collections.abc import Mapping, Sequence

from coda_daemon.genesis_files import ArchiveError, archive_name, data_hash, read_archive
from coda_daemon.genesis_ledgers import hashes_alone
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ports import Store
from coda_daemon.user_error import UserError
from coda_protocol.hashes import LedgerHash
from coda_protocol.runtime_config import EpochLedger, GenesisLedger, RuntimeConfig


def load_archives(
    config: RuntimeConfig, directories: Sequence[str], store: Store, *, depth: int
) -> Mapping[LedgerHash, Ledger]:
    """Every ledger that the configuration names by hash alone, from the first directory that has it.

    Raises UserError for one that no directory has or whose file is no archive of it, GenesisError for a name
    that is none.
    """
    wanted = _data_hashes(config)
    return {root: _load(root, wanted.get(root), directories, store, depth) for root in hashes_alone(config)}


def _load(
    root: LedgerHash, wanted: str | None, directories: Sequence[str], store: Store, depth: int
) -> Ledger:
    for directory in directories:
        path = f"{directory.rstrip('/')}/{archive_name(root)}"
        try:
            content = store.read(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UserError(f"Could not read the genesis ledger {path}: {error}") from error
        if wanted is not None and data_hash(content) != wanted:
            raise UserError(
                f"Could not use the genesis ledger {path}: expected s3_data_hash {wanted}, found {data_hash(content)}; "
                "remove the file or mend the configuration"
            )
        try:
            return read_archive(content, root, depth=depth)
        except ArchiveError as error:
            raise UserError(f"Could not use the genesis ledger {path}: {error}") from error
    raise UserError(
        f"Could not find the genesis ledger {root}: expected {archive_name(root)} in {' or '.join(directories)}. "
        "Make it with `coda runtime-genesis-ledger` and give its directory as -genesis-ledger-dir."
    )


def _data_hashes(config: RuntimeConfig) -> Mapping[str, str]:
    """The digests that a configuration asks of its archives, by root."""
    sections: list[GenesisLedger | EpochLedger | None] = [config.ledger]
    if config.epoch_data is not None:
        sections += (config.epoch_data.staking, config.epoch_data.next)
    return {
        section.hash: section.s3_data_hash
        for section in sections
        if section is not None and section.hash is not None and section.s3_data_hash is not None
    }
