"""Keys of the gossip network: ed25519 in libp2p's envelopes, and peer ids (daemon contract E.5)."""

from base64 import b64decode, b64encode
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NewType

from coda_protocol.base58 import decode, described, encode
from coda_protocol.format_error import FormatError

if TYPE_CHECKING:
    from nacl.signing import SigningKey

PeerId = NewType("PeerId", str)  # "12D3Koo…"

SIGNATURE_BYTES = 64
_KIND = "libp2p key pair"
_SECRET_ENVELOPE = bytes.fromhex("08011240")
_PUBLIC_ENVELOPE = bytes.fromhex("08011220")
_IDENTITY_HASH = bytes.fromhex("0024")  # of the 36 bytes that follow
_SEED_BYTES = 32

# The last signatures made in this process, with key and message. In a simulation both sides of a handshake are in it,
# and what was just made need not be verified, which takes a tenth of a millisecond.
_made_here: deque[tuple[bytes, bytes, bytes]] = deque(maxlen=64)


@dataclass(frozen=True)
class Libp2pKeypair:
    """An ed25519 key pair by its 32-byte seed. Neither `str` nor `repr` shows the seed; `reveal` does."""

    seed: bytes = field(repr=False)
    public: bytes

    @staticmethod
    def of_seed(seed: bytes) -> "Libp2pKeypair":
        from nacl.signing import SigningKey

        return Libp2pKeypair(seed, bytes(SigningKey(seed).verify_key))

    @staticmethod
    def parse(text: str) -> "Libp2pKeypair":
        """From `secret,public,peerid`, or with `;` as of old. Raises FormatError unless they match."""
        parts = text.strip().replace(";", ",").split(",")
        if len(parts) != 3:
            raise FormatError(_KIND, "secret,public,peerid", f"{len(parts)} parts")
        try:
            secret = b64decode(parts[0], validate=True)
        except ValueError:
            raise FormatError(_KIND, "base64 text at the front", "other characters") from None
        if not secret.startswith(_SECRET_ENVELOPE) or len(secret) != len(_SECRET_ENVELOPE) + 2 * _SEED_BYTES:
            raise FormatError(_KIND, "an ed25519 secret (CAESQ…)", "another one")
        keypair = Libp2pKeypair.of_seed(secret[len(_SECRET_ENVELOPE) :][:_SEED_BYTES])
        if keypair.reveal() != ",".join(parts):
            raise FormatError(_KIND, "a public key and peer id that belong to the secret", "others")
        return keypair

    def reveal(self) -> str:
        """The `secret,public,peerid` text: for a sealed file, never for a log or an argument."""
        secret = _SECRET_ENVELOPE + self.seed + self.public
        public = _PUBLIC_ENVELOPE + self.public
        return f"{b64encode(secret).decode()},{b64encode(public).decode()},{self.peer_id}"

    @cached_property
    def peer_id(self) -> PeerId:
        return PeerId(encode(_IDENTITY_HASH + _PUBLIC_ENVELOPE + self.public))

    def sign(self, message: bytes) -> bytes:
        """An ed25519 signature of `SIGNATURE_BYTES`."""
        signature = self._signing_key.sign(message).signature
        _made_here.append((self.public, message, signature))
        return signature

    @cached_property
    def _signing_key(self) -> "SigningKey":
        from nacl.signing import SigningKey

        return SigningKey(self.seed)

    def __repr__(self) -> str:
        return f"Libp2pKeypair({self.peer_id})"

    __str__ = __repr__


def libp2p_keypair_from_seed(text: str) -> Libp2pKeypair:
    """The key pair that belongs to a text such as `"42:block-producer-1"`: always the same, so a plan can
    name peers.

    Its ed25519 seed is the blake2b-256 of the text's UTF-8, personalised with `coda-libp2p-key`. Anybody can
    compute it: for test networks only.
    """
    return Libp2pKeypair.of_seed(
        blake2b(text.encode(), digest_size=_SEED_BYTES, person=b"coda-libp2p-key").digest()
    )


@lru_cache(maxsize=1024)  # a node greets the same peers again and again
def public_key_of_peer(peer_id: str) -> bytes:
    """The ed25519 public key, 32 bytes, inside a peer id. Raises FormatError for any other text."""
    lead = _IDENTITY_HASH + _PUBLIC_ENVELOPE
    data = decode(peer_id, kind="peer id") if len(peer_id) <= 64 else b""
    if len(data) != len(lead) + 32 or not data.startswith(lead):
        raise FormatError("peer id", "an ed25519 peer id (12D3Koo…)", described(peer_id))
    return data[len(lead) :]


def is_signed_by_peer(peer_id: str, message: bytes, signature: bytes) -> bool:
    """Whether an ed25519 signature is that peer's. Raises FormatError for a bad peer id only."""
    from nacl.exceptions import BadSignatureError
    from nacl.signing import VerifyKey

    public = public_key_of_peer(peer_id)
    if len(signature) != SIGNATURE_BYTES:
        return False
    if (public, message, signature) in _made_here:
        return True
    try:
        VerifyKey(public).verify(message, signature)
    except BadSignatureError:
        return False
    return True
