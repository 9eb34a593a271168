"""A verifiable random function on the Pallas curve: tickets that only a producer can draw and anybody can check.

At proof level `check` the ticket of a slot follows from the producer's private key, so nobody knows another's
wins beforehand (daemon contract I.2; at `none` it is a hash of public data, see `lottery`). The message is a point H
of the curve; the ticket is a hash of secret·H, and a Chaum-Pedersen proof shows that this point and the public key
have the same discrete logarithm, to the bases H and G.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from coda_daemon.consensus.lottery import OUTPUT_BITS
from coda_protocol.keys import Keypair, PublicKey
from coda_protocol.pallas import (
    FIELD_MODULUS,
    GROUP_ORDER,
    Point,
    challenge_point,
    has_point,
    is_point,
    linear_combination,
    multiply_generator,
    y_of,
)
from coda_protocol.poseidon import digest
from coda_protocol.slots import GlobalSlot

PROOF_BYTES: Final = 128
_OUTPUT_DOMAIN: Final = "CodaVrfOutput"
_PROOF_DOMAIN: Final = "CodaVrfProof"


class WrongTicketError(ValueError):
    """A proof that proves no ticket of this key and message."""


@dataclass(frozen=True, slots=True)
class VrfKey:
    """A producer's side."""

    keypair: Keypair

    def output(self, seed: str, slot: GlobalSlot, staker: str) -> bytes:
        """The ticket for a staker that delegates to this key: 32 bytes, below 2^253 when read little-endian."""
        message = _message_point(seed, slot, staker)
        return _output(message, self._gamma(message))

    def prove(self, seed: str, slot: GlobalSlot, staker: str) -> bytes:
        """What `verified_output` gets the same ticket from."""
        message = _message_point(seed, slot, staker)
        gamma, secret = self._gamma(message), self.keypair.private.scalar
        nonce = _nonce(secret, message)
        commitment = linear_combination([(nonce, message)])
        assert commitment is not None, "a nonce is not zero"
        challenge = _challenge(
            self.keypair.public.point, message, gamma, multiply_generator(nonce), commitment
        )
        numbers = (*gamma, challenge, (nonce + challenge * secret) % GROUP_ORDER)
        return b"".join(number.to_bytes(32, "little") for number in numbers)

    def _gamma(self, message: Point) -> Point:
        gamma = linear_combination([(self.keypair.private.scalar, message)])
        assert gamma is not None, "a private key is not zero"
        return gamma


def verified_output(public: PublicKey, seed: str, slot: GlobalSlot, staker: str, proof: bytes) -> bytes:
    """The ticket that a proof proves. Raises WrongTicketError."""
    if len(proof) != PROOF_BYTES:
        raise WrongTicketError(f"expected a proof of {PROOF_BYTES} bytes, found {len(proof)}")
    x, y, challenge, response = (
        int.from_bytes(proof[at : at + 32], "little") for at in range(0, PROOF_BYTES, 32)
    )
    if not is_point(x, y) or challenge >= FIELD_MODULUS or response >= GROUP_ORDER:
        raise WrongTicketError("expected a point, a field element and a scalar of the Pallas curve")
    message = _message_point(seed, slot, staker)
    ours = challenge_point(response, challenge, public.point)
    theirs = linear_combination([(response, message), (GROUP_ORDER - challenge, (x, y))])
    is_right = (
        ours is not None
        and theirs is not None
        and _challenge(public.point, message, (x, y), ours, theirs) == challenge
    )
    if not is_right:
        raise WrongTicketError(
            f"the proof does not show that {public} drew a ticket for {staker} in slot {slot}"
        )
    return _output(message, (x, y))


def _message_point(seed: str, slot: GlobalSlot, staker: str) -> Point:
    """By trying: half of all numbers are the x of a point."""
    text = f"{seed} {slot} {staker}".encode()
    attempt = 0
    while True:
        hashed = blake2b(text, digest_size=64, person=b"coda-vrf", salt=attempt.to_bytes(8, "big")).digest()
        x = int.from_bytes(hashed, "little") % FIELD_MODULUS
        if has_point(x):
            return x, y_of(x, is_odd=False)
        attempt += 1


def _output(message: Point, gamma: Point) -> bytes:
    number = digest(_OUTPUT_DOMAIN, (*message, *gamma))
    return (number & ((1 << OUTPUT_BITS) - 1)).to_bytes(32, "little")


def _challenge(public: Point, message: Point, gamma: Point, ours: Point, theirs: Point) -> int:
    return digest(_PROOF_DOMAIN, (*public, *message, *gamma, *ours, *theirs))


def _nonce(secret: int, message: Point) -> int:
    parts = b"".join(number.to_bytes(32, "little") for number in (secret, *message))
    return 1 + int.from_bytes(blake2b(parts, person=b"coda-vrf-nonce").digest(), "little") % (GROUP_ORDER - 1)
