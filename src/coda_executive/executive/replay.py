"""Whether a repeated run was the same: its evidence beside the original's, down to the first line that differs.

Compared are, in this order, the history, the nodes' logs and the trace of steps: what comes first in the list
is what a reader understands best. The trace is finer than the rest; its text is there for runs that were asked
to write it, else its checkpoints tell the place to a thousand lines.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from coda_executive.errors import EngineError

STEPS = "the steps"
_TRACE_FILE = "trace.json"
_CONTEXT = 3  # lines before and after the first difference
_SHOWN = 240  # characters of a line
_LINES_PER_CHECKPOINT = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two runs part: line `number` (from 1) of `what`. The lines of each begin with the first that differs;
    they are empty where a run had ended. `hint` says how to find out more.
    """

    what: str
    number: int
    before: tuple[str, ...]
    original: tuple[str, ...]
    repeated: tuple[str, ...]
    hint: str = ""

    def __str__(self) -> str:
        lines = [f"the runs part at line {self.number} of {self.what}"]
        lines += [f"    {line[:_SHOWN]}" for line in self.before]
        if self.hint:
            return f"{lines[0]}, or soon after; {self.hint}"
        for name, found in (("original", self.original), ("repeated", self.repeated)):
            lines += [f"  {name}:", *(f"    {line[:_SHOWN]}" for line in found or ("(nothing more)",))]
        return "\n".join(lines)


def first_difference(what: str, original: Iterable[str], repeated: Iterable[str]) -> Difference | None:
    """The first line in which two texts differ, with its context; None if they are equal."""
    before: list[str] = []
    pairs = zip_longest(original, repeated)
    for number, (one, other) in enumerate(pairs, start=1):
        if one == other:
            before = [*before[1 - _CONTEXT :], one or ""]
            continue
        rest = [(one, other), *(pair for pair, _ in zip(pairs, range(_CONTEXT), strict=False))]
        ones, others = ([text for text in side if text is not None] for side in zip(*rest, strict=True))
        return Difference(what, number, tuple(before), tuple(ones), tuple(others))
    return None


def compare_runs(original: Path, repeated: Path) -> Difference | None:
    """The first difference between two run directories; None if their evidence is the same.

    Raises EngineError when the original left no trace: its engine does not repeat runs exactly, or was told
    not to keep one.
    """
    traces = [read_trace(directory) for directory in (original, repeated)]
    for what, ones, others in _texts(original, repeated):
        if difference := first_difference(what, ones, others):
            return difference
    return _first_checkpoint(*traces)


def _texts(original: Path, repeated: Path) -> Iterator[tuple[str, Iterator[str], Iterator[str]]]:
    """What there is to compare, with its lines in both runs."""
    yield "the history", _history(original), _history(repeated)
    for node in sorted({path.name for run in (original, repeated) for path in (run / "nodes").glob("*")}):
        names = {path.name for run in (original, repeated) for path in (run / "nodes" / node).glob("*.log")}
        for name in sorted(names):
            log = Path("nodes", node, name)
            what = f"the log of {node}" if name == "daemon.log" else f"{name} of {node}"
            yield what, _lines([original / log]), _lines([repeated / log])
    if steps := _steps(original, repeated):
        yield STEPS, *steps


def first_step(original: Path, repeated: Path) -> Difference | None:
    """The first step that differs, which comes before what is seen of it; None if they do not, or have no text."""
    steps = _steps(original, repeated)
    return None if steps is None else first_difference(STEPS, *steps)


def _steps(original: Path, repeated: Path) -> tuple[Iterator[str], Iterator[str]] | None:
    paths = [original / "trace.txt", repeated / "trace.txt"]
    if not all(path.exists() for path in paths):
        return None
    return _lines(paths[:1]), _lines(paths[1:])


def _first_checkpoint(original: "Trace", repeated: "Trace") -> Difference | None:
    if original == repeated:
        return None
    same = 0
    for one, other in zip(original.checkpoints, repeated.checkpoints, strict=False):
        if one != other:
            break
        same += 1
    hint = "make both runs with --trace-text to see the line"
    return Difference(STEPS, same * _LINES_PER_CHECKPOINT + 1, (), (), (), hint)


class Trace(msgspec.Struct, frozen=True):
    digest: str
    checkpoints: Sequence[str]


def has_trace(directory: Path) -> bool:
    """Whether its engine repeats runs exactly, and was told to leave what tells that."""
    return (directory / _TRACE_FILE).exists()


def read_trace(directory: Path) -> Trace:
    path = directory / _TRACE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Trace)
    except FileNotFoundError as error:
        raise EngineError(
            f"{directory} has no trace.json, so there is nothing to compare a repetition with: only an engine in "
            f"virtual time repeats a run exactly, unless told --no-trace"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise EngineError(f"{path} cannot be read: {error}") from error


def _history(directory: Path) -> Iterator[str]:
    return _lines(sorted((directory / "history").glob("*.jsonl")))


def _lines(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        try:
            with path.open(encoding="utf-8", errors="backslashreplace") as file:
                for line in file:
                    yield line.rstrip("\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise EngineError(f"{path} cannot be read: {error.strerror}") from error


def flags_of(options: Mapping[str, Any]) -> list[str]:
    """Engine options as a command line gives them."""
    flags: list[str] = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            flags += [f"--{option}", str(value)]
    return flags
