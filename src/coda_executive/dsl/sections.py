"""Sections of a test and the errors found in them.

A section names why its steps are taken. A hard error stops the test, a soft one does not, either fails it; a
warning does neither. A plain section softens: an error inside it ends the section, not the test.
"""

import ast
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from coda_executive.dsl.strand import Strands
from coda_executive.errors import RequestFailed, TestFailed

_NOT_A_TEST = frozenset(("coda_executive", "coda_protocol", "coda_daemon")) | sys.stdlib_module_names
_RAISED_IN = "_raised_in_section"  # what an exception carries out of its section


class Severity(StrEnum):
    WARNING = "warning"
    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class FoundError:
    """One error: `kind` is the class of the exception or what found it, `time_ns` nanoseconds since the run
    began.
    """

    severity: Severity
    kind: str
    message: str
    section: tuple[str, ...]
    time_ns: int


@dataclass(slots=True)
class SectionRecord:
    """One section: its path of names, when it began and ended (nanoseconds since the run began), and whether
    it passed.
    """

    path: tuple[str, ...]
    began_ns: int
    ended_ns: int | None = None
    passed: bool | None = None


@dataclass(slots=True)
class Sections:
    """The sections of one run, in the order in which they began, and all errors, in the order in which they
    were found. `on_found` is told of each error.
    """

    now_ns: Callable[[], int]
    sections: list[SectionRecord] = field(default_factory=list)
    errors: list[FoundError] = field(default_factory=list)
    strands: Strands = field(default_factory=Strands)
    on_found: Callable[[FoundError], None] | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """The sections that are open, of the task that asks or else of the test's body."""
        return self.strands.current.path

    def found(
        self, severity: Severity, kind: str, message: str, *, raised: BaseException | None = None
    ) -> None:
        """Keep an error, with the section that is open; or that was, where `raised` left one."""
        path = getattr(raised, _RAISED_IN, None) or self.path
        error = FoundError(severity, kind, message, path, self.now_ns())
        self.errors.append(error)
        if self.on_found is not None:
            self.on_found(error)

    @contextmanager
    def section(self, name: str, *, hard: bool) -> Iterator[SectionRecord]:
        """Hold a section for the length of a block. Unless `hard`, what the network broke ends here, recorded
        as a soft error.

        A crashed node or a hard log error goes through: later sections would run against a network in an
        unknown state.
        """
        strand = self.strands.current
        outer, strand.path = strand.path, (*strand.path, name)
        record = SectionRecord(strand.path, self.now_ns())
        self.sections.append(record)
        errors_before = len(self.errors)
        finished = False
        try:
            yield record
            finished = True
        except Exception as error:
            if hard or not isinstance(error, TestFailed | RequestFailed | AssertionError):
                # Whoever takes it, outside of all sections, tells where it was raised: the innermost counts.
                if not hasattr(error, _RAISED_IN):
                    setattr(error, _RAISED_IN, record.path)
                raise
            self.found(Severity.SOFT, type(error).__name__, describe(error))
        finally:
            record.ended_ns = self.now_ns()
            # What a task beside it did wrong is not this section's.
            own = [e for e in self.errors[errors_before:] if e.section[: len(record.path)] == record.path]
            record.passed = finished and all(e.severity is Severity.WARNING for e in own)
            strand.path = outer


def describe(error: BaseException) -> str:
    """The error's text, or its class where it has none, with its notes and the line of the test that raised it or
    waited for it; an assertion also with the values of its names.
    """
    notes = getattr(error, "__notes__", [])
    if isinstance(error, AssertionError):
        frame, line = list(traceback.walk_tb(error.__traceback__))[-1]
        place = traceback.extract_tb(error.__traceback__)[-1]
        asserted = place.line or "an assertion failed"
        told = str(error) or f"{asserted}{_values(asserted, frame.f_locals)}"
        return "\n".join([f"{told} (at {place.filename}:{line})", *notes])
    return "\n".join([str(error) or type(error).__name__, *_line_of_test(error), *notes])


def _values(assertion: str, names: Mapping[str, object]) -> str:
    """The plain values of the names in an assertion, such as " with n = 3"."""
    try:
        used = [node.id for node in ast.walk(ast.parse(assertion)) if isinstance(node, ast.Name)]
    except SyntaxError:  # only the first of its lines is known
        used = []
    plain = (int, float, str, type(None))
    values = {name: names[name] for name in used if name in names and isinstance(names[name], plain)}
    told = ", ".join(f"{name} = {value!r:.60}" for name, value in values.items())
    return f" with {told}" if told else ""


def _line_of_test(error: BaseException) -> list[str]:
    """The innermost line of the test's own code, or of the catalogue's, that the error came through. Its file is
    named without the directory: a history must be the same wherever its test lies.
    """
    frames = traceback.extract_tb(error.__traceback__)
    modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [
        frame
        for frame, module in zip(frames, modules, strict=True)
        if module.startswith("coda_executive.catalogue.")
        or not (module.partition(".")[0] in _NOT_A_TEST or "site-packages" in frame.filename)
    ]
    return [f"test: {Path(own[-1].filename).name}:{own[-1].lineno}: {own[-1].line}"] if own else []
