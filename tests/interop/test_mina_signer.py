"""Our keys, signatures and hashes against the public signer's, both ways (daemon contract E and F)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coda_protocol.commands import Delegation, Payment, SignedCommand, UserCommand
from coda_protocol.currency import MAXIMUM, Amount, Fee
from coda_protocol.key_files import read_private_key, write_private_key
from coda_protocol.keys import Keypair, PrivateKey, PublicKey
from coda_protocol.memo import MEMO_BYTES, Memo
from coda_protocol.pallas import GROUP_ORDER
from coda_protocol.secret_box import ENTROPY_BYTES
from coda_protocol.signatures import MAINNET, TESTNET, Signature, SignatureKind
from coda_protocol.signing import is_signed, sign
from coda_protocol.slots import GlobalSlot

from .conftest import MinaSigner

pytestmark = pytest.mark.npm

_UINT32 = 2**32 - 1
_EDGES_64 = st.sampled_from([0, 1, 2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, MAXIMUM])
_EDGES_32 = st.sampled_from([0, 1, 127, 128, 32767, 32768, 2**31 - 1, 2**31, _UINT32])
_NANOMINA = st.integers(0, MAXIMUM) | _EDGES_64
_NUMBERS = st.integers(0, _UINT32) | _EDGES_32
# Surrogates are no text, and zero bytes at the end of a memo are its padding.
_MEMOS = st.text(st.characters(codec="utf-8"), max_size=MEMO_BYTES).filter(
    lambda text: len(text.encode()) <= MEMO_BYTES
)
_SECRETS = st.integers(1, GROUP_ORDER - 1) | st.sampled_from([1, 2, GROUP_ORDER - 1])
_KEYPAIRS = _SECRETS.map(lambda scalar: Keypair.of(PrivateKey(scalar)))
_KINDS = st.sampled_from([TESTNET, MAINNET])


@st.composite
def _commands(draw: st.DrawFn) -> tuple[UserCommand, Keypair]:
    keypair, receiver = draw(_KEYPAIRS), draw(_KEYPAIRS).public
    body = draw(
        st.one_of(_NANOMINA.map(lambda n: Payment(receiver, Amount(n))), st.just(Delegation(receiver)))
    )
    command = UserCommand(
        fee_payer=keypair.public,
        fee=Fee(draw(_NANOMINA)),
        nonce=draw(_NUMBERS),
        body=body,
        valid_until=GlobalSlot(draw(_NUMBERS)),
        memo=Memo.of_text(draw(_MEMOS)),
    )
    return command, keypair


def _question(command: UserCommand) -> dict[str, Any]:
    """The command as mina-signer takes it: numbers as text, which JavaScript's own would round."""
    is_payment = isinstance(command.body, Payment)
    values = {
        "from": str(command.fee_payer),
        "to": str(command.receiver),
        "fee": str(command.fee),
        "nonce": str(command.nonce),
        "validUntil": str(command.valid_until),
        "memo": command.memo.text,
    }
    if isinstance(command.body, Payment):
        values["amount"] = str(command.body.amount)
    return {"kind": "payment" if is_payment else "delegation", "command": values}


def _theirs(signature: Signature) -> dict[str, str]:
    return {"field": str(signature.field), "scalar": str(signature.scalar)}


@given(signing=_commands(), kind=_KINDS)
@settings(max_examples=40)
def test_we_verify_what_mina_signer_signs_and_sign_the_same(
    mina_signer: MinaSigner, signing: tuple[UserCommand, Keypair], kind: SignatureKind
) -> None:
    """Payments and delegations of any size, on both networks; the hash agrees as well."""
    command, keypair = signing

    theirs = mina_signer.ask("sign", kind.name, privateKey=keypair.private.reveal(), **_question(command))

    numbers = theirs["signature"]
    signed = SignedCommand(command, keypair.public, Signature(int(numbers["field"]), int(numbers["scalar"])))
    assert is_signed(signed, kind)
    assert not is_signed(signed, MAINNET if kind == TESTNET else TESTNET)
    assert sign(command, keypair, kind) == signed
    assert str(command.hash()) == theirs["hash"]


@given(signing=_commands(), kind=_KINDS)
@settings(max_examples=30)
def test_mina_signer_verifies_what_we_sign_for_its_network_only(
    mina_signer: MinaSigner, signing: tuple[UserCommand, Keypair], kind: SignatureKind
) -> None:
    command, keypair = signing
    signed = sign(command, keypair, kind)
    question = {
        "publicKey": str(keypair.public),
        "signature": _theirs(signed.signature),
        **_question(command),
    }

    answers = {network: mina_signer.ask("verify", network, **question) for network in ("testnet", "mainnet")}

    assert {network for network, answer in answers.items() if answer["valid"]} == {kind.name}


@given(signing=_commands(), bit=st.integers(0, 253))
@settings(max_examples=15)
def test_both_refuse_a_signature_with_a_flipped_bit(
    mina_signer: MinaSigner, signing: tuple[UserCommand, Keypair], bit: int
) -> None:
    command, keypair = signing
    good = sign(command, keypair, TESTNET).signature
    bad = Signature(good.field, (good.scalar ^ 1 << bit) % GROUP_ORDER)

    answer = mina_signer.ask(
        "verify", publicKey=str(keypair.public), signature=_theirs(bad), **_question(command)
    )

    assert not answer["valid"]
    assert not is_signed(SignedCommand(command, keypair.public, bad), TESTNET)


@given(keypair=_KEYPAIRS)
@settings(max_examples=30)
def test_mina_signer_derives_the_address_that_we_derive(mina_signer: MinaSigner, keypair: Keypair) -> None:
    answer = mina_signer.ask("derive", privateKey=keypair.private.reveal())
    assert answer["publicKey"] == str(keypair.public)
    assert mina_signer.ask("raw", publicKey=str(keypair.public))["raw"] == keypair.public.raw_hex


def test_we_derive_the_address_of_keys_that_mina_signer_makes(mina_signer: MinaSigner) -> None:
    """Through a key file of ours as well: mina-signer writes none itself."""
    for number in range(10):
        theirs = mina_signer.ask("generate")
        private = PrivateKey.parse(theirs["privateKey"])

        box = write_private_key(private, "naughty blue worm", entropy=bytes([number]) * ENTROPY_BYTES)
        read = read_private_key(box, "naughty blue worm")

        assert read.reveal() == theirs["privateKey"]
        assert Keypair.of(read).public == PublicKey.parse(theirs["publicKey"])
