"""Command-line options made from the engines' option models: flags, help and validation have one source."""

from collections.abc import Callable
from typing import Any

import click
from msgspec import inspect

from coda_executive.executive.engines import engine_names, find_engine

Command = Callable[..., Any]


def with_engine_options(function: Command) -> Command:
    """Give a command the options of all engines; one that several engines share is one option.

    They arrive as keyword arguments, None where they were not given.
    """
    owners: dict[str, list[str]] = {}
    kinds: dict[str, inspect.Type] = {}
    for engine in engine_names():
        model = inspect.type_info(find_engine(engine).options_type)
        assert isinstance(model, inspect.StructType)
        for field in model.fields:
            owners.setdefault(field.name, []).append(engine)
            kinds.setdefault(field.name, field.type)
    for name, kind in reversed(kinds.items()):
        flag = "--" + name.replace("_", "-")
        value_type, description = _kind_and_description(kind)
        declaration = f"{flag}/--no-{flag[2:]}" if value_type is bool else flag
        function = click.option(
            declaration,
            name,
            type=value_type,
            default=None,
            help=f"[{', '.join(owners[name])}] {description[:1].upper()}{description[1:]}",
        )(function)
    return function


def _kind_and_description(kind: inspect.Type) -> tuple[Any, str]:
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            value_type, description = _kind_and_description(inner)
            return value_type, (extra or {}).get("description", description)
        case inspect.UnionType(types=members):
            return _kind_and_description(
                next(member for member in members if not isinstance(member, inspect.NoneType))
            )
        case inspect.LiteralType(values=values):
            return click.Choice([str(value) for value in values]), ""
        case inspect.BoolType():
            return bool, ""
        case inspect.IntType():
            return int, ""
        case inspect.FloatType():
            return float, ""
        case _:
            return str, ""
