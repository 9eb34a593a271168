"""Faults of a configuration: where, what was expected, what was found, what to do. All are told at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coda_executive.errors import ConfigError

Path = tuple[str | int, ...]  # such as ("runtime", "ledger", "accounts", 3, "balance")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. `position` is None for a configuration that was written in Python."""

    path: Path
    expected: str
    found: str
    suggestion: str | None = None
    position: Position | None = None

    def __str__(self) -> str:
        where = [str(self.position)] if self.position else []
        if self.path:
            where.append(path_text(self.path))
        text = ": ".join([*where, f"expected {self.expected}, found {self.found}."])
        return f"{text} {self.suggestion}" if self.suggestion else text


class FaultyConfigError(ConfigError):
    """A configuration with faults, at least one; nothing was started."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"The configuration has {count}:", *(f"  {fault}" for fault in faults)]))
        self.faults = tuple(faults)


def path_text(path: Path) -> str:
    """`runtime.ledger.accounts[3].balance`"""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A suggestion for a misspelt name, or the list of all when nothing is near and they are few."""
    from difflib import get_close_matches  # costs 2 ms: only a faulty configuration pays them

    names = sorted(known)
    near = get_close_matches(name.lower().replace("-", "_"), names, n=1, cutoff=0.55)
    near = near or get_close_matches(name, names, n=1, cutoff=0.55)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are: {', '.join(names)}." if len(names) <= 12 else None


def found(value: object) -> str:
    """How a message shows a value: its kind and its beginning, nothing that may be a private key."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        if "EK" in value[:4]:
            return f"a text of {len(value)} characters, not shown because it may be a private key"
        return repr(value) if len(value) <= 60 else f"'{value[:56]}…' ({len(value)} characters)"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}"
