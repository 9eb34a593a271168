"""How a clause of the kit is written: an async method that is given a bench, and says what was broken."""

import unittest
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Clause = Callable[[Any, Any], Awaitable[None]]


def promise(kept: object, broken: str) -> None:
    """Raise AssertionError with that text unless the promise was kept."""
    __tracebackhide__ = True  # of pytest: whoever reads a failure wants the clause
    if not kept:
        raise AssertionError(broken)


def clause(*needs: type) -> Callable[[Clause], Callable[[Any, Path], None]]:
    """Make a method `async def test_…(self, bench)` a test that pytest collects and that runs on the loop of
    the class's engine. Where the engine does not claim the abilities that it `needs`, it is skipped.
    """

    def made(body: Clause) -> Callable[[Any, Path], None]:
        # Not functools.wraps: pytest would follow it to the body, and look for a fixture called bench.
        def test(self: Any, tmp_path: Path) -> None:
            __tracebackhide__ = True
            missing = [need.__name__ for need in needs if need not in self.capabilities]
            if missing:
                raise unittest.SkipTest(f"it does not claim {' and '.join(missing)}")
            self.play(body, tmp_path, needs)

        test.__name__, test.__qualname__, test.__doc__ = body.__name__, body.__qualname__, body.__doc__
        return test

    return made
