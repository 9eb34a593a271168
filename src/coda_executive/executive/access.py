"""How a user reaches the nodes of a testnet that is up: by its plan and by what the engine says of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError

_KEYS = "keys/"


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """What leads to one node. `keys` are the paths of its private key files by name; `archive` holds `address`
    and `uri` of an archive node's archive.
    """

    id: NodeId
    role: str
    graphql: str
    ports: Mapping[str, int]
    pid: int | None
    directory: str
    log: str
    public_key: str | None
    keys: Mapping[str, str]
    archive: Mapping[str, str]


class _PlannedFile(msgspec.Struct):
    secret: bool


class _PlannedNode(msgspec.Struct):
    role: str
    host: str
    directory: str
    ports: dict[str, int]
    public_key: str | None
    files: dict[str, _PlannedFile]
    archive: dict[str, str] = {}


class _Plan(msgspec.Struct):
    nodes: dict[str, _PlannedNode]


def node_accesses(run_directory: Path, pids: Mapping[NodeId, int | None]) -> list[NodeAccess]:
    """Of all nodes, in the order of the plan; `pids` has those that run. Raises EngineError without a plan."""
    path = run_directory / "plan.json"
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=_Plan)
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror}; was the run directory removed?") from error
    except msgspec.DecodeError as error:
        raise EngineError(f"{path} is damaged: {error}") from error
    return [
        NodeAccess(
            id=NodeId(name),
            role=node.role,
            graphql=f"http://{_in_url(node.host)}:{node.ports['rest']}/graphql",
            ports=node.ports,
            pid=pids.get(NodeId(name)),
            directory=node.directory,
            log=str(run_directory / "nodes" / name / "daemon.log"),
            public_key=node.public_key,
            keys={
                file.removeprefix(_KEYS): f"{node.directory}/{file}"
                for file, planned in node.files.items()
                if planned.secret and file.startswith(_KEYS)
            },
            archive=node.archive,
        )
        for name, node in plan.nodes.items()
    ]


def variables(access: NodeAccess) -> Iterator[tuple[str, str]]:
    """The same as environment variables that begin with the node's name; without those that have no value."""
    yield _name(access.id, "graphql"), access.graphql
    for kind, port in access.ports.items():
        yield _name(access.id, kind, "port"), str(port)
    if access.pid is not None:
        yield _name(access.id, "pid"), str(access.pid)
    yield _name(access.id, "directory"), access.directory
    yield _name(access.id, "log"), access.log
    for kind, value in access.archive.items():
        yield _name(access.id, "archive", kind), value
    if access.public_key is not None:
        yield _name(access.id, "public_key"), access.public_key
    for name, path in access.keys.items():
        yield _name(access.id, "key", name), path


def _name(*words: str) -> str:
    return re.sub(r"\W", "_", "_".join(("coda", *words)), flags=re.ASCII).upper()


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
