"""Texts of YAML, JSON and TOML to plain values, with the line and column of every one of them.

Positions of JSON and TOML are computed when a fault needs them: their parsers, the fast ones, do not tell.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # in CPython and PyPy since 2.6
from typing import Any

from coda_executive.config.fault import Fault, FaultyConfigError, Path, Position, found

Places = Mapping[Path, tuple[int, int]]  # line and column, from 1


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file. `value` has mappings, lists and scalars only; `prefix` stands before paths that it is
    asked for.
    """

    file: str
    value: Any
    places: Callable[[], Places]
    prefix: Path = ()

    def writes(self, path: Path) -> bool:
        """Whether a value is written down in this file."""
        size = len(self.prefix)
        return path[:size] == self.prefix and path[size:] in self.places()

    def position(self, path: Path) -> Position:
        """Where a value stands, or the nearest thing around it that is written down."""
        places, path = self.places(), path[len(self.prefix) :]
        while path and path not in places:
            path = path[:-1]
        return Position(self.file, *places.get(path, (1, 1)))


def parse_document(data: bytes, file: str) -> Document:
    """Parse by the file's ending. Raises FaultyConfigError for a text that is not of its format, or has a
    name twice.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise _unreadable("UTF-8 text", f"byte 0x{data[error.start]:02x}", file, line, column) from None
    ending = file.rpartition(".")[2].lower()
    parsers = {"yaml": _parse_yaml, "yml": _parse_yaml, "json": _parse_json, "toml": _parse_toml}
    if ending not in parsers:
        raise _unreadable("a file name ending in .yaml, .json or .toml", repr(file), file, 1, 1)
    return parsers[ending](text, file)


def _unreadable(
    expected: str,
    what: str,
    file: str,
    line: int,
    column: int,
    *,
    path: Path = (),
    suggestion: str | None = None,
) -> FaultyConfigError:
    return FaultyConfigError([Fault(path, expected, what, suggestion, Position(file, line, column))])


def _mistake(words: object) -> str:
    """A parser's own words."""
    text = str(words)
    return f"a mistake ({text[:1].lower()}{text[1:]})"


def _written_twice(path: Path, file: str, line: int, column: int) -> FaultyConfigError:
    return _unreadable(
        "each name once",
        f"{path[-1]!r} again",
        file,
        line,
        column,
        path=path,
        suggestion="Remove one of them.",
    )


# YAML


def _parse_yaml(text: str, file: str) -> Document:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        before = text.split("\n")[line - 1][:column]
        tab = "Indent with spaces, not tabs." if "\t" in before else None
        raise _unreadable("YAML", _mistake(error.problem), file, line, column, suggestion=tab) from None
    except yaml.YAMLError as error:
        raise _unreadable("YAML", _mistake(str(error).partition("\n")[0]), file, 1, 1) from None
    places: dict[Path, tuple[int, int]] = {}
    value = _yaml_value(root, (), file, places) if root is not None else None
    return Document(file, value, lambda: places)


