"""Lengths of time on the command line: 90s, 15m, 2h, 1d, and how they are shown."""

import re

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)


class Duration(click.ParamType[float]):
    """A length of time in seconds; a number without a unit is seconds."""

    name = "T"

    def convert(self, value: object, param: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = _FORM.fullmatch(str(value))
        if found is None:
            self.fail(f"expected a length of time such as 90s, 15m, 2h or 1d, got {value!r}", param, context)
        return float(found[1]) * _SECONDS[found[2] or "s"]


def shown(seconds: float) -> str:
    """Rounded, in the largest unit of which it is about two or more."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.9 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
