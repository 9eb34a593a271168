"""Password-protected boxes, the container of key files (daemon contract E.4).

Argon2i makes a key of the password, with the file's own numbers; NaCl's secret box seals with it. Chance is
handed in.
"""

from dataclasses import dataclass

import msgspec

from coda_protocol.base58 import VersionByte, decode_check, encode_check
from coda_protocol.format_error import FormatError

NONCE_BYTES = 24
SALT_BYTES = 16
ENTROPY_BYTES = NONCE_BYTES + SALT_BYTES

_KIND = "secret box"
_KEY_BYTES = 32
_TAG_BYTES = 16
_BOX_PRIMITIVE = "xsalsa20poly1305"
_PASSWORD_PRIMITIVE = "argon2i"  # noqa: S105 (the name of an algorithm)
# The daemon writes 128 MiB and 6 passes; a file that asks for much more is damaged or hostile.
_MEMORY_LIMITS = (8 * 1024, 512 * 1024 * 1024)
_PASSES_LIMITS = (3, 16)


class WrongPasswordError(ValueError):
    """The password is not the box's, or the box is damaged: nothing tells the two apart."""

    def __init__(self) -> None:
        super().__init__("wrong password, or the key file is damaged; check the password, then the file")


@dataclass(frozen=True, slots=True)
class Difficulty:
    """What a guess at the password costs. `memory` in bytes; the daemon's files have 128 MiB and 6 passes.

    The defaults suit keys that live as long as a test: 13 ms instead of 0.4 s to open.
    """

    memory: int = 8 * 1024 * 1024
    passes: int = 3

    def __post_init__(self) -> None:
        for name, value, (low, high) in (
            ("memory", self.memory, _MEMORY_LIMITS),
            ("passes", self.passes, _PASSES_LIMITS),
        ):
            if not low <= value <= high:
                raise FormatError(
                    _KIND, f"{name} of password hashing (pwdiff) from {low} to {high}", str(value)
                )


TEST_DIFFICULTY = Difficulty()


class _BoxFile(msgspec.Struct, forbid_unknown_fields=True):
    box_primitive: str
    pw_primitive: str
    nonce: str
    pwsalt: str
    pwdiff: tuple[int, int]
    ciphertext: str


def seal(
    plaintext: bytes, password: str, *, entropy: bytes, difficulty: Difficulty = TEST_DIFFICULTY
) -> bytes:
    """The file's content. `entropy` is `ENTROPY_BYTES` of chance, never used twice with one password."""
    from nacl.bindings import crypto_secretbox

    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"entropy of a secret box: expected {ENTROPY_BYTES} bytes, found {len(entropy)}")
    nonce, salt = entropy[:NONCE_BYTES], entropy[NONCE_BYTES:]
    ciphertext = crypto_secretbox(plaintext, nonce, _key(password, salt, difficulty))
    file = _BoxFile(
        _BOX_PRIMITIVE,
        _PASSWORD_PRIMITIVE,
        _encode(nonce),
        _encode(salt),
        (difficulty.memory, difficulty.passes),
        _encode(ciphertext),
    )
    return msgspec.json.encode(file) + b"\n"


def open_box(content: bytes, password: str) -> bytes:
    """The plaintext. Raises FormatError for what is no box and WrongPasswordError for one that does not open.

    Takes the time and memory that the file asks for, up to 512 MiB and 16 passes.
    """
    from nacl.bindings import crypto_secretbox_open
    from nacl.exceptions import CryptoError

    try:
        file = msgspec.json.decode(content, type=_BoxFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(_KIND, "a key file's JSON object", str(error)) from None
    for found, expected in (
        (file.box_primitive, _BOX_PRIMITIVE),
        (file.pw_primitive, _PASSWORD_PRIMITIVE),
    ):
        if found != expected:
            raise FormatError(_KIND, f"primitive {expected}", repr(found[:40]))
    difficulty = Difficulty(*file.pwdiff)
    nonce = _decode("nonce", file.nonce, NONCE_BYTES)
    salt = _decode("pwsalt", file.pwsalt, SALT_BYTES)
    ciphertext = _decode("ciphertext", file.ciphertext)
    if len(ciphertext) < _TAG_BYTES:
        raise FormatError(f"{_KIND} ciphertext", f"at least {_TAG_BYTES} bytes", str(len(ciphertext)))
    try:
        return crypto_secretbox_open(ciphertext, nonce, _key(password, salt, difficulty))
    except CryptoError:
        raise WrongPasswordError from None


def _key(password: str, salt: bytes, difficulty: Difficulty) -> bytes:
    from nacl.pwhash import argon2i

    return argon2i.kdf(
        _KEY_BYTES, password.encode(), salt, opslimit=difficulty.passes, memlimit=difficulty.memory
    )


def _encode(data: bytes) -> str:
    return encode_check(VersionByte.SECRET_BOX_BYTES, data)


def _decode(member: str, text: str, size: int | None = None) -> bytes:
    try:
        return decode_check(VersionByte.SECRET_BOX_BYTES, text, size=size)
    except FormatError as error:
        raise FormatError(f"{_KIND} {member}", error.expected, error.found) from None
