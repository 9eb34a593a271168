"""Money as texts and numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.currency import MAXIMUM, Amount, Balance, Fee
from coda_protocol.format_error import FormatError


@pytest.mark.parametrize(
    ("text", "nanomina"),
    [
        ("1000", 1000 * 10**9),
        ("0.001", 10**6),
        ("720.000000000", 720 * 10**9),
        ("0.1234567899", 123456789),
        ("007", 7 * 10**9),
        ("5.", 5 * 10**9),
        (".5", 5 * 10**8),
        ("18446744073.709551615", MAXIMUM),
    ],
)
def test_decimal_coda_becomes_whole_nanomina(text: str, nanomina: int) -> None:
    assert Amount.of_coda(text) == nanomina


@pytest.mark.parametrize("text", ["", ".", "1,000.5", "-1", "+1", "1e3", "1 000", "٣", "1.2.3", "NaN", "1\n"])
def test_what_is_no_decimal_coda_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=r'balance: expected decimal coda such as "1000\.5"'):
        Balance.of_coda(text)


@pytest.mark.parametrize("text", ["18446744073.709551616", "9" * 30])
def test_what_does_not_fit_64_bits_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=f"fee: expected 0 to {MAXIMUM} nanomina"):
        Fee.of_coda(text)


def test_a_negative_number_of_nanomina_is_refused() -> None:
    with pytest.raises(FormatError, match="found -1"):
        Fee(-1)


def test_a_text_of_a_million_digits_is_refused_at_once() -> None:
    with pytest.raises(FormatError):
        Amount.of_coda("9" * 1_000_000)


@given(st.integers(0, MAXIMUM))
def test_parse_and_print_agree(nanomina: int) -> None:
    amount = Amount(nanomina)
    assert Amount.of_coda(amount.coda) == amount
    assert f"{amount}" == str(nanomina)


def test_a_repr_can_be_pasted() -> None:
    assert repr(Fee(25_000_000)) == "Fee.of_coda('0.025')"
