"""As much GraphQL as clients of the contract write (D.1, D.2): one operation, nested fields, arguments, variables."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|-?\d+(?:\.\d+)?|[{}()\[\]:$!=]|\s+|,|#[^\n]*')
Resolver = Callable[[dict[str, Any]], Any]


class Fault(Exception):
    """An error of one field."""


def answer(body: bytes, roots: dict[str, Resolver]) -> tuple[int, bytes]:
    """Status and body for a POST of application/json."""
    try:
        request = json.loads(body)
        document = request["query"]
    except (ValueError, TypeError, KeyError):
        return 400, b"Must provide query string"
    variables = request.get("variables") or {}
    try:
        tokens = _tokens(document)
        while next(tokens) != "{":
            pass
        selection = _selection(tokens, variables)
    except (StopIteration, ValueError):
        return 200, json.dumps("that is no GraphQL").encode()
    data: dict[str, Any] = {}
    errors = []
    for name, (arguments, inner) in selection.items():
        if name not in roots:
            return _json({"errors": [{"message": f"Field '{name}' is not defined on type 'query'"}]})
        try:
            data[name] = _pick(roots[name](arguments), inner)
        except Fault as fault:
            errors.append({"message": str(fault), "path": [name]})
    # The order of keys is nobody's business.
    return _json({"errors": errors, "data": None} if errors else {"data": data})


def _json(value: Any) -> tuple[int, bytes]:
    return 200, json.dumps(value, indent=1).encode()


def _tokens(document: str) -> Iterator[str]:
    """The tokens; StopIteration at the end."""
    found = [text for text in TOKEN.findall(document) if text.strip(" \n\t\r,") and text[0] != "#"]
    return iter(found)


Selection = dict[str, tuple[dict[str, Any], Any]]


def _selection(tokens: Iterator[str], variables: dict[str, Any]) -> Selection:
    found: Selection = {}
    name = ""
    for token in tokens:
        if token == "}":
            return found
        if token == "{":
            found[name] = found[name][0], _selection(tokens, variables)
        elif token == "(":
            found[name] = _arguments(tokens, variables, ")"), None
        elif token == ":":
            raise ValueError("an alias")
        else:
            name = token
            found[name] = {}, None
    raise ValueError("no end")


def _arguments(tokens: Iterator[str], variables: dict[str, Any], end: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in tokens:
        if name == end:
            return found
        next(tokens)  # the colon
        found[name] = _value(next(tokens), tokens, variables)
    raise ValueError("no end")


def _value(token: str, tokens: Iterator[str], variables: dict[str, Any]) -> Any:
    if token == "$":
        return variables.get(next(tokens))
    if token == "{":
        return _arguments(tokens, variables, "}")
    return json.loads(token) if token[0] in '"-0123456789tfn' else token


def _pick(value: Any, inner: Selection | None) -> Any:
    """What the selection asks for of a value; a missing field is null."""
    if isinstance(value, list):
        return [_pick(each, inner) for each in value]
    if inner is None or not isinstance(value, dict):
        return value
    return {name: _pick(value.get(name), deeper) for name, (_, deeper) in inner.items()}
