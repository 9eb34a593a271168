"""Instants in configuration files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.format_error import FormatError
from coda_protocol.timestamp import Timestamp

NOON_MS = 1714564800000  # 2024-05-01T12:00:00Z


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2024-05-01T12:00:00Z", NOON_MS),
        ("2024-05-01 12:00:00+0000", NOON_MS),
        ("2024-05-01 12:00:00 +00:00", NOON_MS),
        ("2024-05-01 04:00:00-0800", NOON_MS),
        ("2024-05-01T12:00:00.123456Z", NOON_MS + 123),
        ("2024-05-01T14:00:00+02:00", NOON_MS),
    ],
)
def test_both_forms_of_the_contract_are_read(text: str, ms: int) -> None:
    assert Timestamp.of_text(text) == ms


def test_without_a_zone_it_is_utc_minus_8() -> None:
    assert Timestamp.of_text("2024-05-01 04:00:00") == NOON_MS


@pytest.mark.parametrize("text", ["", "now", "2024-05-01", "2024-13-01T12:00:00Z", "12:00:00Z", "1714564800"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(FormatError, match="timestamp: expected date and time with a zone"):
        Timestamp.of_text(text)


@given(st.integers(0, 4_000_000_000_000))
def test_parse_and_print_agree(ms: int) -> None:
    assert Timestamp.of_text(Timestamp(ms).text) == ms
