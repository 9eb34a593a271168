"""What dead runs left, over all engines, which it does not name."""

from collections.abc import Iterator

from coda_executive.executive.engines import engine_names, find_engine
from coda_executive.interfaces.keeping import Cleanable, Leftover


def find_leftovers(older_than: float) -> Iterator[tuple[str, Leftover]]:
    """What is left of runs that are dead for that many seconds, with the engine's name. Raises EngineError."""
    for name in engine_names():
        engine = find_engine(name)
        if isinstance(engine, Cleanable) and all(finding.ok for finding in engine.check()):
            for leftover in engine.find_leftovers(older_than):
                yield name, leftover
