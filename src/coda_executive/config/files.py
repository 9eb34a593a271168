"""The edge where configuration files become typed values, or a list of all their faults.

A network file holds both halves:

    network:                      # NetworkConfig, in the shape of the spec
      block_producers: {count: 3}
      keyset: sample              # or a file with key pairs; relative names start at this file's directory
    runtime:                      # Mina's own, or a file with it, or a list of files, the later ones winning
      ledger: {name: test_three_even_stakes}

A keyset file holds `keys`, a list of mappings with `pk` and `sk`. Formats go by ending: .yaml, .yml, .json,
.toml.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from coda_executive.config.decoding import Collector, decode
from coda_executive.config.documents import Document, parse_document
from coda_executive.config.fault import Fault, FaultyConfigError, Position, did_you_mean, found
from coda_executive.config.fault import Path as FaultPath
from coda_executive.config.kept_fields import KeptField, overlaid
from coda_executive.config.key_allocation import sample_keyset
from coda_executive.config.network import NetworkConfig
from coda_executive.config.validate import allocation_faults
from coda_executive.config.validate_network import network_faults
from coda_executive.config.validate_runtime import constants_faults, ledger_faults
from coda_executive.errors import ConfigError
from coda_protocol.format_error import FormatError
from coda_protocol.keys import Keypair, PrivateKey, PublicKey
from coda_protocol.runtime_config import RuntimeConfig, merge

_RUNTIME_SECTIONS = ("daemon", "genesis", "proof", "ledger", "epoch_data")


@dataclass(frozen=True, slots=True)
class KeysetEntry:
    """A line of a keyset file."""

    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class KeysetFile:
    keys: tuple[KeysetEntry, ...]


def load_network(path: Path, *, lenient: bool = False) -> tuple[NetworkConfig, RuntimeConfig]:
    """Read a network file and check both halves, together too.

    `lenient` keeps unknown names of the runtime configuration, in `NetworkConfig.kept`; the daemon's own files
    then have them. Raises FaultyConfigError with every fault of the file and those it names, or ConfigError when
    one cannot be read.
    """
    document = _read(path)
    collector = Collector()
    value = document.value if isinstance(document.value, dict) else {}
    if not isinstance(document.value, dict):
        collector.fault((), "a mapping with `network` and `runtime`", found(document.value))
    for name in value:
        if name not in ("network", "runtime"):
            collector.fault((name,), "`network` and `runtime` only", repr(name), _section_of(name))
    for name in ("network", "runtime"):
        if isinstance(document.value, dict) and value.get(name) is None:
            collector.fault((name,), f"a section `{name}`", "none")

    section = value.get("network")
    network_value = dict(section) if isinstance(section, dict) else section
    keyset_value = network_value.pop("keyset", None) if isinstance(network_value, dict) else None
    network = (
        decode(NetworkConfig, network_value, ("network",), collector) if network_value is not None else None
    )
    keyset_faults: list[Fault] = []
    keyset = _keyset(keyset_value, path, collector, keyset_faults)
    syntax = [*_placed(collector.faults, document), *keyset_faults]
    sources, unread = _runtime_sources(value.get("runtime"), path, document)
    runtime = _runtime(sources, lenient=lenient)
    syntax += [*unread, *runtime.faults]
    if network is not None:
        network = replace(network, keyset=keyset, kept=runtime.kept)

    meaning = list(_semantic_faults(network, runtime.config, sound=not syntax))
    if syntax or meaning:
        documents = (document, *runtime.documents)
        meaning = [fault for fault in meaning if not _follows(fault, syntax, documents)]
        raise FaultyConfigError(
            sorted([*syntax, *(_placed_in_last(fault, documents) for fault in meaning)], key=_in_file_order)
        )
    assert network is not None
    return network, runtime.config


def load_runtime_config(*paths: Path) -> RuntimeConfig:
    """Read files of Mina's own form (JSON, or the same as YAML or TOML), later ones winning (daemon contract
    B.2).

    Raises as `load_network` does; what only a whole network can violate is not looked at.
    """
    runtime = _runtime([_whole_file(path) for path in paths], lenient=False)
    meaning = [
        *constants_faults(runtime.config, epoch_is_known=not runtime.faults),
        *(ledger_faults(runtime.config) if runtime.config.ledger else ()),
    ]
    faults = [*runtime.faults, *(_placed_in_last(fault, runtime.documents) for fault in meaning)]
    if faults:
        raise FaultyConfigError([replace(fault, path=_without_runtime(fault.path)) for fault in faults])
    return runtime.config


def load_keyset(path: Path) -> tuple[Keypair, ...]:
    """Read a keyset file. Raises FaultyConfigError, or ConfigError when it cannot be read."""
    document = _read(path)
    collector = Collector()
    file = decode(KeysetFile, document.value, (), collector)
    pairs = []
    for index, entry in enumerate(file.keys if file else ()):
        if (pair := _keypair(entry, ("keys", index), collector)) is not None:
            pairs.append(pair)
    if collector.faults:
        raise FaultyConfigError(_placed(collector.faults, document))
    return tuple(pairs)


def _read(path: Path) -> Document:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}. Check the name.") from error
    return parse_document(data, str(path))


@dataclass(frozen=True, slots=True)
class _Runtime:
    """What several files say together; unsound sections are left out, and `faults` has why."""

    config: RuntimeConfig
    kept: tuple[KeptField, ...]
    faults: list[Fault]
    documents: list[Document]


def _whole_file(path: Path) -> tuple[Document, Any]:
    document = replace(_read(path), prefix=("runtime",))
    return document, document.value


def _runtime_sources(
    value: Any, path: Path, document: Document
) -> tuple[list[tuple[Document, Any]], list[Fault]]:
    """What `runtime` of a network file stands for, its own mapping or files; and faults of those."""
    names = value if isinstance(value, list) else [value]
    if value is None or not all(isinstance(name, str) for name in names):
        return [] if value is None else [(document, value)], []
    sources: list[tuple[Document, Any]] = []
    faults: list[Fault] = []
    for index, name in enumerate(names):
        here: FaultPath = ("runtime", index) if isinstance(value, list) else ("runtime",)
        try:
            sources.append(_whole_file(path.parent / name))
        except FaultyConfigError as error:
            faults += error.faults
        except ConfigError as error:
            faults.append(Fault(here, "the name of a file", repr(name), str(error), document.position(here)))
    return sources, faults


def _runtime(sources: Sequence[tuple[Document, Any]], *, lenient: bool) -> _Runtime:
    """Merge, the later ones winning."""
    merged = RuntimeConfig()
    kept: tuple[KeptField, ...] = ()
    faults: list[Fault] = []
    for document, value in sources:
        collector = Collector(lenient=lenient)
        sections = _decode_runtime(value, collector)
        faults += _placed(collector.faults, document)
        merged = merge(merged, RuntimeConfig(**sections))
        kept = overlaid(kept, collector.kept, sections)
    return _Runtime(merged, kept, faults, [document for document, _value in sources])


def _decode_runtime(value: Any, collector: Collector) -> dict[str, Any]:
    """The sections that are sound, by name."""
    if not isinstance(value, dict):
        collector.fault(("runtime",), "a mapping, or the name of a file or a list of them", found(value))
        return {}
    sections = {}
    for name in value:
        one = decode(RuntimeConfig, {name: value[name]}, ("runtime",), collector)
        if one is not None and name in _RUNTIME_SECTIONS:
            sections[name] = getattr(one, name)
    return sections


def _semantic_faults(network: NetworkConfig | None, config: RuntimeConfig, *, sound: bool) -> Iterator[Fault]:
    """What can be said where some sections are unsound: each check runs if all that it reads was decoded."""
    shape = list(network_faults(network)) if network is not None else []
    yield from shape
    yield from constants_faults(config, epoch_is_known=sound)
    # An unsound ledger is absent here, which is not to be called missing.
    ledger = list(ledger_faults(config)) if sound or config.ledger is not None else []
    yield from ledger
    if sound and network is not None and not shape and not ledger:
        yield from allocation_faults(network, config)


def _section_of(name: str) -> str | None:
    """Where a name belongs that stands beside the sections."""
    if name in _RUNTIME_SECTIONS:
        return "It belongs under `runtime`."
    if name in {field.name for field in fields(NetworkConfig)}:
        return "It belongs under `network`."
    return did_you_mean(name, ("network", "runtime"))


def _follows(fault: Fault, syntax: Sequence[Fault], documents: Sequence[Document]) -> bool:
    """Whether a value that is not written down is blamed, next to a name that may be its misspelling."""
    if any(document.writes(fault.path) for document in documents):
        return False
    return any(fault.path[: len(other.path) - 1] == other.path[:-1] for other in syntax if other.path)


def _keyset(value: Any, path: Path, collector: Collector, faults: list[Fault]) -> tuple[Keypair, ...] | None:
    if value is None:
        return None
    if not isinstance(value, str):
        collector.fault(("network", "keyset"), "the name of a keyset file, or `sample`", found(value))
        return None
    if value == "sample":
        return sample_keyset()
    try:
        return load_keyset(path.parent / value)
    except FaultyConfigError as error:
        faults.extend(error.faults)
    except ConfigError as error:
        near = did_you_mean(value, ["sample"]) or ""
        advice = near if near.startswith("Did") else str(error)
        collector.fault(("network", "keyset"), "a keyset file, or `sample`", f"{value!r}", advice)
    return None


def _keypair(entry: KeysetEntry, path: FaultPath, collector: Collector) -> Keypair | None:
    try:
        public = PublicKey.parse(entry.pk)
    except FormatError as error:
        collector.fault(
            (*path, "pk"), "an address (B62…)", f"{found(entry.pk)}, which is not {error.expected}"
        )
        return None
    try:
        pair = Keypair(public, PrivateKey.parse(entry.sk))
    except FormatError:
        collector.fault((*path, "sk"), "a private key (EK…)", f"another text of {len(entry.sk)} characters")
        return None
    if pair.private.public_key() != public:
        collector.fault((*path, "sk"), f"the private key of {entry.pk}", "the private key of another address")
        return None
    return pair


def _without_runtime(path: FaultPath) -> FaultPath:
    return path[1:] if path[:1] == ("runtime",) else path


def _placed(faults: Sequence[Fault], document: Document) -> list[Fault]:
    """With the position of each, in the order of the file."""
    placed = (replace(fault, position=document.position(fault.path)) for fault in faults)
    return sorted(placed, key=_in_file_order)


def _placed_in_last(fault: Fault, documents: Sequence[Document]) -> Fault:
    """A fault of merged files belongs to the last one that writes the value, or else would have to."""
    able = [document for document in documents if fault.path[: len(document.prefix)] == document.prefix]
    writing = [document for document in able if document.writes(fault.path)]
    chosen = (writing or able)[-1:]
    return replace(fault, position=chosen[0].position(fault.path)) if chosen else fault


def _in_file_order(fault: Fault) -> tuple[str, int, int]:
    position = fault.position or Position("", 0, 0)
    return position.file, position.line, position.column


__all__ = ["KeysetEntry", "KeysetFile", "load_keyset", "load_network", "load_runtime_config"]
