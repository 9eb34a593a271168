"""A query answered on log lines, one at a time."""

import re
import warnings
from collections.abc import Callable
from typing import Any, Protocol, assert_never

import msgspec

from coda_executive.log_engines.query.syntax import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Constant,
    Contains,
    Exists,
    Field,
    IsIn,
    Known,
    ListOf,
    Literal,
    Matches,
    Not,
    Operator,
    Severity,
    Value,
)
from coda_protocol.log_message import LogMessage, metadata_of
from coda_protocol.structured_events import Level


class Line(Protocol):
    """A line of a node's log. `time` is a time stamp as daemons write it, or empty."""

    @property
    def node(self) -> str: ...
    @property
    def time(self) -> str: ...
    @property
    def text(self) -> bytes: ...
    @property
    def message(self) -> LogMessage | None: ...
    @property
    def level(self) -> Level | None: ...
    @property
    def filled_text(self) -> str: ...


Seconds = Callable[[str], float | None]  # from a line's time to seconds since the run's first line


def compile_query(condition: Condition, seconds: Seconds) -> Callable[[Line], bool]:
    """A function that tells whether a line is wanted; it never raises, whatever the line holds."""
    test = _test(condition, seconds)
    return lambda line: test(_Subject(line))


_MISSING = object()
_Test = Callable[["_Subject"], bool]
_Getter = Callable[["_Subject"], Any]  # a JSON value or _MISSING


class _Subject:
    """A line whose parts are decoded when they are asked for, and once."""

    __slots__ = ("_metadata", "_record", "line")

    def __init__(self, line: Line) -> None:
        self.line = line
        self._metadata: Any = None
        self._record: Any = None

    @property
    def metadata(self) -> Any:
        if self._metadata is None:
            message = self.line.message
            self._metadata = _MISSING if message is None else _decoded(metadata_of, message)
        return self._metadata

    @property
    def record(self) -> Any:
        """The whole line, for what daemons seldom write and people seldom ask for."""
        if self._record is None:
            is_record = self.line.message is not None
            self._record = _decoded(msgspec.json.decode, self.line.text) if is_record else _MISSING
        return self._record


def _decoded(decode: Callable[[Any], Any], data: object) -> Any:
    try:
        return decode(data)
    except (ValueError, RecursionError):
        return _MISSING


# ---- conditions ----


def _test(condition: Condition, seconds: Seconds) -> _Test:
    match condition:
        case Constant(answer):
            return lambda subject: answer
        case Compare(left, operator, right):
            return _comparison(_getter(left, seconds), operator, _getter(right, seconds))
        case Severity(operator, level):
            return _severity(operator, level)
        case IsIn(item, items):
            return _membership(_getter(item, seconds), _getter(items, seconds))
        case Contains(value, text):
            get = _getter(value, seconds)
            return lambda subject: isinstance(found := get(subject), str) and text in found
        case Matches(value, regex):
            return _matching(_getter(value, seconds), regex)
        case Exists(path):
            get = _getter(path, seconds)
            return lambda subject: get(subject) is not _MISSING
        case Not(inner):
            test = _test(inner, seconds)
            return lambda subject: not test(subject)
        case AllOf(conditions):
            return _joined(False, [_test(inner, seconds) for inner in conditions])
        case AnyOf(conditions):
            return _joined(True, [_test(inner, seconds) for inner in conditions])
        case _:
            assert_never(condition)


def _joined(decisive: bool, tests: list[_Test]) -> _Test:
    """Decided by the first test that gives this answer; the other answer if none does."""

    def joined(subject: _Subject) -> bool:
        for test in tests:
            if test(subject) is decisive:
                return decisive
        return not decisive

    return joined


def _severity(operator: Operator, wanted: Level) -> _Test:
    compare = operator.function

    def test(subject: _Subject) -> bool:
        level = subject.line.level
        return level is not None and compare(level, wanted)

    return test


def _comparison(left: _Getter, operator: Operator, right: _Getter) -> _Test:
    compare = operator.function

    def test_equality(subject: _Subject) -> bool:
        a, b = left(subject), right(subject)
        if a is _MISSING or b is _MISSING:
            return False
        return _are_equal(a, b) is (operator is Operator.EQUAL)

    def test_order(subject: _Subject) -> bool:
        a, b = _alike(left(subject), right(subject))
        if isinstance(a, str) and isinstance(b, str):
            return compare(a, b)
        return _is_number(a) and _is_number(b) and compare(a, b)

    return test_equality if operator in (Operator.EQUAL, Operator.UNEQUAL) else test_order


def _membership(item: _Getter, items: _Getter) -> _Test:
    def test(subject: _Subject) -> bool:
        wanted, found = item(subject), items(subject)
        if wanted is _MISSING or not isinstance(found, list):
            return False
        return any(_are_equal(wanted, one) for one in found)

    return test


def _matching(get: _Getter, regex: str) -> _Test:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the parser has tried it
        search = re.compile(regex).search
    return lambda subject: isinstance(found := get(subject), str) and search(found) is not None


# ---- values ----


def _getter(value: Value, seconds: Seconds) -> _Getter:
    match value:
        case Literal(constant):
            return lambda subject: constant
        case ListOf(items):
            return _list_getter([_getter(item, seconds) for item in items])
        case Known.NODE:
            return lambda subject: subject.line.node
        case Known.TEXT:
            return lambda subject: subject.line.filled_text
        case Known.SECONDS:
            return _seconds_getter(seconds)
        case Field(steps):
            return _field_getter(steps)
        case _:
            assert_never(value)


def _list_getter(getters: list[_Getter]) -> _Getter:
    def get(subject: _Subject) -> Any:
        items = [get_item(subject) for get_item in getters]
        return _MISSING if any(item is _MISSING for item in items) else items

    return get


def _seconds_getter(seconds: Seconds) -> _Getter:
    def get(subject: _Subject) -> Any:
        time = subject.line.time
        found = seconds(time) if time else None
        return _MISSING if found is None else found

    return get


def _field_getter(steps: tuple[str | int, ...]) -> _Getter:
    if steps[0] == "metadata" and len(steps) > 1:
        return lambda subject: _walk(subject.metadata, steps[1:])
    if steps in (("timestamp",), ("level",), ("message",), ("event_id",)):
        (name,) = steps
        # An empty one may have been left out: then the whole record knows.
        return lambda subject: getattr(subject.line.message, str(name), "") or _walk(subject.record, steps)
    return lambda subject: _walk(subject.record, steps)


def _walk(value: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        if isinstance(step, str):
            value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else _MISSING
        if value is _MISSING:
            break
    return value


# ---- comparing ----

_DECIMAL = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?")


def _are_equal(a: Any, b: Any) -> bool:
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    a, b = _alike(a, b)
    try:
        return bool(a == b)
    except RecursionError:  # two values that are nested as deep as JSON can be decoded
        return False


def _alike(a: Any, b: Any) -> tuple[Any, Any]:
    """A number and a text of digits as two numbers; others as they are."""
    if isinstance(a, str) and _is_number(b):
        return _number(a), b
    if isinstance(b, str) and _is_number(a):
        return a, _number(b)
    return a, b


def _number(text: str) -> Any:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return text
    return float(text) if match.group(1) else int(text)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
