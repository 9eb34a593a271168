"""Signatures as values and as text, and the networks whose signatures differ (daemon contract E.2, F)."""

from dataclasses import dataclass

from coda_protocol.base58 import VersionByte, decode_check, described, encode_check
from coda_protocol.format_error import FormatError
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER

SIGNATURE_BYTES = 64
_LEAD = b"\x01"


@dataclass(frozen=True, slots=True)
class SignatureKind:
    """The network that a signature is for: "testnet" (nearly all), "mainnet", or a custom name in ASCII."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or not self.name.isascii() or not self.name.isprintable():
            raise FormatError(
                "signature kind", "testnet, mainnet or a network's name in ASCII", repr(self.name)
            )

    @property
    def prefix(self) -> str:
        """Domain of the hash that is signed, before it is cut or padded to its 20 characters."""
        match self.name:
            case "testnet":
                return "CodaSignature"
            case "mainnet":
                return "MinaSignatureMainnet"
            case custom:
                return f"{custom}Signature"


TESTNET = SignatureKind("testnet")
MAINNET = SignatureKind("mainnet")


@dataclass(frozen=True, slots=True)
class Signature:
    """The x of the nonce's point, and the scalar. `str` is the base58check text `7m…`."""

    field: int
    scalar: int

    @staticmethod
    def parse(text: str) -> "Signature":
        """Raises FormatError, also when a number is too large to be part of any signature."""
        payload = decode_check(VersionByte.SIGNATURE, text, size=len(_LEAD) + SIGNATURE_BYTES)
        if not payload.startswith(_LEAD):
            raise FormatError("signature", "byte 01 before the numbers", f"another in {described(text)}")
        return Signature.of_bytes(payload[len(_LEAD) :])

    @staticmethod
    def of_raw(hexadecimal: str) -> "Signature":
        """From 128 hex digits of either case, which GraphQL takes as `rawSignature`. Raises FormatError."""
        try:
            data = bytes.fromhex(hexadecimal)
        except ValueError:
            data = b""
        if len(hexadecimal) != 2 * SIGNATURE_BYTES or len(data) != SIGNATURE_BYTES:
            raise FormatError("raw signature", f"{2 * SIGNATURE_BYTES} hex digits", described(hexadecimal))
        return Signature.of_bytes(data)

    @staticmethod
    def of_bytes(data: bytes) -> "Signature":
        if len(data) != SIGNATURE_BYTES:
            raise FormatError("signature", f"{SIGNATURE_BYTES} bytes", str(len(data)))
        field, scalar = int.from_bytes(data[:32], "little"), int.from_bytes(data[32:], "little")
        if field >= FIELD_MODULUS or scalar >= GROUP_ORDER:
            raise FormatError(
                "signature", "a field element and a scalar of the Pallas curve", "larger numbers"
            )
        return Signature(field, scalar)

    def to_bytes(self) -> bytes:
        """Both numbers as 32 little-endian bytes."""
        return self.field.to_bytes(32, "little") + self.scalar.to_bytes(32, "little")

    @property
    def raw_hex(self) -> str:
        return self.to_bytes().hex()

    def __str__(self) -> str:
        return encode_check(VersionByte.SIGNATURE, _LEAD + self.to_bytes())


# Stands in the binary form under a transaction's hash, which so does not depend on the signature.
DUMMY_SIGNATURE = Signature(1, 1)
