"""Money: whole nanomina inside, decimal coda in texts (1 coda = 10⁹ nanomina; daemon contract B and I.7).

The three kinds are classes of their own, so that a fee is never passed for an amount. They are plain integers
otherwise: arithmetic gives an `int`, which is made a kind again where its meaning is known.
"""

import re
from typing import Self

from coda_protocol.format_error import FormatError

NANOMINA_PER_CODA = 10**9
MAXIMUM = 2**64 - 1

_DECIMALS = 9
_DECIMAL_CODA = re.compile(r"([0-9]{0,30})(?:\.([0-9]*))?", re.ASCII)


class Currency(int):
    """A number of nanomina, from 0 to 2⁶⁴ − 1. Use `Amount`, `Fee` or `Balance`."""

    __slots__ = ()

    def __new__(cls, nanomina: int) -> Self:
        """Raises FormatError for a number outside 64 bits."""
        if not 0 <= nanomina <= MAXIMUM:
            raise FormatError(cls.__name__.lower(), f"0 to {MAXIMUM} nanomina", str(int(nanomina)))
        return super().__new__(cls, nanomina)

    @classmethod
    def of_coda(cls, text: str) -> Self:
        """Parse decimal coda such as "1000.5"; more than nine decimals are cut off. Raises FormatError."""
        match = _DECIMAL_CODA.fullmatch(text)
        if match is None or text in ("", "."):
            raise FormatError(cls.__name__.lower(), 'decimal coda such as "1000.5"', repr(text[:40]))
        whole, decimals = match.groups(default="")
        return cls(int(whole + decimals[:_DECIMALS].ljust(_DECIMALS, "0")))

    @property
    def coda(self) -> str:
        """Decimal coda without needless zeros, such as "1000.5"; `of_coda` reads it back."""
        whole, rest = divmod(int(self), NANOMINA_PER_CODA)
        return f"{whole}.{rest:09d}".rstrip("0") if rest else str(whole)

    def __repr__(self) -> str:
        return f"{type(self).__name__}.of_coda({self.coda!r})"

    # Without this, f"{fee}" would show the repr; the number is what GraphQL and logs want.
    def __str__(self) -> str:
        return int.__repr__(self)


class Amount(Currency):
    """What a payment moves or a coinbase creates."""

    __slots__ = ()


class Fee(Currency):
    """What a command, a piece of SNARK work or an account's creation costs."""

    __slots__ = ()


class Balance(Currency):
    """What an account holds, or must keep."""

    __slots__ = ()
