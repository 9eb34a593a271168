"""Hashes, seeds and tokens to and from their base58check text (daemon contract E.2).

Inside they are elements of the Pallas base field, or a digest; in JSON and log lines they are text, whose
types are in `hashes`.
"""

from functools import lru_cache
from typing import Literal

from coda_protocol.base58 import VersionByte, decode_check, described, encode_check
from coda_protocol.format_error import FormatError
from coda_protocol.hashes import LedgerHash, StateHash, TransactionHash
from coda_protocol.pallas import FIELD_MODULUS

FieldKind = Literal[
    VersionByte.STATE_HASH,
    VersionByte.LEDGER_HASH,
    VersionByte.RECEIPT_CHAIN_HASH,
    VersionByte.EPOCH_SEED,
    VersionByte.STATE_BODY_HASH,
    VersionByte.TOKEN_ID,
]

_DIGEST_BYTES = 32
_DIGEST_LENGTH = bytes((_DIGEST_BYTES,))


@lru_cache(maxsize=2048)  # every node of a process writes the same hashes
def field_to_text(kind: FieldKind, field: int) -> str:
    """`field` is a Pallas base field element, 0 ≤ field < p."""
    return encode_check(kind, _lead(kind) + field.to_bytes(32, "little"))


def field_from_text(kind: FieldKind, text: str) -> int:
    """Raises FormatError, also for a number that is not below the field's modulus."""
    lead = _lead(kind)
    payload = decode_check(kind, text, size=len(lead) + 32)
    field = int.from_bytes(payload[len(lead) :], "little")
    if not payload.startswith(lead) or field >= FIELD_MODULUS:
        raise FormatError(
            kind.label, "an element of the Pallas base field", f"another number in {described(text)}"
        )
    return field


def state_hash(field: int) -> StateHash:
    return StateHash(field_to_text(VersionByte.STATE_HASH, field))


def ledger_hash(field: int) -> LedgerHash:
    return LedgerHash(field_to_text(VersionByte.LEDGER_HASH, field))


def transaction_hash(digest: bytes) -> TransactionHash:
    """`digest` is the blake2b-256 of a command's binary form."""
    return TransactionHash(encode_check(VersionByte.TRANSACTION_HASH, _DIGEST_LENGTH + digest))


def transaction_digest(text: str) -> bytes:
    """The digest under a transaction hash's text. Raises FormatError."""
    payload = decode_check(VersionByte.TRANSACTION_HASH, text, size=1 + _DIGEST_BYTES)
    if not payload.startswith(_DIGEST_LENGTH):
        raise FormatError(
            "transaction hash", "a digest of 32 bytes", f"another length byte in {described(text)}"
        )
    return payload[1:]


def _lead(kind: FieldKind) -> bytes:
    return b"" if kind is VersionByte.TOKEN_ID else b"\x01"
