"""The curve, against textbook affine arithmetic."""

from random import Random
from typing import Any

import pytest

from coda_protocol.pallas import (
    FIELD_MODULUS as P,
)
from coda_protocol.pallas import (
    GENERATOR,
    GROUP_ORDER,
    Point,
    all_have_points,
    challenge_point,
    has_point,
    multiply_generator,
    y_of,
)

SCALARS = [1, 2, 3, 15, 16, 17, GROUP_ORDER - 1, GROUP_ORDER - 2, (GROUP_ORDER + 1) // 2]


def slow_sum(a: Point | None, b: Point | None) -> Point | None:
    """The chord and tangent rule; None is the identity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if a[1] != b[1]:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def slow_multiple(scalar: int, point: Point) -> Point | None:
    total, power = None, point
    while scalar:
        if scalar & 1:
            total = slow_sum(total, power)
        doubled = slow_sum(power, power)
        assert doubled is not None
        power, scalar = doubled, scalar >> 1
    return total


def test_published_secrets_have_their_published_points(vectors: dict[str, Any]) -> None:
    for entry in vectors["keypairs"]:
        point = multiply_generator(int(entry["private_scalar"]))
        assert point == (int(entry["public_x"]), int(entry["public_y"])), entry["id"]
        assert y_of(point[0], entry["public_is_odd"]) == point[1], entry["id"]


def test_multiples_of_the_generator_are_those_of_the_textbook() -> None:
    rng = Random("pallas:multiples")
    for scalar in [*SCALARS, *(rng.randrange(1, GROUP_ORDER) for _ in range(20))]:
        assert multiply_generator(scalar) == slow_multiple(scalar, GENERATOR), scalar


def test_challenge_points_are_those_of_the_textbook() -> None:
    rng = Random("pallas:challenges")
    for e in [0, *SCALARS, *(rng.randrange(GROUP_ORDER) for _ in range(10))]:
        s, public = rng.randrange(GROUP_ORDER), multiply_generator(rng.randrange(1, GROUP_ORDER))
        expected = slow_sum(
            slow_multiple(s, GENERATOR), slow_multiple((GROUP_ORDER - e) % GROUP_ORDER, public)
        )
        assert challenge_point(s, e, public) == expected, (s, e, public)


def test_the_challenge_point_of_equal_multiples_is_the_identity() -> None:
    assert challenge_point(35, 5, multiply_generator(7)) is None
    assert challenge_point(0, 0, GENERATOR) is None


def test_doubling_happens_where_both_multiples_meet() -> None:
    """The chord through two equal points is no line; the tangent is."""
    assert challenge_point(1, GROUP_ORDER - 1, GENERATOR) == multiply_generator(2)


def test_a_point_exists_exactly_where_euler_finds_a_square() -> None:
    rng = Random("pallas:squares")
    for x in [0, 1, 2, P - 1, *(rng.randrange(P) for _ in range(300))]:
        right_side = (x**3 + 5) % P
        assert has_point(x) == (pow(right_side, (P - 1) // 2, P) == 1), x


@pytest.mark.parametrize("count", [0, 1, 99, 100, 1000])
def test_one_or_two_coordinates_without_point_are_noticed_among_many(count: int) -> None:
    rng = Random(f"pallas:many:{count}")
    drawn = [rng.randrange(P) for _ in range(3 * count + 20)]
    good = [x for x in drawn if has_point(x)][:count]
    first, second = [x for x in drawn if not has_point(x)][:2]
    assert all_have_points(good)
    assert all_have_points([*good, *good])
    for bad in ([first], [second], [first, second], [first, first]):
        place = rng.randrange(len(good) + 1)
        assert not all_have_points([*good[:place], *bad, *good[place:]])


def test_both_roots_lie_on_the_curve_and_differ_in_parity() -> None:
    rng = Random("pallas:roots")
    for x in filter(has_point, [rng.randrange(P) for _ in range(60)]):
        even, odd = y_of(x, False), y_of(x, True)
        assert even % 2 == 0
        assert odd == P - even
        assert even * even % P == (x**3 + 5) % P


def test_a_coordinate_without_point_has_no_y() -> None:
    with pytest.raises(ValueError, match="no point of the Pallas curve has x = 993"):
        y_of(993, False)
