"""Files that a network starts from beside its configuration: ledger archives, and stand-ins for proof and keys.

A ledger archive, `genesis_ledger_<root hash>.coda`, is a line of ASCII and a MessagePack array:

    coda-ledger 1 <root hash> <depth> <number of accounts> <blake2b-256 of the rest, in hex>
    [[public key, nanomina], [public key, nanomina, {field: value, …}], …]

The map of an account holds only those fields in which it differs from one that a first payment makes. The same
ledger gives the same bytes on every machine, so archives can be told apart by their digest. A real build's
archives (`.tar.gz`, a database inside) are another format; neither reads the other's.

The proof of the genesis block, and the keys to prove and verify with, can be made by a real build only. At
proof levels `none` and `check` nobody reads them, and small JSON files that say so stand in their place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha3_256
from typing import Any, Final

import msgspec

from coda_daemon.genesis_ledgers import GenesisLedgers
from coda_daemon.ledger.account import Account, Address, new_account
from coda_daemon.ledger.ledger import Ledger, LedgerFullError, build_ledger
from coda_protocol.constants import Constants
from coda_protocol.hashes import LedgerHash
from coda_protocol.runtime_config import ProofLevel

_MAGIC: Final = "coda-ledger"
_VERSION: Final = "1"
_LONGEST_HEADER: Final = 300
_OWN_FIELDS: Final = ("public_key", "balance")


class ArchiveError(ValueError):
    """Bytes that are no archive of the ledger that was asked for; the message says what is wrong with them."""


class _Row(msgspec.Struct, array_like=True):
    """An account; `others` are the fields that a first payment would have left otherwise."""

    public_key: Address
    balance: int
    others: dict[str, msgspec.Raw] = {}


@dataclass(frozen=True, slots=True)
class _Header:
    root: str
    depth: int
    accounts: int
    checksum: str

    def to_bytes(self) -> bytes:
        fields = (_MAGIC, _VERSION, self.root, str(self.depth), str(self.accounts), self.checksum)
        return " ".join(fields).encode() + b"\n"

    @staticmethod
    def of_line(line: bytes) -> "_Header":
        match line.decode("ascii", "replace").split(" "):
            case [magic, version, root, depth, accounts, checksum] if (
                magic == _MAGIC and depth.isdecimal() and accounts.isdecimal()
            ):
                if version != _VERSION:
                    raise ArchiveError(f"expected version {_VERSION} of the format, found {version[:20]}")
                return _Header(root, int(depth), int(accounts), checksum)
        raise ArchiveError(f"expected a first line that begins with {_MAGIC!r}, found {line[:40]!r}")


def archive_name(root: LedgerHash) -> str:
    return f"genesis_ledger_{root}.coda"


def data_hash(content: bytes) -> str:
    """What hash files and configurations call `s3_data_hash`: SHA3-256 of a file, in hex, as real builds have it."""
    return sha3_256(content).hexdigest()


def write_archive(ledger: Ledger) -> bytes:
    """The archive of a ledger."""
    rows = msgspec.msgpack.encode([_row(account) for account in ledger])
    return _Header(ledger.hash, ledger.depth, len(ledger), _checksum(rows)).to_bytes() + rows


def read_archive(content: bytes, root: LedgerHash, *, depth: int) -> Ledger:
    """The ledger in an archive, which has to be the one of this root. Raises ArchiveError."""
    line, newline, rows = content.partition(b"\n")
    if not newline or len(line) > _LONGEST_HEADER:
        raise ArchiveError(f"expected a first line of at most {_LONGEST_HEADER} bytes, found none")
    header = _Header.of_line(line)
    if header.root != root:
        raise ArchiveError(f"expected the ledger {root}, found {header.root}")
    if header.depth != depth:
        raise ArchiveError(
            f"expected a ledger of depth {depth}, found {header.depth}; set proof.ledger_depth to it"
        )
    if _checksum(rows) != header.checksum:
        raise ArchiveError(
            "expected the checksum of its first line, found another; the file is damaged or cut off"
        )
    try:
        accounts = [_account(row) for row in msgspec.msgpack.decode(rows, type=list[_Row])]
        ledger = build_ledger(depth, accounts)
    except (msgspec.DecodeError, UnicodeDecodeError, LedgerFullError) as error:
        raise ArchiveError(f"expected accounts: {error}") from error
    if ledger.hash != root:
        raise ArchiveError(
            f"expected accounts of the ledger {root}, found those of {ledger.hash}; "
            "an archive of another build has to be made anew"
        )
    return ledger


def stand_ins(ledgers: GenesisLedgers, constants: Constants) -> Mapping[str, bytes]:
    """Files, by name, in place of the genesis proof and of the proving and verification keys.

    Names hold a digest of the proof level and of what the real ones depend on: the circuits' constants, and for
    the proof the ledgers.
    """
    level = constants.proof_level
    circuit = _circuit(constants)
    of_proof = {
        **circuit,
        "ledger": ledgers.genesis.hash,
        "staking_epoch_ledger": ledgers.staking.hash,
        "next_epoch_ledger": ledgers.next.hash,
    }
    kinds = {"genesis_proof": of_proof, "proving_key": circuit, "verification_key": circuit}
    files = {}
    for kind, inputs in kinds.items():
        digest = blake2b(
            msgspec.json.encode((level, inputs)), digest_size=16, person=kind.encode()
        ).hexdigest()
        files[f"{kind}_{digest}.json"] = _stand_in(kind.replace("_", " "), level, inputs)
    return files


def _stand_in(what: str, level: ProofLevel, inputs: Mapping[str, object]) -> bytes:
    text = {
        "stand_in_for": what,
        "explanation": f"Not a {what}. At proof level {level} no node reads one, and only a real build can make it: "
        "run runtime-genesis-ledger with -real-binary and proof level full.",
        "proof_level": level,
        "depends_on": inputs,
    }
    return msgspec.json.format(msgspec.json.encode(text)) + b"\n"


def _circuit(constants: Constants) -> dict[str, object]:
    return {
        "ledger_depth": constants.ledger_depth,
        "work_delay": constants.work_delay,
        "block_window_duration_ms": constants.slot_ms,
        "sub_windows_per_window": constants.sub_windows_per_window,
        "transaction_capacity_log_2": constants.transaction_capacity_log_2,
        "coinbase_amount": int(constants.coinbase_amount),
        "supercharged_coinbase_factor": constants.supercharged_coinbase_factor,
        "account_creation_fee": int(constants.account_creation_fee),
    }


def _row(account: Account) -> _Row:
    usual = new_account(account.public_key, account.balance)
    if account == usual:
        return _Row(account.public_key, account.balance)
    others = {
        name: msgspec.Raw(msgspec.msgpack.encode(getattr(account, name)))
        for name in Account.__struct_fields__
        if getattr(account, name) != getattr(usual, name)
    }
    return _Row(account.public_key, account.balance, others)


def _account(row: _Row) -> Account:
    usual = new_account(row.public_key, row.balance)
    if not row.others:
        return usual
    return msgspec.structs.replace(usual, **{name: _value(name, raw) for name, raw in row.others.items()})


def _value(name: str, raw: msgspec.Raw) -> Any:
    for field in msgspec.structs.fields(Account):
        if field.name == name and name not in _OWN_FIELDS:
            return msgspec.msgpack.decode(raw, type=field.type)
    raise ArchiveError(f"expected fields of an account that this build knows, found {name[:40]!r}")


def _checksum(rows: bytes) -> str:
    return blake2b(rows, digest_size=32, person=b"coda-archive").hexdigest()
