"""From a query's text to what it says, or to an error that points at the first thing that does not fit."""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType

from coda_executive.log_engines.query.syntax import (
    LEVEL,
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
    Path,
    Severity,
    Value,
)
from coda_executive.log_engines.query.tokens import Kind, QueryError, Token, tokenize
from coda_protocol.structured_events import Level

_DEEPEST = 50  # levels of parentheses and brackets
_A_CONDITION = 'a condition, such as .level >= "Warn", node == "seed-1", exists(.event_id) or a quoted text'
_AN_OPERATOR = "==, !=, <, <=, >, >=, in, match or ~"
_A_VALUE = "a path such as .metadata.slot, node, text, a quoted text, a number, true, false or a list"
_A_PATH = "a path such as .metadata.slot, node or text"
_RECORD_KEYS = ("timestamp", "time", "level", "source", "message", "metadata", "event_id")
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "=": "equality is ==",
        "&": "and is &&",
        "|": "or is ||",
        "and": "and is &&",
        "or": "or is ||",
        "not": "not is !",
        '"': 'this text has no closing "',
        "'": 'a text is quoted with "',
        "/": "a regex stands after match and ends with /",
        **{key: f"a key of the record begins with a dot: .{key}" for key in _RECORD_KEYS},
    }
)


def parse_query(query: str) -> Condition:
    """What a query says. Raises QueryError."""
    return _Parser(query).whole()


