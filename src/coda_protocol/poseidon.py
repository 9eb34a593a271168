"""Mina's legacy Poseidon, the hash under payment and delegation signatures (daemon contract F).

State of three elements of the Pallas base field, rate two, x⁵, 63 full rounds. The numbers are in
`data/poseidon_legacy.txt`, one in hexadecimal a line: the matrix row by row, then three for each round, the
first three being added before the first round. They are the legacy set published in o1js
(`src/bindings/crypto/constants.ts`).
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from coda_protocol.big_integers import big_integer
from coda_protocol.pallas import FIELD_MODULUS

State = tuple[int, int, int]
_PREFIX_CHARACTERS = 20


def digest(prefix: str, fields: Sequence[int]) -> int:
    """Hash of field elements in the domain `prefix`, which is cut or padded with stars to 20 characters."""
    return absorb(prefix_state(prefix), fields)[0]


@lru_cache(maxsize=64)
def prefix_state(prefix: str) -> State:
    padded = prefix[:_PREFIX_CHARACTERS].ljust(_PREFIX_CHARACTERS, "*")
    return absorb((0, 0, 0), [int.from_bytes(padded.encode("ascii"), "little")])


def absorb(state: State, fields: Sequence[int]) -> State:
    """The sponge's state after `fields`, filled up with zeros to pairs, of which there is at least one."""
    a, b, c = map(big_integer(), state)
    for first, second in _pairs(fields):
        a, b, c = _permute(a + first, b + second, c)
    return int(a), int(b), int(c)


def _pairs(fields: Sequence[int]) -> Iterator[tuple[int, int]]:
    padded = [*fields, 0] if len(fields) % 2 else fields or (0, 0)
    return zip(padded[::2], padded[1::2], strict=True)


def _permute(a: int, b: int, c: int) -> State:
    p, matrix, initial, rounds = _parameters()
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = matrix
    a, b, c = a + initial[0], b + initial[1], c + initial[2]
    for ka, kb, kc in rounds:
        a2, b2, c2 = a * a % p, b * b % p, c * c % p
        a, b, c = a2 * a2 % p * a % p, b2 * b2 % p * b % p, c2 * c2 % p * c % p
        a, b, c = (
            (m00 * a + m01 * b + m02 * c + ka) % p,
            (m10 * a + m11 * b + m12 * c + kb) % p,
            (m20 * a + m21 * b + m22 * c + kc) % p,
        )
    return a, b, c


@cache
def _parameters() -> tuple[int, Sequence[State], State, Sequence[State]]:
    """Modulus, matrix, constants added before the first round, constants added after each."""
    from importlib.resources import files

    big = big_integer()
    text = (files("coda_protocol") / "data" / "poseidon_legacy.txt").read_text("ascii")
    numbers = [big(int(line, 16)) for line in text.split()]
    triples = list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
    return big(FIELD_MODULUS), triples[:3], triples[3], triples[4:]
