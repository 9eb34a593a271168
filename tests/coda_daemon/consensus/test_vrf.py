"""Tickets that only a producer can draw, and everybody can check."""

from math import exp, lgamma, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coda_daemon.consensus.lottery import OUTPUT_BITS, threshold
from coda_daemon.consensus.vrf import PROOF_BYTES, VrfKey, WrongTicketError, verified_output
from coda_protocol.keys import PublicKey
from coda_protocol.pallas import FIELD_MODULUS, GROUP_ORDER, is_point, linear_combination, multiply_generator
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.slots import GlobalSlot

SEED = "2va9BGv9JrLTtrzZttiEMDYw1Zj6a6EHzXjmP9evHDTG3oEquURA"
PRODUCER = sample_keypair(1)
STAKER = str(sample_keypair(2).public)
SLOT = GlobalSlot(7)
PROOF = VrfKey(PRODUCER).prove(SEED, SLOT, STAKER)


def test_a_proof_gives_everybody_the_ticket_that_the_producer_drew() -> None:
    output = VrfKey(PRODUCER).output(SEED, SLOT, STAKER)

    assert verified_output(PRODUCER.public, SEED, SLOT, STAKER, PROOF) == output
    assert int.from_bytes(output, "little") < 2**OUTPUT_BITS


def test_tickets_are_the_same_on_every_machine() -> None:
    """Pinned: nodes of one network must agree, whatever Python they run on."""
    assert (
        VrfKey(PRODUCER).output(SEED, SLOT, STAKER).hex()
        == "fc48b6f2350e84e2c1162e699aef1f5f2a34afb13d1c0f7333b33783c431050c"
    )


@pytest.mark.parametrize(
    ("public", "seed", "slot", "staker"),
    [
        (sample_keypair(3).public, SEED, SLOT, STAKER),
        (PRODUCER.public, "2vother", SLOT, STAKER),
        (PRODUCER.public, SEED, GlobalSlot(8), STAKER),
        (PRODUCER.public, SEED, SLOT, str(PRODUCER.public)),
    ],
    ids=["key", "seed", "slot", "staker"],
)
def test_a_proof_holds_for_its_own_ticket_only(
    public: PublicKey, seed: str, slot: GlobalSlot, staker: str
) -> None:
    with pytest.raises(WrongTicketError, match="does not show"):
        verified_output(public, seed, slot, staker, PROOF)


@settings(max_examples=30, deadline=None)
@given(at=st.integers(0, 8 * PROOF_BYTES - 1))
def test_a_proof_with_a_bit_changed_is_refused(at: int) -> None:
    changed = bytearray(PROOF)
    changed[at // 8] ^= 1 << at % 8
    with pytest.raises(WrongTicketError):
        verified_output(PRODUCER.public, SEED, SLOT, STAKER, bytes(changed))


@pytest.mark.parametrize("proof", [b"", PROOF[:-1], PROOF + b"\0", bytes(PROOF_BYTES), b"\xff" * PROOF_BYTES])
def test_bytes_that_are_no_proof_are_refused(proof: bytes) -> None:
    with pytest.raises(WrongTicketError, match="expected"):
        verified_output(PRODUCER.public, SEED, SLOT, STAKER, proof)


def p_value(successes: int, trials: int, chance: float) -> float:
    """Of all numbers of successes that are as unlikely as this one, together."""

    def probability(count: int) -> float:
        ways = lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
        return exp(ways + count * log(chance) + (trials - count) * log(1 - chance))

    limit = probability(successes) * (1 + 1e-9)
    return sum(each for each in map(probability, range(trials + 1)) if each <= limit)


@pytest.mark.parametrize("stakes", [(1,), (5, 3, 2)])
def test_slots_and_wins_are_as_frequent_as_the_stakes_say(stakes: tuple[int, ...]) -> None:
    """1 − (1/4)^share for each producer, three quarters of the slots for all: the distribution of I.2."""
    slots, filled = 100, set()
    for index, stake in enumerate(stakes, start=1):
        keypair = sample_keypair(index)
        limit, draw = threshold(stake, sum(stakes)), VrfKey(keypair).output
        outputs = {slot: draw(SEED, GlobalSlot(slot), str(keypair.public)) for slot in range(slots)}
        won = {slot for slot, output in outputs.items() if int.from_bytes(output, "little") <= limit}
        assert p_value(len(won), slots, 1 - 0.25 ** (stake / sum(stakes))) > 1e-6
        filled |= won
    assert p_value(len(filled), slots, 0.75) > 1e-6


@settings(max_examples=20, deadline=None)
@given(
    a=st.integers(1, GROUP_ORDER - 1), b=st.integers(1, GROUP_ORDER - 1), c=st.integers(0, GROUP_ORDER - 1)
)
def test_linear_combinations_agree_with_multiples_of_the_generator(a: int, b: int, c: int) -> None:
    first, second = multiply_generator(a), multiply_generator(b)
    whole = (a * c + b) % GROUP_ORDER

    assert linear_combination([(c, first), (1, second)]) == (multiply_generator(whole) if whole else None)


def test_the_generators_inverse_adds_up_to_nothing() -> None:
    generator = multiply_generator(1)

    assert linear_combination([(1, generator), (GROUP_ORDER - 1, generator)]) is None
    assert linear_combination([]) is None
    assert is_point(*generator)
    assert not is_point(generator[0], generator[1] + FIELD_MODULUS)
