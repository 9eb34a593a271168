"""Base58 and base58check, the text form of keys, hashes, memos and signatures (daemon contract E.1).

State hashes stand in every log line, so both directions avoid one big division per character: encoding
divides by 58⁸ and then works on machine-sized numbers; decoding joins neighbouring digits of one big integer
pairwise, in as many steps as the logarithm of the length.
"""

from enum import IntEnum
from functools import cache, lru_cache
from hashlib import sha256
from itertools import repeat

from coda_protocol.format_error import FormatError

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_NOT_A_DIGIT = 0xFF
_DIGIT_OF = bytes(
    map({ord(c): digit for digit, c in enumerate(_ALPHABET)}.get, range(256), repeat(_NOT_A_DIGIT))
)
_CHUNK = 58**8
_HALF = 58**4
_PAIR = 58**2
_CHECKSUM_BYTES = 4


class VersionByte(IntEnum):
    """First byte under a base58check text: what the text names."""

    COINBASE = 0x01
    SECRET_BOX_BYTES = 0x02
    FEE_TRANSFER_SINGLE = 0x03
    FRONTIER_HASH = 0x04
    LEDGER_HASH = 0x05
    PROOF = 0x0A
    RECEIPT_CHAIN_HASH = 0x0C  # also pending coinbase hashes
    EPOCH_SEED = 0x0D
    STAGED_LEDGER_AUX_HASH = 0x0E
    PENDING_COINBASE_AUX_HASH = 0x0F
    STATE_HASH = 0x10
    STATE_BODY_HASH = 0x11
    V1_TRANSACTION_HASH = 0x12
    V1_SIGNED_COMMAND = 0x13
    MEMO = 0x14
    VRF_OUTPUT = 0x15
    COINBASE_STACK_DATA = 0x17
    COINBASE_STACK_HASH = 0x18
    PENDING_COINBASE_HASH_BUILDER = 0x19
    ZKAPP_COMMAND = 0x1A
    VERIFICATION_KEY = 0x1B
    TOKEN_ID = 0x1C
    TRANSACTION_HASH = 0x1D
    PRIVATE_KEY = 0x5A
    SIGNATURE = 0x9A
    PUBLIC_KEY = 0xCB

    @property
    def label(self) -> str:
        """For messages: "state hash"."""
        return self.name.lower().replace("_", " ")


def encode(data: bytes) -> str:
    """Plain base58, without version or checksum, as peer ids are written."""
    pairs = _pairs()
    number = int.from_bytes(data, "big")
    parts: list[str] = []
    while number:
        number, chunk = divmod(number, _CHUNK)
        high, low = chunk // _HALF, chunk % _HALF
        parts += (pairs[low % _PAIR], pairs[low // _PAIR], pairs[high % _PAIR], pairs[high // _PAIR])
    parts.reverse()
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(parts).lstrip("1")


def decode(text: str, *, kind: str = "base58 text") -> bytes:
    """The bytes under plain base58. Raises FormatError, naming `kind`, for a foreign character."""
    digits = text.encode("ascii", "replace").translate(_DIGIT_OF)
    position = digits.find(_NOT_A_DIGIT)
    if position >= 0:
        raise FormatError(
            kind,
            "characters of the base58 alphabet (no 0, O, I, l)",
            f"{text[position]!r} as character {position + 1} of {described(text, kind)}",
        )
    number = int.from_bytes(digits, "big")
    for bits, mask, radix in _joins(len(digits).bit_length()):
        number = (number & mask) + ((number >> bits) & mask) * radix
    zeros = len(digits) - len(digits.lstrip(b"\0"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def encode_check(version: VersionByte, payload: bytes) -> str:
    body = bytes((version,)) + payload
    return encode(body + _checksum(body))


def decode_check(version: VersionByte, text: str, *, size: int | None = None) -> bytes:
    """The payload under a base58check text, of `size` bytes if given.

    Raises FormatError for a foreign character, a wrong checksum, another version byte or another size.
    """
    kind = version.label
    # Each byte takes log 256 / log 58 ≈ 1.37 characters: refuse absurd lengths before working on them.
    if size is not None and len(text) > 2 * (size + 1 + _CHECKSUM_BYTES):
        raise FormatError(kind, f"base58check text of {size} bytes", described(text, kind))
    data = decode(text, kind=kind)
    if len(data) <= _CHECKSUM_BYTES:
        raise FormatError(kind, "base58check text", f"{described(text, kind)}, which is too short")
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if checksum != _checksum(body):
        raise FormatError(
            kind,
            "a text with its checksum",
            f"a wrong checksum in {described(text, kind)}; is it mistyped or cut?",
        )
    if body[0] != version:
        raise FormatError(
            kind,
            f"version byte 0x{version:02X}",
            f"0x{body[0]:02X}{_meaning(body[0])} in {described(text, kind)}",
        )
    if size is not None and len(body) != size + 1:
        raise FormatError(kind, f"{size} bytes", f"{len(body) - 1} in {described(text, kind)}")
    return body[1:]


def described(text: str, kind: str = "") -> str:
    """How a message may show a text of that kind: enough to find it, and nothing of a private key."""
    length = f"{len(text)} character{'' if len(text) == 1 else 's'}"
    if kind == VersionByte.PRIVATE_KEY.label or "EK" in text[:4]:
        return f"a text of {length}, not shown because it may be a private key"
    if not text.isprintable():
        return f"a text of {length}"
    return repr(text) if len(text) <= 8 else f"'{text[:8]}…' ({length})"


def _meaning(version: int) -> str:
    labels = {int(known): known.label for known in VersionByte}
    return f" ({labels[version]})" if version in labels else ""


def _checksum(body: bytes) -> bytes:
    return sha256(sha256(body).digest()).digest()[:_CHECKSUM_BYTES]


@cache
def _pairs() -> tuple[str, ...]:
    """Every number below 58² as two characters."""
    return tuple(high + low for high in _ALPHABET for low in _ALPHABET)


@lru_cache(maxsize=20)
def _joins(size_bits: int) -> tuple[tuple[int, int, int], ...]:
    """Steps that turn up to 2^`size_bits` base-58 digits, one in each byte, into the number they mean.

    A step (bits, mask, radix) joins neighbouring lanes of `bits` bits into one of twice the width.
    """
    steps = []
    for level in range(size_bits):
        lane = 1 << level
        mask = int.from_bytes((bytes(lane) + b"\xff" * lane) * (1 << (size_bits - level - 1)), "big")
        steps.append((8 * lane, mask, 58**lane))
    return tuple(steps)
