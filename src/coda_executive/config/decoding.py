"""From plain values (mappings, lists, scalars) to typed ones, collecting every fault on the way.

msgspec would stop at the first fault and pass over unknown names; so this walks the same types, dataclasses
and structs alike, by converters made once for each type.
"""

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from coda_executive.config.fault import Fault, Path, did_you_mean, found
from coda_executive.config.kept_fields import KeptField, may_be_secret
from coda_protocol.format_error import FormatError
from coda_protocol.runtime_config import DaemonSection, GenesisSection, ProofSection, value_of_json


class _Bad:
    """What a converter answers for a value that has a fault; the fault is already told."""


_BAD = _Bad()

Converter = Callable[[Any, Path, "Collector"], Any]

_NOT_IN_FILES = ("kept",)  # of NetworkConfig: it is what `Collector` keeps
_FEW_NAMES = 4
_NOT_KEPT = "What --lenient keeps stands in the file of every node."
# What people write for what the configuration calls otherwise, beyond mere misspellings.
_OTHER_NAMES = {
    "token_id": "token",
    "public_key": "pk",
    "private_key": "sk",
    "secret_key": "sk",
    "timestamp": "genesis_state_timestamp",
    "slot_duration_ms": "block_window_duration_ms",
    "proof_level": "level",
    "snark_workers": "snark_coordinators",
    "env": "environment",
    "args": "arguments",
}


