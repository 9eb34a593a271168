"""The archive's tables: their text is shipped beside this module as `schema.sql`."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

from coda_daemon.ports import ArchiveStore

_IS_LOADED: Final = {
    "postgresql": "SELECT 1 WHERE to_regclass('blocks') IS NOT NULL",
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'blocks'",
}


@cache
def schema(dialect: str = "postgresql") -> str:
    text = files(__package__).joinpath("schema.sql").read_text()
    return _in_sqlite(text) if dialect == "sqlite" else text


async def has_tables(store: ArchiveStore) -> bool:
    """Raises OSError."""
    return bool(await store.fetch(_IS_LOADED[store.dialect]))


def _in_sqlite(text: str) -> str:
    """SQLite has no enumerations, no arrays, and counts every `integer PRIMARY KEY` by itself."""
    for name in re.findall(r"CREATE TYPE (\w+) AS ENUM", text):
        text = re.sub(rf"CREATE TYPE {name} AS ENUM [^;]*;", "", text)
        text = re.sub(rf"\b{name}\b", "text", text)
    return text.replace("serial PRIMARY KEY", "integer PRIMARY KEY").replace("bigint[]", "text")
