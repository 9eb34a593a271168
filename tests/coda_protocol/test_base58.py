"""Base58 and base58check."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.base58 import VersionByte, decode, decode_check, encode, encode_check
from coda_protocol.format_error import FormatError


def test_every_published_text_is_printed_and_parsed(vectors: dict[str, Any]) -> None:
    with_payload = [entry for entry in vectors["base58"] if "payload_hex" in entry]
    assert with_payload
    for entry in with_payload:
        version, payload = VersionByte(entry["version_byte"]), bytes.fromhex(entry["payload_hex"])
        assert encode_check(version, payload) == entry["encoded"], entry
        assert decode_check(version, entry["encoded"], size=len(payload)) == payload, entry


def test_every_published_bad_text_is_refused(vectors: dict[str, Any]) -> None:
    for entry in vectors["invalid_base58"]:
        with pytest.raises(FormatError):
            decode_check(VersionByte.STATE_HASH, entry["value"])


@given(st.binary(max_size=200))
def test_plain_text_parses_to_what_was_printed(data: bytes) -> None:
    assert decode(encode(data)) == data


@given(st.text(alphabet="123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", max_size=200))
def test_every_text_of_the_alphabet_has_bytes_of_its_own(text: str) -> None:
    assert encode(decode(text)) == text


@given(st.sampled_from(VersionByte), st.binary(max_size=100))
def test_checked_text_parses_to_what_was_printed(version: VersionByte, payload: bytes) -> None:
    assert decode_check(version, encode_check(version, payload), size=len(payload)) == payload


@given(st.text(max_size=80))
def test_arbitrary_text_is_refused_without_any_other_error(text: str) -> None:
    with pytest.raises(FormatError):
        decode_check(VersionByte.PUBLIC_KEY, text)


def test_leading_zero_bytes_are_leading_ones() -> None:
    assert encode(b"\0\0a") == "112g"
    assert decode("112g") == b"\0\0a"


def test_an_error_says_what_was_expected_and_what_was_found() -> None:
    state_hash = "3NK2tkzqqK5spR2sZ7tujjqPksL45M3UUrcA4WhCkeiPtnugyE2x"
    with pytest.raises(FormatError) as raised:
        decode_check(VersionByte.LEDGER_HASH, state_hash)
    assert str(raised.value) == (
        "ledger hash: expected version byte 0x05, found 0x10 (state hash) in '3NK2tkzq…' (52 characters)"
    )
    assert raised.value.kind == "ledger hash"

    with pytest.raises(FormatError, match="found '0' as character 3 of '3N0'"):
        decode_check(VersionByte.STATE_HASH, "3N0")
    with pytest.raises(FormatError, match="expected 32 bytes, found 33 in"):
        decode_check(VersionByte.STATE_HASH, state_hash, size=32)


def test_an_absurdly_long_text_is_refused_by_its_length() -> None:
    with pytest.raises(
        FormatError, match="expected base58check text of 33 bytes, found '22222222…' \\(1000000"
    ):
        decode_check(VersionByte.STATE_HASH, "2" * 1_000_000, size=33)
