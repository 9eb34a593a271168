"""Blake2b digests, also as the field elements that Mina's hash texts name (daemon contract E.2)."""

from hashlib import blake2b
from typing import Final

_FIELD_MASK: Final = (1 << 254) - 1  # the modulus lies just above 2^254


def field_of(digest: bytes) -> int:
    """A 32-byte digest, read little-endian and cut to 254 bits."""
    return int.from_bytes(digest, "little") & _FIELD_MASK


def digest_of(*parts: bytes, purpose: bytes) -> bytes:
    """Blake2b-256 of the parts in a row; `purpose` (at most 16 bytes) keeps hashes of unlike things apart."""
    return blake2b(b"".join(parts), digest_size=32, person=purpose).digest()
