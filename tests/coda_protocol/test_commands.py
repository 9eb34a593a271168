"""Commands: binary form, hash and id."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.commands import Delegation, Payment, SignedCommand, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.memo import Memo
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import DUMMY_SIGNATURE
from coda_protocol.slots import GlobalSlot

from .conftest import SignatureVector
from .test_keys import PUBLIC_KEYS
from .test_signatures import SIGNATURES

UINT64, UINT32 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)
COMMANDS = st.builds(
    UserCommand,
    fee_payer=PUBLIC_KEYS,
    fee=UINT64.map(Fee),
    nonce=UINT32,
    body=st.builds(Payment, PUBLIC_KEYS, UINT64.map(Amount)) | st.builds(Delegation, PUBLIC_KEYS),
    valid_until=UINT32.map(GlobalSlot),
    memo=st.builds(Memo, st.binary(max_size=32)),
)
SIGNED_COMMANDS = st.builds(SignedCommand, COMMANDS, PUBLIC_KEYS, SIGNATURES)


def with_ids(vectors: list[SignatureVector]) -> list[SignatureVector]:
    """All but those of custom networks, for which mina-signer printed neither hash nor id."""
    found = [vector for vector in vectors if "transaction_id" in vector.raw]
    assert len(found) == 40
    return found


def test_every_published_transaction_hash_is_computed(valid_signatures: list[SignatureVector]) -> None:
    for vector in with_ids(valid_signatures):
        assert vector.signed.command.hash() == vector.raw["hash"], vector.id


def test_every_published_transaction_id_is_printed_and_parsed(
    valid_signatures: list[SignatureVector],
) -> None:
    for vector in with_ids(valid_signatures):
        assert vector.signed.transaction_id() == vector.raw["transaction_id"], vector.id
        assert SignedCommand.of_transaction_id(vector.raw["transaction_id"]) == vector.signed, vector.id


@given(SIGNED_COMMANDS)
def test_a_transaction_id_parses_to_what_was_printed(signed: SignedCommand) -> None:
    assert SignedCommand.of_transaction_id(signed.transaction_id()) == signed


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_without_any_other_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        SignedCommand.of_transaction_id(b64encode(b"\x02" + data).decode())


@given(st.text(max_size=300))
def test_arbitrary_text_is_refused_without_any_other_error(text: str) -> None:
    with pytest.raises(FormatError):
        SignedCommand.of_transaction_id(text)


def test_every_prefix_of_an_id_is_refused(valid_signatures: list[SignatureVector]) -> None:
    data = b64decode(valid_signatures[0].signed.transaction_id())
    for size in range(len(data)):
        with pytest.raises(FormatError):
            SignedCommand.of_transaction_id(b64encode(data[:size]).decode())
    with pytest.raises(FormatError, match=f"expected {len(data)} bytes, found {len(data) + 1}"):
        SignedCommand.of_transaction_id(b64encode(data + b"\0").decode())


def test_an_integer_in_more_bytes_than_needed_is_refused() -> None:
    """Else one command had several ids."""
    command = UserCommand(sample_keypair(1).public, Fee(5), 0, Delegation(sample_keypair(2).public))
    good = SignedCommand(command, sample_keypair(1).public, DUMMY_SIGNATURE).transaction_id()
    data = b64decode(good)
    assert data[1] == 5
    with pytest.raises(FormatError, match="in their shortest form"):
        SignedCommand.of_transaction_id(b64encode(data[:1] + b"\xfe\x05\x00" + data[2:]).decode())


@pytest.mark.parametrize("number", [-1, 2**32])
def test_a_nonce_or_slot_out_of_range_is_no_part_of_a_command(number: int) -> None:
    key = sample_keypair(1).public
    with pytest.raises(FormatError, match=r"nonce: expected a whole number below 2\^32"):
        UserCommand(key, Fee(0), number, Delegation(key))
    with pytest.raises(FormatError, match=r"validUntil: expected a whole number below 2\^32"):
        UserCommand(key, Fee(0), 0, Delegation(key), GlobalSlot(number))
