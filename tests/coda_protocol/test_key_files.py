"""Key files of both kinds, the mina binary's own among them."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coda_protocol.format_error import FormatError
from coda_protocol.key_files import read_libp2p_key, read_private_key, write_libp2p_key, write_private_key
from coda_protocol.keys import PrivateKey
from coda_protocol.libp2p_keys import Libp2pKeypair, libp2p_keypair_from_seed
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES, Difficulty, WrongPasswordError, open_box, seal

from .test_keys import PRIVATE_KEYS

EASY = Difficulty(memory=8192, passes=3)
ENTROPY = bytes(range(ENTROPY_BYTES))


@pytest.fixture
def sealed() -> dict[str, Any]:
    """A private key file, password "pass", to be spoilt."""
    content = write_private_key(sample_keypair(1).private, "pass", entropy=ENTROPY, difficulty=EASY)
    members: dict[str, Any] = json.loads(content)
    return members


def test_every_published_private_key_file_is_read(vectors: dict[str, Any]) -> None:
    entries = [entry for entry in vectors["key_files"] if "private_key" in entry]
    assert len(entries) == 4
    for entry in entries:
        private = read_private_key(json.dumps(entry["file"]).encode(), entry["password"])
        assert private == PrivateKey.parse(entry["private_key"]), entry["source"]
        assert private.to_bytes().hex() == entry["plaintext_hex"], entry["source"]
        assert str(private.public_key()) == entry["pub_file"], entry["source"]


def test_the_published_libp2p_key_file_is_read(vectors: dict[str, Any]) -> None:
    (entry,) = [entry for entry in vectors["key_files"] if entry["kind"] == "libp2p"]
    keypair = read_libp2p_key(json.dumps(entry["file"]).encode(), entry["password"])
    assert keypair == Libp2pKeypair.parse(entry["plaintext"])
    assert keypair.reveal() == entry["plaintext"]
    assert keypair.peer_id == entry["peerid_file"]


def test_a_wrong_password_opens_nothing(vectors: dict[str, Any]) -> None:
    (entry,) = [entry for entry in vectors["key_files"] if "expected_error" in entry]
    with pytest.raises(WrongPasswordError, match="wrong password, or the key file is damaged"):
        read_private_key(json.dumps(entry["file"]).encode(), entry["password"])


@given(PRIVATE_KEYS, st.text(max_size=20).filter(str.isprintable), st.binary(min_size=40, max_size=40))
@settings(max_examples=20)
def test_a_private_key_file_is_read_as_it_was_written(
    private: PrivateKey, password: str, entropy: bytes
) -> None:
    content = write_private_key(private, password, entropy=entropy, difficulty=EASY)
    assert read_private_key(content, password) == private
    assert private.reveal().encode() not in content


def test_a_libp2p_key_file_is_read_as_it_was_written() -> None:
    keypair = libp2p_keypair_from_seed("written")
    content = write_libp2p_key(keypair, "naughty blue worm", entropy=ENTROPY)
    assert read_libp2p_key(content, "naughty blue worm") == keypair


def test_a_file_is_written_with_the_shape_of_the_daemons_own_and_test_parameters(
    vectors: dict[str, Any],
) -> None:
    written = json.loads(write_private_key(sample_keypair(1).private, "", entropy=ENTROPY))
    assert list(written) == list(vectors["key_files"][0]["file"])
    assert written["box_primitive"] == "xsalsa20poly1305"
    assert written["pw_primitive"] == "argon2i"
    assert written["pwdiff"] == [8 * 1024 * 1024, 3]


def test_files_of_the_two_kinds_are_not_taken_for_each_other() -> None:
    keypair = libp2p_keypair_from_seed("kind")
    libp2p = write_libp2p_key(keypair, "", entropy=ENTROPY, difficulty=EASY)
    private = write_private_key(sample_keypair(1).private, "", entropy=ENTROPY, difficulty=EASY)
    with pytest.raises(FormatError, match="private key: expected byte 01 and a scalar"):
        read_private_key(libp2p, "")
    with pytest.raises(FormatError):
        read_libp2p_key(private, "")


@pytest.mark.parametrize(
    "pwdiff",
    [
        [2**40, 6],
        [513 * 1024 * 1024, 3],
        [8191, 3],
        [8192, 17],
        [8192, 2],
        [-1, 3],
        [8192, -3],
        [8192],
        [0.5, 3],
        "x",
    ],
)
def test_absurd_password_parameters_are_refused_before_any_memory_is_taken(
    sealed: dict[str, Any], pwdiff: object
) -> None:
    with pytest.raises(FormatError):
        read_private_key(json.dumps(sealed | {"pwdiff": pwdiff}).encode(), "pass")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda file: file | {"box_primitive": "aes"}, "expected primitive xsalsa20poly1305, found 'aes'"),
        (lambda file: file | {"pw_primitive": "scrypt"}, "expected primitive argon2i, found 'scrypt'"),
        (lambda file: file | {"nonce": file["pwsalt"]}, "secret box nonce: expected 24 bytes, found 16"),
        (
            lambda file: file | {"pwsalt": "!"},
            "secret box pwsalt: expected characters of the base58 alphabet",
        ),
        (lambda file: file | {"ciphertext": "3Pc8p"}, "secret box ciphertext: expected"),
        (
            lambda file: {name: file[name] for name in file if name != "nonce"},
            "missing required field `nonce`",
        ),
        (lambda file: [file], "Expected `object`, got `array`"),
    ],
)
def test_a_spoilt_file_is_refused_with_the_member_at_fault(
    sealed: dict[str, Any], spoil: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(FormatError) as raised:
        read_private_key(json.dumps(spoil(sealed)).encode(), "pass")
    assert message in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"B62q", b'{"nonce": "\xff"}'])
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="secret box: expected a key file's JSON object"):
        read_private_key(content, "pass")


def test_a_mutated_file_never_opens_and_never_crashes_the_reader(sealed: dict[str, Any]) -> None:
    rng = Random("key files:mutations")
    content = json.dumps(sealed, separators=(",", ":")).encode()
    for _ in range(300):
        position = rng.randrange(len(content))
        mutated = content[:position] + rng.randbytes(1) + content[position + 1 :]
        if mutated != content:
            with pytest.raises((FormatError, WrongPasswordError)):
                read_private_key(mutated, "pass")


def test_a_box_wants_all_its_entropy() -> None:
    with pytest.raises(ValueError, match="expected 40 bytes, found 39"):
        seal(b"secret", "", entropy=bytes(39), difficulty=EASY)


def test_an_empty_secret_can_be_sealed() -> None:
    assert open_box(seal(b"", "", entropy=ENTROPY, difficulty=EASY), "") == b""