class _Parser:
    """Recursive descent; each method reads what it is named for and leaves what follows."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = list(tokenize(query))
        self._next = 0
        self._depth = 0

    def whole(self) -> Condition:
        condition = self._condition()
        if self._token.kind is not Kind.END:
            raise self._unexpected("&& or || or the end")
        return condition

    # ---- conditions ----

    def _condition(self) -> Condition:
        conditions = self._separated("||", self._conjunction)
        return conditions[0] if len(conditions) == 1 else AnyOf(conditions)

    def _conjunction(self) -> Condition:
        conditions = self._separated("&&", self._factor)
        return conditions[0] if len(conditions) == 1 else AllOf(conditions)

    def _separated(self, symbol: str, part: Callable[[], Condition]) -> tuple[Condition, ...]:
        parts = [part()]
        while self._took(symbol):
            parts.append(part())
        return tuple(parts)

    def _factor(self) -> Condition:
        is_negated = False
        while self._took("!"):
            is_negated = not is_negated
        condition = self._unnegated()
        return Not(condition) if is_negated else condition

    def _unnegated(self) -> Condition:
        if self._is_at("("):
            self._enter()
            condition = self._condition()
            self._leave(")", "&&, || or )")
            return condition
        if self._token.text == "exists":
            return self._exists()
        first = self._token
        left = self._value(_A_CONDITION)
        operator = self._token
        if operator.kind in (Kind.SYMBOL, Kind.WORD):
            match operator.text:
                case "in":
                    self._next += 1
                    return self._is_in(first, left)
                case "match":
                    self._next += 1
                    return Matches(left, self._regex())
                case "~":
                    self._next += 1
                    return Contains(left, self._text("a quoted text to be contained"))
                case "==" | "!=" | "<" | "<=" | ">" | ">=":
                    self._next += 1
                    return self._compare(first, left, Operator(operator.text))
        return self._alone(left)

    def _exists(self) -> Condition:
        self._next += 1
        if not self._is_at("("):
            raise self._unexpected("( after exists")
        self._enter()
        path = self._value(_A_PATH, paths_only=True)
        assert isinstance(path, Field | Known)
        self._leave(")", ") or a further step of the path")
        return Exists(path)

    def _alone(self, value: Value) -> Condition:
        """A value without an operator behind it."""
        match value:
            case Literal(bool() as constant):
                return Constant(constant)
            case Literal(str() as text):
                return Contains(Known.TEXT, text)
            case _:
                raise self._unexpected(_AN_OPERATOR)

    def _compare(self, first: Token, left: Value, operator: Operator) -> Condition:
        second = self._token
        right = self._value(_A_VALUE)
        match left, right:
            case Field() as path, Literal(str() as name) if path == LEVEL:
                return Severity(operator, self._level(second, name))
            case Literal(str() as name), Field() as path if path == LEVEL:
                return Severity(operator.mirrored, self._level(first, name))
            case _:
                return Compare(left, operator, right)

    def _is_in(self, first: Token, item: Value) -> Condition:
        bracket = self._next
        if not (self._is_at("[") or self._is_at(".")):
            raise self._unexpected("a list, or the path of one, after in")
        items = self._value(_A_VALUE)
        if item != LEVEL or not isinstance(items, ListOf):
            return IsIn(item, items)
        names = [value.value for value in items.items if isinstance(value, Literal)]
        if len(names) < len(items.items):
            return IsIn(item, items)
        # Only literals: the tokens between the brackets are the names and commas in turn.
        places = self._tokens[bracket + 1 :: 2]
        levels = [self._level(place, name) for place, name in zip(places, names, strict=False)]
        return AnyOf(tuple(Severity(Operator.EQUAL, level) for level in levels))

    def _level(self, token: Token, name: object) -> Level:
        try:
            return Level.of_text(name if isinstance(name, str) else token.text)
        except ValueError as error:
            raise QueryError(self._query, token.start, str(error)) from error

    # ---- values ----

    def _value(self, expected: str, *, paths_only: bool = False) -> Value:
        token = self._token
        if token.kind is Kind.WORD and token.text in (Known.NODE.value, Known.TEXT.value):
            self._next += 1
            return Known(token.text)
        if self._is_at("."):
            return self._path()
        if not paths_only:
            if token.kind is Kind.TEXT:
                return Literal(self._text(expected))
            if token.kind is Kind.NUMBER:
                return Literal(self._number())
            if token.kind is Kind.WORD and token.text in ("true", "false"):
                self._next += 1
                return Literal(token.text == "true")
            if self._is_at("["):
                return self._list()
        raise self._unexpected(expected)

    def _list(self) -> Value:
        self._enter()
        items: list[Value] = []
        if not self._is_at("]"):
            items.append(self._value(f"{_A_VALUE}, or ]"))
            while self._took(","):
                items.append(self._value(_A_VALUE))
        self._leave("]", ", or ]")
        return ListOf(tuple(items))

    def _path(self) -> Path:
        steps: list[str | int] = []
        while True:
            if self._took("."):
                steps.append(self._key())
            elif self._took("["):
                steps.append(self._index_or_key())
            else:
                break
        return Known.SECONDS if steps == ["time"] else Field(tuple(steps))

    def _key(self) -> str:
        if self._token.kind is Kind.WORD:
            self._next += 1
            return self._tokens[self._next - 1].text
        if not self._took("["):
            raise self._unexpected('a key, such as .level or .["odd key"]')
        key = self._text('a quoted key, such as .["odd key"]')
        self._close("]", "]")
        return key

    def _index_or_key(self) -> int | str:
        step: int | str
        if self._token.kind is Kind.NUMBER and self._token.text.isdigit():
            step = self._whole_number(self._token.text)
            self._next += 1
        else:
            step = self._text("a position in a list, counted from 0, or a quoted key")
        self._close("]", "]")
        return step

    def _text(self, expected: str) -> str:
        token = self._token
        if token.kind is not Kind.TEXT:
            raise self._unexpected(expected)
        try:
            text = json.loads(token.text, strict=False)
        except json.JSONDecodeError as error:
            backslash = token.text.rindex("\\", 0, error.pos + 1)
            raise QueryError(
                self._query,
                token.start + backslash,
                r"expected one of the escapes \" \\ \/ \b \f \n \r \t \uXXXX",
            ) from error
        assert isinstance(text, str)
        self._next += 1
        return text

    def _number(self) -> int | float:
        text = self._token.text
        number = self._whole_number(text) if text.lstrip("-").isdigit() else float(text)
        self._next += 1
        return number

    def _whole_number(self, text: str) -> int:
        try:
            return int(text)
        except ValueError as error:  # Python reads no integer of thousands of digits
            problem = f"expected a number of less than 4300 digits, found one of {len(text)}"
            raise QueryError(self._query, self._token.start, problem) from error

    def _regex(self) -> str:
        token = self._token
        if token.kind is not Kind.REGEX:
            raise self._unexpected("a regex such as /block [0-9]+/ after match")
        regex = token.text[1:-1].replace(r"\/", "/")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of syntax that a later Python may read in another way
                re.compile(regex)
        except (re.error, OverflowError, RecursionError) as error:
            raise QueryError(self._query, token.start, f"expected a regex: {error}") from error
        self._next += 1
        return regex

    # ---- tokens ----

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _is_at(self, symbol: str) -> bool:
        token = self._token
        return token.kind is Kind.SYMBOL and token.text == symbol

    def _took(self, symbol: str) -> bool:
        if self._is_at(symbol):
            self._next += 1
            return True
        return False

    def _enter(self) -> None:
        """Past an opening bracket; `_leave` goes past the closing one."""
        self._depth += 1
        if self._depth > _DEEPEST:
            problem = f"expected brackets in at most {_DEEPEST} levels, found more"
            raise QueryError(self._query, self._token.start, problem)
        self._next += 1

    def _leave(self, symbol: str, expected: str) -> None:
        self._close(symbol, expected)
        self._depth -= 1

    def _close(self, symbol: str, expected: str) -> None:
        if not self._took(symbol):
            raise self._unexpected(expected)

    def _unexpected(self, expected: str) -> QueryError:
        token = self._token
        found = token.kind.value if token.kind is Kind.END else token.text
        hint = "" if token.kind is Kind.TEXT else _HINTS.get(token.text, "")
        return QueryError(
            self._query, token.start, f"expected {expected}; found {found}" + (f" ({hint})" if hint else "")
        )
