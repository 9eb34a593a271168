"""Key files as the daemon reads and writes them: content to value and back (daemon contract E.4, E.5).

Beside a private key's file `F` stands `F.pub` with the address and a newline; beside a libp2p key's,
`F.peerid` with the peer id. The caller reads and writes files, with mode 0600 in a directory of 0700: the
daemon refuses looser ones.
"""

from coda_protocol.format_error import FormatError
from coda_protocol.keys import PrivateKey
from coda_protocol.libp2p_keys import Libp2pKeypair
from coda_protocol.secret_box import TEST_DIFFICULTY, Difficulty, open_box, seal


def write_private_key(
    private: PrivateKey, password: str, *, entropy: bytes, difficulty: Difficulty = TEST_DIFFICULTY
) -> bytes:
    """Content of a private key file. `entropy` is `secret_box.ENTROPY_BYTES` of chance."""
    return seal(private.to_bytes(), password, entropy=entropy, difficulty=difficulty)


def read_private_key(content: bytes, password: str) -> PrivateKey:
    """Raises FormatError for what is no private key file, WrongPasswordError for one that does not open."""
    return PrivateKey.of_bytes(open_box(content, password))


def write_libp2p_key(
    keypair: Libp2pKeypair, password: str, *, entropy: bytes, difficulty: Difficulty = TEST_DIFFICULTY
) -> bytes:
    """Content of a libp2p key file. `entropy` is `secret_box.ENTROPY_BYTES` of chance."""
    return seal(keypair.reveal().encode(), password, entropy=entropy, difficulty=difficulty)


def read_libp2p_key(content: bytes, password: str) -> Libp2pKeypair:
    """Raises FormatError for what is no libp2p key file, WrongPasswordError for one that does not open."""
    plaintext = open_box(content, password)
    if not plaintext.isascii():
        raise FormatError("libp2p key file", "secret,public,peerid", "other bytes; is it a private key file?")
    return Libp2pKeypair.parse(plaintext.decode("ascii"))
