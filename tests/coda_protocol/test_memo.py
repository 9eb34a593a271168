"""Memos."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.base58 import VersionByte, encode_check
from coda_protocol.format_error import FormatError
from coda_protocol.memo import Memo


def test_every_published_memo_is_printed_and_parsed(vectors: dict[str, Any]) -> None:
    for entry in vectors["memos"]:
        memo = Memo.of_text(entry["text"])
        assert memo.payload.hex() == entry["payload_hex"], entry
        assert str(memo) == entry["base58"], entry
        assert Memo.parse(entry["base58"]) == memo, entry
        assert memo.text == entry["text"], entry


def test_a_memo_over_32_bytes_is_refused(vectors: dict[str, Any]) -> None:
    for entry in vectors["memo_too_long"]:
        with pytest.raises(FormatError, match=r"memo: expected at most 32 bytes of UTF-8, found 3[34]"):
            Memo.of_text(entry["text"])


@given(st.binary(max_size=32))
def test_a_memo_parses_to_what_was_printed(data: bytes) -> None:
    assert Memo.parse(str(Memo(data))) == Memo(data)


def test_bytes_that_are_not_utf8_are_kept_and_show_as_replacements() -> None:
    assert Memo.parse(str(Memo(b"\xffa"))).data == b"\xffa"
    assert Memo(b"\xffa").text == "\ufffda"


def test_a_lone_surrogate_is_no_memo() -> None:
    with pytest.raises(FormatError):
        Memo.of_text("\ud800")


@pytest.mark.parametrize(
    "payload", [b"\x00" + bytes(33), b"\x01\x21" + bytes(32), b"\x01\x00" + bytes(31) + b"x", bytes(33)]
)
def test_a_payload_with_wrong_tag_length_or_padding_is_refused(payload: bytes) -> None:
    with pytest.raises(FormatError):
        Memo.parse(encode_check(VersionByte.MEMO, payload))
