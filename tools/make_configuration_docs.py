"""Write the tables of all fields into docs/configuration.md, from the types and their descriptions."""

import dataclasses
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from coda_executive.config.descriptions import DESCRIPTIONS
from coda_protocol.constants import CompiledProfile, effective, with_defaults
from coda_protocol.currency import Currency
from coda_protocol.runtime_config import (
    GenesisSection,
    NumberText,
    ProofSection,
    RuntimeConfig,
    TransactionCapacity,
    encode,
)
from coda_protocol.timestamp import Timestamp

PAGE = Path(__file__).parent.parent / "docs" / "configuration.md"
BEGIN, END = "<!-- fields: written by tools/make_configuration_docs.py -->", "<!-- end of fields -->"
_TITLES = {"NetworkConfig": "network", "RuntimeConfig": "runtime"}


def with_fields(page: str) -> str:
    """The page with its tables made anew."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{_tables()}{END}{after}"


def _tables() -> str:
    return "".join(f"{line}\n" for kind in DESCRIPTIONS for line in _table(kind))


def _table(kind: type) -> Iterator[str]:
    yield f"\n### {_title(kind)}\n"
    yield "| field | what it is | default | meaning |"
    yield "| --- | --- | --- | --- |"
    fields = _fields(kind)
    for name, meaning in DESCRIPTIONS[kind].items():
        hint, default = fields[name]
        yield f"| `{name}` | {_kind(hint)} | {default} | {meaning} |"


def _title(kind: type) -> str:
    """A type's name in words, or that of its section."""
    if kind.__name__ in _TITLES:
        return _TITLES[kind.__name__]
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in kind.__name__)
    return words.strip()


def _fields(kind: Any) -> Mapping[str, tuple[Any, str]]:
    """Type and default of each field, by the name that a file gives it."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {
            field.name: (hints[field.name] if field.name != "keyset" else str, _default(_value(field)))
            for field in dataclasses.fields(kind)
        }
    constants = _constants(kind)
    return {
        field.encode_name: (
            field.type,
            "required" if field.required else _default(constants.get(field.encode_name)),
        )
        for field in msgspec.structs.fields(kind)
    }


def _value(field: "dataclasses.Field[Any]") -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    assert field.default_factory is not dataclasses.MISSING
    return field.default_factory()


def _constants(kind: type) -> Mapping[str, Any]:
    """What a network gets whose file says nothing."""
    config = effective(RuntimeConfig(), with_defaults(RuntimeConfig(), CompiledProfile.TEST))
    sections: dict[type, str] = {GenesisSection: "genesis", ProofSection: "proof"}
    if kind not in sections:
        return {}
    constants: dict[str, Any] = msgspec.json.decode(encode(config))[sections[kind]]
    return constants


def _default(value: Any) -> str:
    if isinstance(value, Currency):
        return f'`"{value.coda}"`'
    if value is None or value == () or value == {} or dataclasses.is_dataclass(value):
        return ""
    return f"`{msgspec.json.encode(value).decode()}`"


def _kind(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _kind(next(argument for argument in arguments if argument is not types.NoneType))
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if origin is not None:
        return f"{_kind(arguments[1])} by name"
    if hint in DESCRIPTIONS:
        return f"[{_title(hint)}](#{_title(hint).replace(' ', '-')})"
    if issubclass(hint, Currency):
        return "coda, in quotes"
    plain = {
        bool: "`true`, `false`",
        int: "whole number",
        float: "number",
        str: "text",
        NumberText: "whole number, in quotes",
        Timestamp: "date and time",
        TransactionCapacity: "mapping",
    }
    return plain[hint]


if __name__ == "__main__":
    made = with_fields(PAGE.read_text("utf-8"))
    PAGE.write_text(made, "utf-8")
    sys.stdout.write(f"{PAGE.name}: {made.count('| `')} fields\n")
