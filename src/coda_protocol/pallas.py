"""The Pallas curve y² = x³ + 5, on which Mina keys and signatures live (daemon contract F).

Points are affine pairs (x, y) at the border and Jacobian triples (X/Z², Y/Z³) inside, Z = 0 being the
identity. The group has odd prime order, so no point has y = 0. Timing depends on the scalars: these keys
guard test networks only.
"""

from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from hashlib import shake_128

from coda_protocol.big_integers import big_integer

FIELD_MODULUS = 0x40000000000000000000000000000000224698FC094CF91B992D30ED00000001
GROUP_ORDER = 0x40000000000000000000000000000000224698FC0994A8DD8C46EB2100000001
GENERATOR = (1, 12418654782883325593414442427049395787963493412651469444558597405572177144507)

_TWO_ADICITY = 32  # the modulus is t·2^32 + 1
_NON_RESIDUE = 5
_WINDOW_BITS = 4  # of the generator's table
_WINDOWS = 64
_WNAF_WIDTH = 5
_FEW = 100  # up to here each for itself is faster

Point = tuple[int, int]
_Jacobian = tuple[int, int, int]
_IDENTITY: _Jacobian = (1, 1, 0)


def has_point(x: int) -> bool:
    """Whether some point has this x coordinate, 0 ≤ x < modulus: x³ + 5 is a square."""
    return _is_square((x * x * x + 5) % FIELD_MODULUS)


def all_have_points(coordinates: Collection[int]) -> bool:
    """Whether `has_point` holds for each of many x, at a tenth of its price; wrong once in 2³² times.

    The symbol of a product is the product of the symbols. A random part of numbers, of which at least one is no
    square, has a product that is no square in half of the cases; 32 parts are looked at. Which ones follows from
    the numbers, so the answer is always the same.
    """
    distinct = sorted(set(coordinates))
    if len(distinct) < _FEW:
        return all(map(has_point, distinct))
    p = big_integer()(FIELD_MODULUS)
    choices = shake_128(b"".join(x.to_bytes(32, "little") for x in distinct)).digest(4 * len(distinct))
    for plane in range(4):
        # products[byte] has the numbers that drew this byte; part i is all of those with bit i.
        products = [1] * 256
        for x, byte in zip(distinct, choices[plane::4], strict=True):
            products[byte] = products[byte] * ((x * x % p * x + 5) % p) % p
        for bit in range(8):
            part = 1
            for byte, product in enumerate(products):
                if byte >> bit & 1:
                    part = part * product % p
            if not _is_square(int(part)):
                return False
    return True


