"""A query's text cut into tokens, and the error that points into it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from coda_executive.errors import ConfigError


class Kind(StrEnum):
    TEXT = "a text"
    NUMBER = "a number"
    REGEX = "a regex"
    WORD = "a word"
    SYMBOL = "a symbol"
    END = "the end"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is as written, quotes included; `start` counts characters from 0."""

    kind: Kind
    text: str
    start: int


class QueryError(ConfigError):
    """A query that cannot be understood. `column` counts from 1."""

    def __init__(self, query: str, start: int, problem: str) -> None:
        shown = "".join(character if character.isprintable() else " " for character in query)
        super().__init__(
            f"the filter cannot be understood at column {start + 1}: {problem}\n"
            f"    {shown}\n"
            f"    {' ' * start}^"
        )
        self.column, self.problem = start + 1, problem


_TOKEN = re.compile(
    r"""
      (?P<TEXT>   " (?: [^"\\] | \\. )* " )
    | (?P<REGEX>  / (?: [^/\\] | \\. )* / )
    | (?P<NUMBER> -? [0-9]+ (?: \.[0-9]+ )? (?: [eE][+-]?[0-9]+ )? )
    | (?P<WORD>   [A-Za-z_$][A-Za-z0-9_$]* )
    | (?P<SYMBOL> && | \|\| | [=!<>]= | [<>!~()\[\],.] | \S )
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenize(query: str) -> Iterator[Token]:
    """All tokens, the last one END. Any text gives tokens: a character that fits nowhere is a symbol."""
    for match in _TOKEN.finditer(query):
        yield Token(Kind[match.lastgroup or ""], match.group(), match.start())
    yield Token(Kind.END, "", len(query.rstrip()))
