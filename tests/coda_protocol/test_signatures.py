"""Signatures as values and text; whether they verify is in test_signing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.base58 import VersionByte, encode_check
from coda_protocol.format_error import FormatError
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER
from coda_protocol.signatures import MAINNET, TESTNET, Signature, SignatureKind

from .conftest import SignatureVector

SIGNATURES = st.builds(Signature, st.integers(0, FIELD_MODULUS - 1), st.integers(0, GROUP_ORDER - 1))


def test_every_published_signature_is_printed_and_parsed(valid_signatures: list[SignatureVector]) -> None:
    with_text = [vector for vector in valid_signatures if "signature_base58" in vector.raw]
    assert len(with_text) == 40
    for vector in with_text:
        signature, raw = vector.signed.signature, vector.raw
        assert str(signature) == raw["signature_base58"], vector.id
        assert signature.raw_hex == raw["raw_signature"], vector.id
        assert Signature.parse(raw["signature_base58"]) == signature, vector.id
        assert Signature.of_raw(raw["raw_signature"].upper()) == signature, vector.id


@given(SIGNATURES)
def test_a_signature_parses_to_what_was_printed(signature: Signature) -> None:
    assert Signature.parse(str(signature)) == signature
    assert Signature.of_raw(signature.raw_hex) == signature


@given(st.text(max_size=140))
def test_arbitrary_text_is_no_raw_signature(text: str) -> None:
    with pytest.raises(FormatError):
        Signature.of_raw(text)


def test_numbers_too_large_for_the_curve_are_refused() -> None:
    for field, scalar in ((FIELD_MODULUS, 0), (0, GROUP_ORDER)):
        data = field.to_bytes(32, "little") + scalar.to_bytes(32, "little")
        with pytest.raises(FormatError):
            Signature.parse(encode_check(VersionByte.SIGNATURE, b"\x01" + data))
        with pytest.raises(FormatError):
            Signature.of_raw(data.hex())


def test_prefixes_are_those_of_the_contract() -> None:
    assert TESTNET.prefix == "CodaSignature"
    assert MAINNET.prefix == "MinaSignatureMainnet"
    assert SignatureKind("mynet").prefix == "mynetSignature"


@pytest.mark.parametrize("name", ["", "réseau", "line\nbreak"])
def test_a_kind_is_named_in_printable_ascii(name: str) -> None:
    with pytest.raises(FormatError):
        SignatureKind(name)