@lru_cache(maxsize=4096)
def y_of(x: int, is_odd: bool) -> int:
    """The y of that parity above x. Raises ValueError where `has_point(x)` is false."""
    p = big_integer()(FIELD_MODULUS)
    square = (x * x * x + 5) % p
    odd_part = (FIELD_MODULUS - 1) >> _TWO_ADICITY
    # Tonelli and Shanks: root² = square · error; the order of error, a power of two, shrinks each round.
    power = pow(square, (odd_part - 1) // 2, p)
    root = square * power % p
    error = root * power % p
    correction, order_bits = pow(big_integer()(_NON_RESIDUE), odd_part, p), _TWO_ADICITY
    while error != 1:
        bits, squared = 0, error
        while squared != 1:
            squared = squared * squared % p
            bits += 1
        if bits == order_bits:
            raise ValueError(f"no point of the Pallas curve has x = {x}")
        for _ in range(order_bits - bits - 1):
            correction = correction * correction % p
        root = root * correction % p
        correction = correction * correction % p
        error = error * correction % p
        order_bits = bits
    y = int(root)
    return y if y % 2 == is_odd else FIELD_MODULUS - y


def multiply_generator(scalar: int) -> Point:
    """scalar·G, for 0 < scalar < group order."""
    p = big_integer()(FIELD_MODULUS)
    point = _to_affine(_add_generator(_IDENTITY, scalar, p), p)
    assert point is not None
    return point


def challenge_point(s: int, e: int, public: Point) -> Point | None:
    """s·G - e·P, which a verifier looks at; None for the identity. Both scalars are below the order."""
    p = big_integer()(FIELD_MODULUS)
    odd_multiples = _odd_multiples(public, 1 << (_WNAF_WIDTH - 2), p)
    total = _IDENTITY
    for digit in reversed(_wnaf(GROUP_ORDER - e)):
        total = _double(total, p)
        if digit:
            x, y = odd_multiples[abs(digit) >> 1]
            total = _add(total, (x, y if digit > 0 else -y), p)
    return _to_affine(_add_generator(total, s, p), p)


def is_point(x: int, y: int) -> bool:
    """Whether these are the coordinates of a point, each below the modulus."""
    is_reduced = 0 <= x < FIELD_MODULUS and 0 <= y < FIELD_MODULUS
    return is_reduced and (y * y - x * x * x - 5) % FIELD_MODULUS == 0


def linear_combination(terms: Sequence[tuple[int, Point]]) -> Point | None:
    """The sum of scalar·point, for scalars below the group order; None for the identity. All share their doublings."""
    p = big_integer()(FIELD_MODULUS)
    parts = [
        (_wnaf(scalar), _odd_multiples(point, 1 << (_WNAF_WIDTH - 2), p)) for scalar, point in terms if scalar
    ]
    total = _IDENTITY
    for position in reversed(range(max((len(digits) for digits, _ in parts), default=0))):
        total = _double(total, p)
        for digits, odd_multiples in parts:
            digit = digits[position] if position < len(digits) else 0
            if digit:
                x, y = odd_multiples[abs(digit) >> 1]
                total = _add(total, (x, y if digit > 0 else -y), p)
    return _to_affine(total, p)


def _is_square(number: int) -> bool:
    """Whether 0 < number < modulus is a square: by its Jacobi symbol, a third of the time of a modular power."""
    a, n = number, FIELD_MODULUS
    sign = 1
    while a:
        twos = (a & -a).bit_length() - 1
        a >>= twos
        if twos & 1 and n & 7 in (3, 5):
            sign = -sign
        if a & n & 3 == 3:
            sign = -sign
        a, n = n % a, a
    return n == 1 and sign == 1


def _add_generator(total: _Jacobian, scalar: int, p: int) -> _Jacobian:
    table = _generator_table()
    for window in range(_WINDOWS):
        digit = scalar >> (_WINDOW_BITS * window) & 15
        if digit:
            total = _add(total, table[window][digit - 1], p)
    return total


@cache
def _generator_table() -> tuple[Sequence[Point], ...]:
    """Entry [i][j] is (j + 1)·16^i·G."""
    big = big_integer()
    p = big(FIELD_MODULUS)
    bases: list[_Jacobian] = [(big(GENERATOR[0]), big(GENERATOR[1]), big(1))]
    while len(bases) < _WINDOWS:
        base = bases[-1]
        for _ in range(_WINDOW_BITS):
            base = _double(base, p)
        bases.append(base)
    multiples: list[_Jacobian] = []
    for point in _all_to_affine(bases, p):
        multiple = _IDENTITY
        for _ in range(15):
            multiple = _add(multiple, point, p)
            multiples.append(multiple)
    points = _all_to_affine(multiples, p)
    return tuple(points[15 * window : 15 * (window + 1)] for window in range(_WINDOWS))


def _odd_multiples(point: Point, count: int, p: int) -> list[Point]:
    """P, 3P, 5P, …"""
    big = big_integer()
    first = (big(point[0]), big(point[1]))
    (twice,) = _all_to_affine([_double((*first, big(1)), p)], p)
    multiples: list[_Jacobian] = [(*first, big(1))]
    while len(multiples) < count:
        multiples.append(_add(multiples[-1], twice, p))
    return _all_to_affine(multiples, p)


def _wnaf(scalar: int) -> list[int]:
    """Signed digits, lowest first: zero, or odd and small and followed by width - 1 zeros."""
    digits = []
    while scalar:
        digit = 0
        if scalar & 1:
            digit = scalar & ((1 << _WNAF_WIDTH) - 1)
            if digit >> (_WNAF_WIDTH - 1):
                digit -= 1 << _WNAF_WIDTH
            scalar -= digit
        digits.append(digit)
        scalar >>= 1
    return digits


def _double(point: _Jacobian, p: int) -> _Jacobian:
    x, y, z = point
    y2 = y * y % p
    s = 4 * x * y2 % p
    m = 3 * x * x % p
    x3 = (m * m - 2 * s) % p
    return x3, (m * (s - x3) - 8 * y2 * y2) % p, 2 * y * z % p


def _add(first: _Jacobian, second: Point, p: int) -> _Jacobian:
    """Sum of a Jacobian and an affine point."""
    x1, y1, z1 = first
    x2, y2 = second
    if not z1:
        return x2, y2 % p, big_integer()(1)
    z2 = z1 * z1 % p
    h = (x2 * z2 - x1) % p
    r = (y2 * z2 % p * z1 - y1) % p
    if not h:
        return _double(first, p) if not r else _IDENTITY
    h2 = h * h % p
    h3 = h * h2 % p
    v = x1 * h2 % p
    x3 = (r * r - h3 - 2 * v) % p
    return x3, (r * (v - x3) - y1 * h3) % p, z1 * h % p


def _to_affine(point: _Jacobian, p: int) -> Point | None:
    if not point[2]:
        return None
    ((x, y),) = _all_to_affine([point], p)
    return int(x), int(y)


def _all_to_affine(points: Sequence[_Jacobian], p: int) -> list[Point]:
    """None may be the identity. All share one inversion: each Z is divided out of the product of all."""
    products = [big_integer()(1)]
    for _, _, z in points:
        products.append(products[-1] * z % p)
    inverse = pow(products.pop(), -1, p)
    affine: list[Point] = []
    for (x, y, z), product in zip(reversed(points), reversed(products), strict=True):
        z_inverse = inverse * product % p
        inverse = inverse * z % p
        z_inverse2 = z_inverse * z_inverse % p
        affine.append((x * z_inverse2 % p, y * z_inverse2 % p * z_inverse % p))
    affine.reverse()
    return affine