def _yaml_value(node: Any, path: Path, file: str, places: dict[Path, tuple[int, int]]) -> Any:
    import yaml

    places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.SequenceNode):
        return [_yaml_value(item, (*path, index), file, places) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _yaml_scalar(node.tag.rpartition(":")[2], node.value)
    values: dict[str, Any] = {}
    for key, item in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else found([])
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if name in values:
            raise _written_twice((*path, name), file, line, column)
        values[name] = _yaml_value(item, (*path, name), file, places)
        if isinstance(item, (yaml.MappingNode, yaml.SequenceNode)) or values[name] is None:
            places[(*path, name)] = (line, column)  # a block is found by its name, a scalar by itself
    return values


def _yaml_scalar(tag: str, text: str) -> Any:
    if tag == "null":
        return None
    if tag == "bool":
        return text.lower() in ("yes", "true", "on")
    if tag == "int" and re.fullmatch(r"[+-]?(0|[1-9][0-9_]*)", text):
        return int(text)
    if tag == "float" and re.fullmatch(r"[+-]?[0-9][0-9_]*\.?[0-9_]*([eE][+-]?[0-9]+)?", text):
        return float(text)
    return text  # dates, and YAML 1.1's oddities such as 1:30 (ninety) and 010 (eight)


# JSON


def _parse_json(text: str, file: str) -> Document:
    twice = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        values = dict(pairs)
        twice = twice or len(values) != len(pairs)
        return values

    try:
        value = json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError as error:
        comma = "Remove the comma before it." if _COMMA_TOO_MANY.search(text[: error.pos + 1]) else None
        raise _unreadable(
            "JSON", _mistake(error.msg), file, error.lineno, error.colno, suggestion=comma
        ) from None
    except RecursionError:
        raise _unreadable("JSON", "too many brackets in each other", file, 1, 1) from None
    if twice:
        _json_places(text, file)
    return Document(file, value, lambda: _json_places(text, file))


_COMMA_TOO_MANY = re.compile(r",\s*[\]}]$")
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


def _json_places(text: str, file: str) -> Places:
    """Places of every value of a text that parses. Raises FaultyConfigError for a name that stands twice in
    its object.
    """
    offsets: dict[Path, int] = {}

    def place(offset: int) -> tuple[int, int]:
        return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)

    def skip(index: int) -> int:
        match = _SPACE.match(text, index)
        assert match is not None
        return match.end()

    def value(index: int, path: Path) -> int:
        """Note the value that begins at `index`; the index behind it."""
        index = skip(index)
        offsets.setdefault(path, index)
        opening = text[index]
        if opening == '"':
            return int(scanstring(text, index + 1)[1])
        if opening not in "[{":
            match = _SCALAR.match(text, index)
            assert match is not None
            return match.end()
        index, count = skip(index + 1), 0
        while text[index] not in "]}":
            step: str | int = count
            if opening == "{":
                step, behind = scanstring(text, index + 1)
                if (*path, step) in offsets:
                    raise _written_twice((*path, step), file, *place(index))
                index = skip(behind) + 1
            index = skip(value(index, (*path, step)))
            index, count = skip(index + 1) if text[index] == "," else index, count + 1
        return index + 1

    value(0, ())
    return _Lazy(offsets, place)


class _Lazy(Mapping[Path, tuple[int, int]]):
    """Offsets that become lines and columns when asked for: counting lines is the costly part."""

    def __init__(self, offsets: Mapping[Path, int], place: Callable[[int], tuple[int, int]]) -> None:
        self._offsets, self._place = offsets, place

    def __getitem__(self, path: Path) -> tuple[int, int]:
        return self._place(self._offsets[path])

    def __iter__(self) -> Any:
        return iter(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets)


# TOML


def _parse_toml(text: str, file: str) -> Document:
    import tomllib

    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error))
        reason, line, column = match.groups() if match else (str(error), "1", "1")
        raise _unreadable("TOML", _mistake(reason), file, int(line), int(column)) from None
    return Document(file, value, lambda: _toml_places(text))


_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=\s*""")
_KEY = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def _toml_places(text: str) -> Places:
    """Places of tables and of values that have a line of their own; what is inside an inline table is found
    by it.
    """
    places: dict[Path, tuple[int, int]] = {(): (1, 1)}
    lengths: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if match := _TABLE.match(line):
            table = _current(_keys(match[2]), lengths, opens=match[1] == "[[")
            places.setdefault(table, (number, match.start(1) + 1))
        elif match := _ASSIGNMENT.match(line):
            places.setdefault((*table, *_keys(match[1])), (number, match.end() + 1))
    return places


def _current(keys: list[str], lengths: dict[Path, int], *, opens: bool) -> Path:
    """The path of a table, through the last element of every array of tables on the way."""
    path: Path = ()
    for index, key in enumerate(keys):
        path = (*path, key)
        if opens and index == len(keys) - 1:
            lengths[path] = lengths.get(path, 0) + 1
        if path in lengths:
            path = (*path, lengths[path] - 1)
    return path


def _keys(text: str) -> list[str]:
    return [key.strip("\"'") for key in _KEY.findall(text)]