class Collector:
    """Takes the faults of one decoding. With `lenient` unknown names of a runtime configuration are kept.

    Elsewhere, where no daemon reads them, they are faults all the same.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self.faults: list[Fault] = []
        self.kept: list[KeptField] = []
        self._lenient = lenient

    def fault(self, path: Path, expected: str, value: str, suggestion: str | None = None) -> _Bad:
        self.faults.append(Fault(path, expected, value, suggestion))
        return _BAD

    def unknown(self, path: Path, value: Any, known: Mapping[str, object]) -> None:
        name = str(path[-1])
        if self._lenient and path[0] == "runtime":
            if may_be_secret(name, value):
                self.fault(path, "no secret under an unknown name", repr(name), _NOT_KEPT)
            else:
                self.kept.append(KeptField(path[1:], value))
            return
        other = _OTHER_NAMES.get(name)
        suggestion = f"Did you mean {other!r}?" if other in known else did_you_mean(name, known)
        self.fault(path, "a known name", repr(name), suggestion)


def decode(kind: Any, value: Any, path: Path, collector: Collector) -> Any | None:
    """The typed value, or None when it has faults, which `collector` then holds."""
    result = _converter(kind)(value, path, collector)
    return None if result is _BAD else result


@cache
def _converter(kind: Any) -> Converter:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(arguments)
    if origin is Literal:
        return _one_of(arguments)
    if origin is tuple:
        return _sequence(arguments[0])
    if origin is not None and issubclass(origin, Mapping):
        return _by_name(arguments[1])
    if kind in _PLAIN:
        return _plain(*_PLAIN[kind])
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if issubclass(kind, msgspec.Struct):
        return _struct(kind)
    return _own(kind)


_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    str: ((str,), "text"),
}


def _plain(accepted: tuple[type, ...], expected: str) -> Converter:
    def convert(value: Any, path: Path, collector: Collector) -> Any:
        if type(value) in accepted:
            return value
        suggestion = None
        if isinstance(value, str) and int in accepted and value.isdecimal():
            suggestion = f"Write {value} without quotes."
        elif accepted == (str,) and value is not None and not isinstance(value, (dict, list)):
            suggestion = "Put it in quotes."
        return collector.fault(path, expected, found(value), suggestion)

    return convert


def _own(kind: Any) -> Converter:
    def convert(value: Any, path: Path, collector: Collector) -> Any:
        try:
            return value_of_json(kind, value)
        except FormatError as error:
            suggestion = None
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                suggestion = f'Write "{value}", in quotes.'
            elif isinstance(value, str) and value.replace(",", "").replace("_", "") != value:
                suggestion = "Leave out the separators between the digits."
            shown = found(value) if not isinstance(value, dict) else json.dumps(value)[:80]
            return collector.fault(path, error.expected, shown, suggestion)

    return convert


def _optional(arguments: tuple[Any, ...]) -> Converter:
    [inner] = [argument for argument in arguments if argument is not types.NoneType]
    convert_inner = _converter(inner)

    def convert(value: Any, path: Path, collector: Collector) -> Any:
        return None if value is None else convert_inner(value, path, collector)

    return convert


def _one_of(choices: tuple[Any, ...]) -> Converter:
    def convert(value: Any, path: Path, collector: Collector) -> Any:
        if value in choices:
            return value
        near = did_you_mean(value, choices) if isinstance(value, str) else None
        near = near if near and near.startswith("Did") else None
        return collector.fault(path, " or ".join(f'"{choice}"' for choice in choices), found(value), near)

    return convert


def _sequence(inner: Any) -> Converter:
    convert_item = _converter(inner)

    def convert(value: Any, path: Path, collector: Collector) -> Any:
        if type(value) is not list:
            suggestion = "Write [ ] around it." if isinstance(value, (str, int, dict)) else None
            return collector.fault(path, "a list", found(value), suggestion)
        items = tuple([convert_item(item, (*path, index), collector) for index, item in enumerate(value)])
        return _BAD if _BAD in items else items

    return convert


def _by_name(inner: Any) -> Converter:
    convert_item = _converter(inner)

    def convert(value: Any, path: Path, collector: Collector) -> Any:
        if type(value) is not dict:
            return collector.fault(path, "a mapping", found(value))
        items = {key: convert_item(item, (*path, key), collector) for key, item in value.items()}
        return _BAD if _BAD in items.values() else items

    return convert


def _dataclass(kind: Any) -> Converter:
    hints = get_type_hints(kind)
    fields = [field for field in dataclasses.fields(kind) if field.name not in _NOT_IN_FILES]
    names = {field.name: (field.name, _converter(hints[field.name])) for field in fields}
    required = tuple(
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    return _record(kind, names, required)


def _struct(kind: type[msgspec.Struct]) -> Converter:
    fields = msgspec.structs.fields(kind)
    names = {field.encode_name: (field.name, _converter(field.type)) for field in fields}
    required = tuple(field.encode_name for field in fields if field.required)
    return _record(kind, names, required, forgiving=kind in (GenesisSection, ProofSection, DaemonSection))


def _record(
    kind: Any,
    names: Mapping[str, tuple[str, Converter]],
    required: tuple[str, ...],
    *,
    forgiving: bool = False,
) -> Converter:
    """A forgiving record is made without its bad fields, so that what its others mean together is looked at
    too.
    """
    listed = ", ".join([*names][:_FEW_NAMES]) + (", …" if len(names) > _FEW_NAMES else "")

    def convert(value: Any, path: Path, collector: Collector) -> Any:
        if type(value) is not dict:
            named = f"Write {{name: {value}}}." if isinstance(value, str) and "name" in names else None
            return collector.fault(path, f"a mapping of {listed}", found(value), named)
        arguments = {}
        bad = False
        for key, item in value.items():
            if key not in names:
                collector.unknown((*path, key), item, names)
            elif item is not None or key in required:
                name, convert_item = names[key]
                result = convert_item(item, (*path, key), collector)
                if result is not _BAD:
                    arguments[name] = result
                elif not forgiving:
                    bad = True
        for key in required:
            if key not in value:
                bad = True
                collector.fault(path, f"a field {key!r}", "none", _instead_of(key, value, names))
        if bad:
            return _BAD
        try:
            return kind(**arguments)
        except FormatError as error:
            return collector.fault(path, error.expected, error.found)

    return convert


def _instead_of(missing: str, value: Mapping[str, Any], names: Mapping[str, object]) -> str | None:
    """Who misspelt a required name hears of it once, at the misspelt one; here only that it is the cause."""
    strangers = [key for key in value if key not in names and _OTHER_NAMES.get(key) == missing]
    return f"{strangers[0]!r} is written {missing!r} here." if strangers else None
