"""Integers of transaction ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.bin_prot import Reader, encode_integer
from coda_protocol.format_error import FormatError

KNOWN = [
    (0, 32, "00"),
    (127, 32, "7f"),
    (128, 32, "fe8000"),
    (32767, 32, "feff7f"),
    (32768, 32, "fd00800000"),
    (2**31 - 1, 32, "fdffffff7f"),
    (2**32 - 1, 32, "ffff"),
    (2**32 - 128, 32, "ff80"),
    (2**32 - 129, 32, "fe7fff"),
    (2**31, 32, "fd00000080"),
    (2**31, 64, "fc0000008000000000"),
    (2**63 - 1, 64, "fcffffffffffffff7f"),
    (2**64 - 1, 64, "ffff"),
]


@pytest.mark.parametrize(("value", "bits", "encoded"), KNOWN)
def test_an_integer_takes_the_fewest_bytes_of_its_signed_reading(value: int, bits: int, encoded: str) -> None:
    assert encode_integer(value, bits=bits).hex() == encoded
    assert Reader("test", bytes.fromhex(encoded)).integer(bits=bits) == value


@given(st.sampled_from([32, 64]), st.data())
def test_an_integer_is_read_as_it_was_written(bits: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, 2**bits - 1))
    reader = Reader("test", encode_integer(value, bits=bits))
    assert reader.integer(bits=bits) == value
    reader.end()


@pytest.mark.parametrize("encoded", ["", "80", "fb", "fe80", "fcffffffffffffff7f"])
def test_what_is_no_integer_of_32_bits_is_refused(encoded: str) -> None:
    with pytest.raises(FormatError, match="test: expected"):
        Reader("test", bytes.fromhex(encoded)).integer(bits=32)
