"""JSON Schema of the files that users write, for the completion and red lines of their editors."""

from inspect import cleandoc
from typing import Any

import msgspec

from coda_executive.config.descriptions import DESCRIPTIONS
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
    for unwanted in ("Keypair", "PublicKey", "PrivateKey", "KeptField"):
        definitions.pop(unwanted, None)
    del definitions["NetworkConfig"]["properties"]["kept"]
    definitions["NetworkConfig"]["properties"]["keyset"] = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A network and its runtime configuration",
        "type": "object",
        "properties": {
            "network": network,
            "runtime": {
                "anyOf": [
                    runtime,
                    {"type": "string", "description": "A file with it."},
                    {
                        "type": "array",
                        "items": {"type": "string"},
                        "minItems": 1,
                        "description": "Files with it, the later ones winning.",
                    },
                ]
            },
        },
        "required": ["network", "runtime"],
        "additionalProperties": False,
        "$defs": _finished(definitions),
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
        "$defs": _finished(definitions),
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


def _finished(definitions: dict[str, Any]) -> dict[str, Any]:
    """With what each field means, and closed: a name that is not listed is misspelt."""
    fields = {kind.__name__: described for kind, described in DESCRIPTIONS.items()}
    for name, definition in definitions.items():
        if "description" in definition:
            definition["description"] = (
                cleandoc(definition["description"]).partition("\n\n")[0].replace("\n", " ")
            )
        if "properties" not in definition:
            continue
        definition["additionalProperties"] = False
        for field, property_ in definition["properties"].items():
            # A reference may have no neighbours in older drafts, which many editors still go by.
            if "$ref" in property_:
                property_ = definition["properties"][field] = {"allOf": [property_]}
            property_["description"] = fields[name][field]
    return definitions
