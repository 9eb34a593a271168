"""Engines, found by entry point: this is the only place that looks for them, and it names none."""

from difflib import get_close_matches
from importlib.metadata import entry_points

from coda_executive.errors import ConfigError
from coda_executive.interfaces.engine import Engine

GROUP = "coda_executive.engines"


def engine_names() -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def find_engine(name: str) -> Engine:
    """The engine of that name. Raises ConfigError with the names there are."""
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            engine: Engine = entry.load()
            return engine
    names = engine_names()
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ConfigError(f"no engine is named {name!r}{hint} There are: {', '.join(names)}.")
