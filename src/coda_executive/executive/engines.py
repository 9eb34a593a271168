"""Engines, found by entry point: this is the only place that looks for them, and it names none."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any

import msgspec

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


def chosen_options(engine: Engine, given: Mapping[str, Any], *, lenient_text: bool = False) -> msgspec.Struct:
    """The engine's options, from what was given by name; None stands for "not given".

    With `lenient_text` values may be texts that stand for numbers and truths. Raises ConfigError for another
    engine's option or a bad value.
    """
    known = {field.name for field in msgspec.structs.fields(engine.options_type)}
    chosen = {name: value for name, value in given.items() if value is not None}
    foreign = sorted(set(chosen) - known)
    if foreign:
        flags = ", ".join("--" + name.replace("_", "-") for name in foreign)
        raise ConfigError(
            f"engine {engine.name} has no option {flags}; coda-executive run --help shows whose it is"
        )
    try:
        return msgspec.convert(chosen, engine.options_type, strict=not lenient_text)
    except msgspec.ValidationError as error:
        raise ConfigError(f"an option of engine {engine.name} is wrong: {error}") from error
