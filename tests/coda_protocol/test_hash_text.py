"""Hashes, seeds and tokens as text."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.base58 import VersionByte, encode_check
from coda_protocol.format_error import FormatError
from coda_protocol.hash_text import (
    FieldKind,
    field_from_text,
    field_to_text,
    ledger_hash,
    state_hash,
    transaction_digest,
    transaction_hash,
)
from coda_protocol.pallas import FIELD_MODULUS

FIELD_KINDS: tuple[FieldKind, ...] = get_args(FieldKind)


def test_every_published_field_is_printed_and_parsed(vectors: dict[str, Any]) -> None:
    kinds = {kind.value: kind for kind in FIELD_KINDS}
    with_field = [entry for entry in vectors["base58"] if "field" in entry]
    assert len(with_field) == 20
    for entry in with_field:
        kind, field = kinds[entry["version_byte"]], int(entry["field"])
        assert field_to_text(kind, field) == entry["encoded"], entry
        assert field_from_text(kind, entry["encoded"]) == field, entry


@given(st.sampled_from(FIELD_KINDS), st.integers(0, FIELD_MODULUS - 1))
def test_a_field_parses_to_what_was_printed(kind: FieldKind, field: int) -> None:
    assert field_from_text(kind, field_to_text(kind, field)) == field


@given(st.binary(min_size=32, max_size=32))
def test_a_transaction_hash_parses_to_what_was_printed(digest: bytes) -> None:
    assert transaction_digest(transaction_hash(digest)) == digest


def test_known_hashes_have_their_published_texts() -> None:
    assert state_hash(0) == "3NK2tkzqqK5spR2sZ7tujjqPksL45M3UUrcA4WhCkeiPtnugyE2x"
    assert ledger_hash(0) == "jw6bz2wud1N6itRUHZ5ypo3267stk4UgzkiuWtAMPRZo9g4Udyd"
    mina_token = "wSHV2S4qX9jFsLjQo8r1BsMLH2ZRKsZx6EJd1sbozGPieEC4Jf"
    assert field_to_text(VersionByte.TOKEN_ID, 1) == mina_token


def test_a_number_outside_the_field_is_refused() -> None:
    text = encode_check(VersionByte.STATE_HASH, b"\x01" + FIELD_MODULUS.to_bytes(32, "little"))
    with pytest.raises(FormatError, match="state hash: expected an element of the Pallas base field"):
        field_from_text(VersionByte.STATE_HASH, text)


def test_another_byte_before_the_number_is_refused() -> None:
    with pytest.raises(FormatError):
        field_from_text(VersionByte.STATE_HASH, encode_check(VersionByte.STATE_HASH, b"\x02" + bytes(32)))
    with pytest.raises(FormatError):
        transaction_digest(encode_check(VersionByte.TRANSACTION_HASH, b"\x21" + bytes(32)))
