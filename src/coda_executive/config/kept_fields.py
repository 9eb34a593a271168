"""Fields of a runtime configuration that we do not know and, with `--lenient`, keep: a newer daemon may know them.

They are no part of `RuntimeConfig`; they go from the user's file into the daemons' as they are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coda_executive.config.fault import Path

# Overlaid as a whole: what an earlier file says of them is gone (daemon contract B.2).
_WHOLE_SECTIONS = ("ledger", "epoch_data")
_SHORTEST_KEY = 40
_SECRET_NAME = re.compile(r"(^|_|-)sk($|_|-)|secret|priv|pass", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class KeptField:
    """A name and all that is under it. The path begins at the configuration's own root, such as `genesis`."""

    path: Path
    value: Any

    def __repr__(self) -> str:
        return f"<KeptField {self.path}>"


def overlaid(
    earlier: Sequence[KeptField], later: Sequence[KeptField], sections: Mapping[str, object]
) -> tuple[KeptField, ...]:
    """The kept fields of two merged files; `sections` are those that the later one has."""
    replaced = {name for name in _WHOLE_SECTIONS if name in sections}
    return (*(field for field in earlier if field.path[0] not in replaced), *later)


def put_back(document: dict[str, Any], kept: Sequence[KeptField], *, accounts_before: int) -> None:
    """Write kept fields into a configuration's JSON; `accounts_before` were put before the ledger's own."""
    for field in kept:
        *way, name = field.path
        place: Any = document
        for index, step in enumerate(way):
            if isinstance(step, int):
                place = place[step + accounts_before if way[:index] == ["ledger", "accounts"] else step]
            else:
                place = place.setdefault(step, {})
        place[name] = field.value


def may_be_secret(name: str, value: Any) -> bool:
    """Whether a private key or a password may be in it, by its name or its looks."""
    if _SECRET_NAME.search(name):
        return True
    if isinstance(value, dict):
        return any(may_be_secret(key, item) for key, item in value.items())
    if isinstance(value, list):
        return any(may_be_secret("", item) for item in value)
    return isinstance(value, str) and value.strip().startswith("EK") and len(value) >= _SHORTEST_KEY
