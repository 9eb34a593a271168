"""Addresses and private keys."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.format_error import FormatError
from coda_protocol.keys import Keypair, PrivateKey, PublicKey, refused_addresses
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER, has_point
from coda_protocol.sample_keys import sample_keypair

PUBLIC_KEYS = st.builds(PublicKey, st.integers(0, FIELD_MODULUS - 1).filter(has_point), st.booleans())
PRIVATE_KEYS = st.builds(PrivateKey, st.integers(1, GROUP_ORDER - 1))


def test_every_published_key_pair_is_computed_printed_and_parsed(vectors: dict[str, Any]) -> None:
    for entry in vectors["keypairs"]:
        private, public = PrivateKey.parse(entry["private_key"]), PublicKey.parse(entry["public_key"])
        assert private.scalar == int(entry["private_scalar"]), entry["id"]
        assert (public.x, public.is_odd) == (int(entry["public_x"]), entry["public_is_odd"]), entry["id"]
        assert public.point == (int(entry["public_x"]), int(entry["public_y"])), entry["id"]
        assert public.raw_hex == entry["public_key_rosetta_hex"], entry["id"]
        assert Keypair.of(private) == Keypair(public, private), entry["id"]
        assert (private.reveal(), str(public)) == (entry["private_key"], entry["public_key"]), entry["id"]


def test_every_published_bad_key_is_refused(vectors: dict[str, Any]) -> None:
    parsers = {"public_key": PublicKey.parse, "private_key": PrivateKey.parse}
    for entry in vectors["invalid_keys"]:
        with pytest.raises(FormatError):
            parsers[entry["type"]](entry["value"])


def test_many_addresses_are_refused_exactly_where_each_is(vectors: dict[str, Any]) -> None:
    good = [str(sample_keypair(index).public) for index in range(300)]
    bad = [entry["value"] for entry in vectors["invalid_keys"] if entry["type"] == "public_key"]
    assert refused_addresses(good) == {}
    for texts in (bad, [*good, *bad]):
        refused = refused_addresses(texts)
        assert set(refused) == set(bad)
        for text, error in refused.items():
            with pytest.raises(FormatError) as caught:
                PublicKey.parse(text)
            assert str(caught.value).startswith(str(error).rstrip("."))


@given(PUBLIC_KEYS)
def test_an_address_parses_to_what_was_printed(public: PublicKey) -> None:
    assert PublicKey.parse(str(public)) == public
    assert PublicKey.of_bytes(public.to_bytes()) == public


@given(PRIVATE_KEYS)
def test_a_private_key_parses_to_what_was_revealed(private: PrivateKey) -> None:
    assert PrivateKey.parse(private.reveal()) == private
    assert PrivateKey.of_bytes(private.to_bytes()) == private


@given(PRIVATE_KEYS, st.integers(0, 51), st.sampled_from("1aZ0 é"))
def test_no_error_quotes_what_may_be_a_private_key(private: PrivateKey, position: int, change: str) -> None:
    secret = private.reveal()
    changed = secret[:position] + change + secret[position + 1 :]
    messages = [repr(private), str(private), f"{private}", repr(Keypair(PublicKey(1, False), private))]
    for parse in (PrivateKey.parse, PublicKey.parse):
        for text in (secret, changed, " " + changed):
            try:
                parse(text)
            except FormatError as error:
                messages.append(str(error))
    assert len(messages) > 4
    for message in messages:
        assert not any(secret[start : start + 10] in message for start in range(42)), message


def test_an_address_off_the_curve_is_named_in_the_error() -> None:
    with pytest.raises(FormatError) as raised:
        PublicKey.parse("B62qqzidZAJy7z6geAJmxedkBZGgv3v2jcCY6htnapaNzgtJx8aE49g")
    assert str(raised.value) == (
        "public key: expected the x of a point of the Pallas curve, "
        "found x = 993, which has none, in 'B62qqzid…' (55 characters)"
    )


def test_bytes_that_are_no_public_key_are_refused() -> None:
    good = PublicKey(1, False).to_bytes()
    for bad in (
        b"",
        good[:-1],
        good + b"\0",
        good[:-1] + b"\x02",
        FIELD_MODULUS.to_bytes(32, "little") + b"\0",
    ):
        with pytest.raises(FormatError):
            PublicKey.of_bytes(bad)


def test_a_scalar_of_zero_or_the_order_is_no_private_key() -> None:
    for scalar in (0, GROUP_ORDER, -1):
        with pytest.raises(FormatError, match="private key: expected a scalar"):
            PrivateKey(scalar)


def test_importing_keys_loads_no_library_that_only_signing_or_files_need() -> None:
    heavy = {"nacl", "gmpy2", "json", "msgspec", "importlib.resources", "asyncio"}
    code = f"import sys; import coda_protocol.keys; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
