"""What of the interpreter must be otherwise while a simulation runs, so that it runs the same each time."""

import asyncio
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

# Finalisers run at fixed steps: (every so many steps, generation). Automatic collection would run them whenever
# memory decides.
_COLLECTIONS = ((1_000_000, 2), (100_000, 1), (10_000, 0))
COLLECTION_STEPS = _COLLECTIONS[-1][0]


def collect_at(step: int) -> None:
    """Collect garbage as it is due at a step, which is a multiple of COLLECTION_STEPS."""
    generation = next(generation for interval, generation in _COLLECTIONS if step % interval == 0)
    gc.collect(generation)


@contextmanager
def scheduled_collection() -> Iterator[None]:
    """Leave garbage collection to the loop, and what was there before out of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


@contextmanager
def ordered_as_completed() -> Iterator[None]:
    """`asyncio.as_completed` makes its tasks in the order of a set of coroutines: here in the order given."""
    original = asyncio.as_completed

    def as_completed(fs: Iterable[Any], *, timeout: float | None = None) -> Any:
        if asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
            return original(fs, timeout=timeout)  # which refuses them
        return original([asyncio.ensure_future(each) for each in dict.fromkeys(fs)], timeout=timeout)

    # The name in `asyncio` is the one that code calls; whoever imported the function itself keeps the
    # unordered one.
    asyncio.as_completed = as_completed
    try:
        yield
    finally:
        asyncio.as_completed = original
