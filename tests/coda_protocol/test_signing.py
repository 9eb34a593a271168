"""Signing and verifying, against mina-signer's signatures."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coda_protocol.commands import UserCommand
from coda_protocol.keys import Keypair
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import MAINNET, TESTNET, Signature, SignatureKind
from coda_protocol.signing import is_signed, receipt_chain_hash, sign

from .conftest import SignatureVector
from .test_commands import COMMANDS


def test_every_published_signature_is_made_again(
    valid_signatures: list[SignatureVector], keypairs: dict[str, Keypair]
) -> None:
    """Bit by bit, which a verifier would not need: the nonce is derived as mina-signer derives it."""
    assert len(valid_signatures) == 42
    for vector in valid_signatures:
        signed = sign(vector.signed.command, keypairs[vector.raw["signer"]], vector.kind)
        assert signed == vector.signed, vector.id


def test_every_published_signature_is_accepted(valid_signatures: list[SignatureVector]) -> None:
    for vector in valid_signatures:
        assert is_signed(vector.signed, vector.kind), vector.id


def test_every_published_bad_signature_is_refused(invalid_signatures: list[SignatureVector]) -> None:
    assert len(invalid_signatures) == 17
    for vector in invalid_signatures:
        assert not is_signed(vector.signed, vector.kind), (vector.id, vector.raw["change"])


@given(st.data())
@settings(max_examples=25)
def test_what_is_signed_verifies_for_its_own_network_only(data: st.DataObject) -> None:
    kinds = [TESTNET, MAINNET, SignatureKind("mynet")]
    keypair = sample_keypair(data.draw(st.integers(0, 20)))
    command = data.draw(COMMANDS)
    kind = data.draw(st.sampled_from(kinds))

    signed = sign(command, keypair, kind)

    assert [is_signed(signed, other) for other in kinds] == [other == kind for other in kinds]


@given(COMMANDS, st.sampled_from(["nonce", "valid_until"]), st.integers(0, 31))
@settings(max_examples=25)
def test_a_flipped_bit_of_the_command_breaks_the_signature(command: UserCommand, part: str, bit: int) -> None:
    signed = sign(command, sample_keypair(1), TESTNET)
    changed = replace(signed.command, **{part: getattr(signed.command, part) ^ (1 << bit)})
    assert not is_signed(replace(signed, command=changed), TESTNET)


@pytest.mark.parametrize(
    "signature",
    [
        Signature(0, 0),
        Signature(1, 1),
        Signature(FIELD_MODULUS, 1),
        Signature(1, GROUP_ORDER),
        Signature(-1, -1),
    ],
)
def test_degenerate_signatures_are_refused(
    signature: Signature, valid_signatures: list[SignatureVector]
) -> None:
    assert not is_signed(replace(valid_signatures[0].signed, signature=signature), TESTNET)


def test_a_number_that_is_the_same_modulo_the_order_is_no_second_signature(
    valid_signatures: list[SignatureVector],
) -> None:
    """Else anybody could change a signed command's id without its key."""
    signed = valid_signatures[0].signed
    signature = signed.signature
    for twin in (
        Signature(signature.field + FIELD_MODULUS, signature.scalar),
        Signature(signature.field, signature.scalar + GROUP_ORDER),
    ):
        assert not is_signed(replace(signed, signature=twin), TESTNET)


@given(COMMANDS, COMMANDS, st.integers(0, FIELD_MODULUS - 1), st.integers(0, FIELD_MODULUS - 1))
@settings(max_examples=25)
def test_a_receipt_names_the_command_and_all_before_it(
    command: UserCommand, other: UserCommand, previous: int, another: int
) -> None:
    """No published vectors are known; that each part matters is what its users rely on."""
    receipt = receipt_chain_hash(command, previous)

    assert 0 <= receipt < FIELD_MODULUS
    assert (receipt == receipt_chain_hash(other, previous)) == (command == other)
    assert (receipt == receipt_chain_hash(command, another)) == (previous == another)
