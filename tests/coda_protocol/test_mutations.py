"""Texts changed at random are never accepted and never crash a parser."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from coda_protocol.commands import Payment, SignedCommand, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.keys import PrivateKey, PublicKey
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import TESTNET, Signature
from coda_protocol.signing import is_signed, sign

CHARACTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0OIl+ é\n\0"
SIGNED = sign(
    UserCommand(sample_keypair(1).public, Fee(10**7), 3, Payment(sample_keypair(2).public, Amount(10**9))),
    sample_keypair(1),
    TESTNET,
)
FORMATS: dict[str, tuple[Callable[[str], object], Callable[[Random], str]]] = {
    "address": (PublicKey.parse, lambda rng: str(sample_keypair(rng.randrange(1000)).public)),
    "private key": (PrivateKey.parse, lambda rng: sample_keypair(rng.randrange(1000)).private.reveal()),
    "signature": (
        Signature.parse,
        lambda rng: str(Signature(rng.randrange(FIELD_MODULUS), rng.randrange(GROUP_ORDER))),
    ),
}


def mutated(text: str, rng: Random) -> str:
    """One to three edits, in the ways that people and pipes spoil a text."""
    changed = text
    while changed == text:
        for _ in range(rng.randint(1, 3)):
            at, other = rng.randrange(len(changed) or 1), rng.randrange(len(changed) or 1)
            first, last = min(at, other), max(at, other)
            match rng.randrange(6):
                case 0:
                    changed = changed[:at] + rng.choice(CHARACTERS) + changed[at + 1 :]
                case 1:
                    changed = changed[:at] + rng.choice(CHARACTERS) + changed[at:]
                case 2:
                    changed = changed[:at] + changed[at + 1 :]
                case 3:
                    changed = changed[:first] + changed[first:last][::-1] + changed[last:]
                case 4:
                    changed = changed[:first] + changed[first:last].swapcase() + changed[last:]
                case _:
                    changed = changed[:last]
    return changed


def check_mutations(name: str, count: int) -> None:
    parse, sample = FORMATS[name]
    rng = Random(f"mutations:{name}")
    for _ in range(count):
        text = mutated(sample(rng), rng)
        with pytest.raises(FormatError):
            parse(text)


def check_mutated_signatures(count: int) -> None:
    """Well-formed signatures, a few bits away from the right one."""
    rng = Random("mutations:values")
    for _ in range(count):
        right = SIGNED.signature
        mask = sum({1 << rng.randrange(254) for _ in range(rng.randint(1, 3))})
        wrong = (
            replace(right, field=right.field ^ mask)
            if rng.randrange(2)
            else replace(right, scalar=right.scalar ^ mask)
        )
        assert not is_signed(replace(SIGNED, signature=wrong), TESTNET), wrong


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_texts_are_refused(name: str) -> None:
    check_mutations(name, 3000)


@pytest.mark.long
@pytest.mark.parametrize("name", FORMATS)
def test_a_hundred_thousand_mutated_texts_are_refused(name: str) -> None:
    check_mutations(name, 100_000)


def test_signatures_with_flipped_bits_do_not_verify() -> None:
    check_mutated_signatures(150)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_signatures_with_flipped_bits_do_not_verify() -> None:
    check_mutated_signatures(100_000)


def test_mutated_transaction_ids_are_refused_or_not_signed() -> None:
    """They have no checksum; the signature is their guard."""
    rng = Random("mutations:transaction ids")
    text = SIGNED.transaction_id()
    for _ in range(500):
        try:
            other = SignedCommand.of_transaction_id(mutated(text, rng))
        except FormatError:
            continue
        assert not is_signed(other, TESTNET), other
