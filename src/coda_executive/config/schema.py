"""JSON Schema of the files that users write, for the completion and red lines of their editors."""

from typing import Any

import msgspec

from coda_executive.config.network import NetworkConfig
from coda_protocol.currency import Currency
from coda_protocol.runtime_config import NumberText, RuntimeConfig, TransactionCapacity
from coda_protocol.timestamp import Timestamp

_PLACE = "#/$defs/{name}"


def network_schema() -> dict[str, Any]:
    """Schema of a network file: `network` and `runtime`, as `load_network` reads it."""
    (network, runtime), definitions = msgspec.json.schema_components(
        [NetworkConfig, RuntimeConfig], schema_hook=_own, ref_template=_PLACE
    )
    # In a file the keyset is a name; only inside it is key pairs.
    for unwanted in ("Keypair", "PublicKey", "PrivateKey"):
        definitions.pop(unwanted, None)
    definitions["NetworkConfig"]["properties"]["keyset"] = {
        "type": "string",
        "description": "A keyset file, or `sample`.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A network and its runtime configuration",
        "type": "object",
        "properties": {
            "network": network,
            "runtime": {"anyOf": [runtime, {"type": "string", "description": "A file with it."}]},
        },
        "required": ["network", "runtime"],
        "additionalProperties": False,
        "$defs": _closed(definitions),
    }


def runtime_schema() -> dict[str, Any]:
    """Schema of Mina's own runtime configuration, as `load_runtime_config` reads it."""
    (runtime,), definitions = msgspec.json.schema_components(
        [RuntimeConfig], schema_hook=_own, ref_template=_PLACE
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A runtime configuration",
        **runtime,
        "$defs": _closed(definitions),
    }


def _own(kind: type) -> dict[str, Any]:
    if issubclass(kind, Currency):
        return {"type": "string", "pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)$", "examples": ["1000.5"]}
    if issubclass(kind, NumberText):
        return {"type": "string", "pattern": "^[0-9]+$", "examples": ["20"]}
    if issubclass(kind, Timestamp):
        return {"type": "string", "examples": ["2024-05-01T12:00:00Z"]}
    assert kind is TransactionCapacity, kind
    names = ("2_to_the", "txns_per_second_x10")
    return {
        "type": "object",
        "properties": {name: {"type": "integer"} for name in names},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _closed(definitions: dict[str, Any]) -> dict[str, Any]:
    """Names that are not listed are misspelt."""
    return {
        name: {**definition, "additionalProperties": False} if "properties" in definition else definition
        for name, definition in definitions.items()
    }
