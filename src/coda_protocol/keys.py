"""Mina keys: addresses (`B62…`), private keys (`EK…`) and pairs of them (daemon contract E.2).

Values are frozen, hashable and cheap: an address is checked once and remembered, and no curve arithmetic
happens before a private key is asked for its public one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from coda_protocol.base58 import VersionByte, decode_check, described, encode_check
from coda_protocol.format_error import FormatError
from coda_protocol.pallas import (
    FIELD_MODULUS,
    GROUP_ORDER,
    Point,
    all_have_points,
    has_point,
    multiply_generator,
    y_of,
)

_PUBLIC_LEAD = b"\x01\x01"
_PRIVATE_LEAD = b"\x01"
PUBLIC_KEY_BYTES = 33  # of `PublicKey.to_bytes`


@dataclass(frozen=True, slots=True, order=True)
class PublicKey:
    """A point of the curve, by its x and the parity of its y; `str` is its address.

    `parse` and `of_bytes` check that there is such a point, the constructor does not.
    """

    x: int
    is_odd: bool

    @staticmethod
    def parse(address: str) -> "PublicKey":
        """Raises FormatError unless the text is right and x belongs to a point of the curve."""
        return _parse_address(address)

    @staticmethod
    def of_bytes(data: bytes) -> "PublicKey":
        """From `to_bytes`. Raises FormatError as `parse` does."""
        key = _unproven(data)
        if not has_point(key.x):
            raise _no_point(key.x)
        return key

    def to_bytes(self) -> bytes:
        """32 bytes of x, little-endian, and the parity byte, as inside binary commands."""
        return self.x.to_bytes(32, "little") + bytes((self.is_odd,))

    @property
    def raw_hex(self) -> str:
        """The form that Rosetta and `generate-keypair` print: the parity is the top bit of the last byte."""
        return (self.x | self.is_odd << 255).to_bytes(32, "little").hex()

    @property
    def point(self) -> Point:
        return self.x, y_of(self.x, self.is_odd)

    def __str__(self) -> str:
        return _address(self)

    def __repr__(self) -> str:
        return f"PublicKey({self})"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A secret scalar d, 0 < d < group order. Neither `str` nor `repr` shows it; `reveal` does."""

    scalar: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.scalar < GROUP_ORDER:
            raise FormatError(
                "private key", "a scalar above 0 and below the order of the Pallas curve", "another number"
            )

    @staticmethod
    def parse(text: str) -> "PrivateKey":
        """From `EK…` text. Raises FormatError, which never quotes it."""
        payload = decode_check(VersionByte.PRIVATE_KEY, text, size=len(_PRIVATE_LEAD) + 32)
        return PrivateKey.of_bytes(payload)

    @staticmethod
    def of_bytes(data: bytes) -> "PrivateKey":
        """From `to_bytes`. Raises FormatError."""
        if len(data) != len(_PRIVATE_LEAD) + 32 or not data.startswith(_PRIVATE_LEAD):
            raise FormatError("private key", "byte 01 and a scalar of 32 bytes", f"{len(data)} other bytes")
        return PrivateKey(int.from_bytes(data[len(_PRIVATE_LEAD) :], "little"))

    def to_bytes(self) -> bytes:
        """01 and the scalar as 32 little-endian bytes, as inside key files."""
        return _PRIVATE_LEAD + self.scalar.to_bytes(32, "little")

    def reveal(self) -> str:
        """The `EK…` text: for a file of mode 0600 or an environment, never for a log or an argument."""
        return encode_check(VersionByte.PRIVATE_KEY, self.to_bytes())

    def public_key(self) -> PublicKey:
        return _public_key_of(self.scalar)

    def __repr__(self) -> str:
        return "PrivateKey(hidden)"

    __str__ = __repr__


@lru_cache(
    maxsize=256
)  # plain integers' time, and a search's runs and a node's restarts ask for the same again
def _public_key_of(scalar: int) -> PublicKey:
    x, y = multiply_generator(scalar)
    return PublicKey(x, y % 2 == 1)


@dataclass(frozen=True, slots=True)
class Keypair:
    """A private key and its public key, which the maker vouches for; `of` computes it."""

    public: PublicKey
    private: PrivateKey

    @staticmethod
    def of(private: PrivateKey) -> "Keypair":
        return Keypair(private.public_key(), private)


def refused_addresses(addresses: Iterable[str]) -> Mapping[str, FormatError]:
    """Which of many texts `PublicKey.parse` refuses, and why; all together, in a fraction of its time."""
    refused: dict[str, FormatError] = {}
    coordinates: dict[str, int] = {}
    for address in addresses:
        try:
            coordinates[address] = _unproven(_address_payload(address)).x
        except FormatError as error:
            refused[address] = error
    if not all_have_points(coordinates.values()):
        refused |= {address: _no_point(x) for address, x in coordinates.items() if not has_point(x)}
    return refused


@lru_cache(maxsize=16384)
def _parse_address(address: str) -> PublicKey:
    payload = _address_payload(address)
    try:
        return PublicKey.of_bytes(payload)
    except FormatError as error:
        raise FormatError(error.kind, error.expected, f"{error.found}, in {described(address)}") from None


def _address_payload(address: str) -> bytes:
    payload = decode_check(VersionByte.PUBLIC_KEY, address, size=len(_PUBLIC_LEAD) + PUBLIC_KEY_BYTES)
    if not payload.startswith(_PUBLIC_LEAD):
        raise FormatError(
            "public key", "a compressed point after bytes 01 01", f"other bytes in {described(address)}"
        )
    return payload[len(_PUBLIC_LEAD) :]


def _unproven(data: bytes) -> PublicKey:
    """From the bytes of a key, whether or not its x belongs to a point. Raises FormatError."""
    if len(data) != PUBLIC_KEY_BYTES:
        raise FormatError("public key", f"{PUBLIC_KEY_BYTES} bytes", str(len(data)))
    x, parity = int.from_bytes(data[:32], "little"), data[32]
    if x >= FIELD_MODULUS:
        raise FormatError("public key", "x below the modulus of the Pallas base field", f"x = {x}")
    if parity > 1:
        raise FormatError("public key", "parity byte 00 or 01", f"{parity:02x}")
    return PublicKey(x, bool(parity))


def _no_point(x: int) -> FormatError:
    return FormatError("public key", "the x of a point of the Pallas curve", f"x = {x}, which has none")


@lru_cache(maxsize=16384)
def _address(key: PublicKey) -> str:
    return encode_check(VersionByte.PUBLIC_KEY, _PUBLIC_LEAD + key.to_bytes())
