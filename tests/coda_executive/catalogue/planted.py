"""A defect that is planted for one run of a shipped test, in virtual time in this process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.coda_executive.planting import replacement


@dataclass(frozen=True)
class Defect:
    """What replaces a function, in which test, and how that must tell: `planted` takes the original and its
    arguments, `told` must be in the message of an error, and `section` must fail, unless it fails outside of all.
    """

    test: str
    section: str | None
    where: tuple[str, ...] | str  # module:function, or module:class.method
    planted: Callable[..., Any]
    told: str
    code: int = 1

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for place in (self.where,) if isinstance(self.where, str) else self.where:
            monkeypatch.setattr(*replacement(place, self.planted))


def answering(value: Any) -> Callable[..., Any]:
    """A function that always answers this."""
    return lambda _original, *_arguments, **_named: value
