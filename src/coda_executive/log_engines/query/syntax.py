"""What a query says, as values; `coda_executive.log_engines.query` tells what each means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any

from coda_protocol.structured_events import Level


class Operator(StrEnum):
    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="

    @property
    def mirrored(self) -> "Operator":
        """The one that says the same with its sides exchanged."""
        return _MIRRORED.get(self, self)

    @property
    def function(self) -> Callable[[Any, Any], bool]:
        return _FUNCTIONS[self]


_MIRRORED: Mapping[Operator, Operator] = MappingProxyType(
    {
        Operator.LESS: Operator.MORE,
        Operator.AT_MOST: Operator.AT_LEAST,
        Operator.MORE: Operator.LESS,
        Operator.AT_LEAST: Operator.AT_MOST,
    }
)
_FUNCTIONS: Mapping[Operator, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        Operator.EQUAL: eq,
        Operator.UNEQUAL: ne,
        Operator.LESS: lt,
        Operator.AT_MOST: le,
        Operator.MORE: gt,
        Operator.AT_LEAST: ge,
    }
)


# ---- values ----


class Known(Enum):
    """What is known of any line, record or not."""

    NODE = "node"
    TEXT = "text"
    SECONDS = ".time"


@dataclass(frozen=True, slots=True)
class Field:
    """A path into the log record, at least one step; a number is a position in a list."""

    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class ListOf:
    items: tuple["Value", ...]


Path = Field | Known
Value = Path | Literal | ListOf

LEVEL = Field(("level",))


# ---- conditions ----


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    left: Value
    operator: Operator
    right: Value


@dataclass(frozen=True, slots=True)
class Severity:
    """The line's level compared with this one; false for a line of no level that we know."""

    operator: Operator
    level: Level


@dataclass(frozen=True, slots=True)
class IsIn:
    item: Value
    items: Value


@dataclass(frozen=True, slots=True)
class Contains:
    value: Value
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """`regex` is one of Python's, unanchored; the parser has tried it."""

    value: Value
    regex: str


@dataclass(frozen=True, slots=True)
class Exists:
    path: Path


@dataclass(frozen=True, slots=True)
class Not:
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class AllOf:
    """True if there are none."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """False if there are none."""

    conditions: tuple["Condition", ...]


Condition = Constant | Compare | Severity | IsIn | Contains | Matches | Exists | Not | AllOf | AnyOf


def at_least(level: Level) -> Condition:
    """Lines of this severity and above, and those whose severity nobody knows: a crash's last words are no
    record.
    """
    return Not(Severity(Operator.LESS, level))
