"""Which integers the curve and the hash compute with: gmpy2's when it is installed, else Python's own.

Both give the same numbers; gmpy2 is two to three times faster. Importing it takes longer than a few
signatures, so it waits until the first of them.
"""

from collections.abc import Callable
from functools import cache


@cache
def big_integer() -> Callable[[int], int]:
    """Makes integers to compute with from plain ones. `int` results before they leave a module."""
    try:
        from gmpy2 import mpz  # type: ignore[import-untyped]
    except ImportError:
        return int
    convert: Callable[[int], int] = mpz
    return convert
