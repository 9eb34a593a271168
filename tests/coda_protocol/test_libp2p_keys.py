"""Keys and ids of peers."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import (
    Libp2pKeypair,
    is_signed_by_peer,
    libp2p_keypair_from_seed,
    public_key_of_peer,
)


def test_a_published_key_pair_is_parsed_printed_and_named(vectors: dict[str, Any]) -> None:
    (entry,) = [entry for entry in vectors["key_files"] if entry["kind"] == "libp2p"]
    keypair = Libp2pKeypair.parse(entry["plaintext"])
    assert keypair.reveal() == entry["plaintext"]
    assert keypair.peer_id == entry["peerid_file"]
    assert public_key_of_peer(entry["peerid_file"]) == keypair.public
    assert Libp2pKeypair.parse(entry["plaintext"].replace(",", ";") + "\n") == keypair


@given(st.binary(min_size=32, max_size=32))
def test_a_key_pair_parses_to_what_was_revealed(seed: bytes) -> None:
    keypair = Libp2pKeypair.of_seed(seed)
    assert Libp2pKeypair.parse(keypair.reveal()) == keypair
    assert public_key_of_peer(keypair.peer_id) == keypair.public


def test_a_text_has_one_key_pair_for_ever() -> None:
    """Plans that were written down name these peers."""
    assert (
        libp2p_keypair_from_seed("42:seed-1").peer_id
        == "12D3KooWRWSrK2DXs1hXKi3hxWF6bd3WEpgi48n9fA1W4scctkWH"
    )
    assert libp2p_keypair_from_seed("42:seed-1") != libp2p_keypair_from_seed("42:seed-2")


def test_a_key_pair_never_shows_its_secret() -> None:
    keypair = libp2p_keypair_from_seed("quiet")
    assert repr(keypair) == str(keypair) == f"Libp2pKeypair({keypair.peer_id})"
    secret = keypair.reveal().split(",")[0]
    with pytest.raises(FormatError) as raised:
        Libp2pKeypair.parse(keypair.reveal() + "x")
    assert secret not in str(raised.value)


def test_parts_that_do_not_belong_together_are_refused() -> None:
    secret, public, peer_id = libp2p_keypair_from_seed("a").reveal().split(",")
    _, other_public, other_peer_id = libp2p_keypair_from_seed("b").reveal().split(",")
    short = b64encode(bytes.fromhex("08011240")).decode()
    for text in (
        f"{secret},{other_public},{peer_id}",
        f"{secret},{public},{other_peer_id}",
        f"{secret},{public}",
        f"{public},{public},{peer_id}",
        f"{short},{public},{peer_id}",
        f"!{secret},{public},{peer_id}",
        f"é{secret},{public},{peer_id}",
        "",
    ):
        with pytest.raises(FormatError):
            Libp2pKeypair.parse(text)


def test_only_the_peer_itself_signs_as_the_peer() -> None:
    one, other = libp2p_keypair_from_seed("one"), libp2p_keypair_from_seed("other")
    signature = one.sign(b"hello")
    assert is_signed_by_peer(one.peer_id, b"hello", signature)
    for number in range(64):  # now it is not remembered, and verified
        other.sign(b"%d" % number)
    assert is_signed_by_peer(one.peer_id, b"hello", signature)
    assert not is_signed_by_peer(one.peer_id, b"hullo", signature)
    assert not is_signed_by_peer(other.peer_id, b"hello", signature)
    assert not is_signed_by_peer(one.peer_id, b"hello", signature[:-1])
    assert not is_signed_by_peer(one.peer_id, b"hello", bytes(64))


@pytest.mark.parametrize(
    "text",
    ["", "12D3Koo", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "0" * 52, "2" * 52, "2" * 10_000],
)
def test_what_is_no_ed25519_peer_id_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="peer id: expected"):
        public_key_of_peer(text)
