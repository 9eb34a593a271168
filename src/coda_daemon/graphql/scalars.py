"""Scalars that arguments come in: parsed at the edge, so that no resolver sees a malformed key or number."""

import re
from typing import Any

from graphql import GraphQLScalarType, GraphQLSchema, IntValueNode, StringValueNode, ValueNode

from coda_protocol.base58 import VersionByte, decode_check
from coda_protocol.keys import PublicKey

_CANONICAL = re.compile(r"0|[1-9][0-9]*")


def _text(value: Any) -> str:
    match value:
        case str():
            return value
    raise ValueError("expected text")


def _public_key(value: Any) -> str:
    return str(PublicKey.parse(_text(value)))


def _token_id(value: Any) -> str:
    text = _text(value)
    decode_check(VersionByte.TOKEN_ID, text, size=32)
    return text


def _unsigned(bits: int, value: Any) -> int:
    """Canonical decimal text, or a non-negative integer (daemon contract D.4)."""
    if isinstance(value, str) and len(value) <= 20 and _CANONICAL.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value < 2**bits:
        raise ValueError(f"expected an unsigned number of {bits} bits")
    return value


_PARSERS = {
    "PublicKey": _public_key,
    "TokenId": _token_id,
    "UInt32": lambda value: _unsigned(32, value),
    "UInt64": lambda value: _unsigned(64, value),
}


def install(schema: GraphQLSchema) -> None:
    """Give the schema's input scalars their parsers."""
    for name, parser in _PARSERS.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType), name

        def literal(node: ValueNode, parser: Any = parser) -> Any:
            match node:
                case StringValueNode():
                    return parser(node.value)
                case IntValueNode():
                    return parser(int(node.value))
            raise ValueError("expected text or an integer")

        scalar.coerce_input_value = parser
        scalar.coerce_input_literal = literal
