"""What must hold of a network by itself: counts, flags, names, peers, arguments."""

import re
from collections.abc import Iterator, Mapping

from coda_executive.config.fault import Fault, Path, did_you_mean, found
from coda_executive.config.network import NetworkConfig, SnarkCoordinatorFlags
from coda_executive.config.roster import roster
from coda_protocol.format_error import FormatError
from coda_protocol.keys import PublicKey

# A node's name is a directory, a container, a pod and a host name.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,51}[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_NODES = 1000

# What the plan decides, and where a user says it instead.
_PLANNED_FLAGS = {
    "config-directory": "The engine chooses it.",
    "config-file": "Write `runtime`.",
    "genesis-ledger-dir": "Write `runtime.ledger`.",
    "client-port": "The engine chooses ports.",
    "rest-port": "The engine chooses ports.",
    "external-port": "The engine chooses ports.",
    "external-ip": "The engine chooses addresses.",
    "bind-ip": "The engine chooses addresses.",
    "libp2p-keypair": "It follows from the seed.",
    "peer": "Write `peers`.",
    "seed": "Write `network.seeds`.",
    "block-producer-key": "Block producers get the keys of the ledger.",
    "block-producer-password": "A secret must not be an argument, which every process can read.",
    "log-json": "It is always on.",
    "log-level": "It is always Trace.",
    "background": "The executive must own the process.",
}
_PORT_FLAGS = ("metrics-port", "libp2p-metrics-port", "limited-graphql-port", "itn-graphql-port")


def network_faults(network: NetworkConfig) -> Iterator[Fault]:
    yield from _count_faults(network)
    yield from _flag_faults(network)
    if any(count < 0 for count in _counts(network).values()) or sum(_counts(network).values()) > _MOST_NODES:
        return  # what follows walks the nodes
    yield from _name_faults(network)
    yield from _settings_faults(network)
    yield from _argument_faults(network)


def _counts(network: NetworkConfig) -> Mapping[Path, int]:
    return {
        _path("block_producers", "count"): network.block_producers.count,
        _path("snark_coordinators", "count"): network.snark_coordinators.count,
        _path("archive_nodes", "count"): network.archive_nodes.count,
        _path("seeds"): network.seeds,
        _path("plain_nodes"): network.plain_nodes,
    }


def _path(*steps: str | int) -> Path:
    return ("network", *steps)


def _count_faults(network: NetworkConfig) -> Iterator[Fault]:
    counts = _counts(network)
    coordinators = network.snark_coordinators
    workers = _path("snark_coordinators", "workers_per_coordinator")
    for path, count in (*counts.items(), (workers, coordinators.workers_per_coordinator)):
        if count < 0:
            yield Fault(path, "0 or more", str(count))
    if sum(counts.values()) > _MOST_NODES:
        yield Fault(("network",), f"at most {_MOST_NODES} nodes", str(sum(counts.values())))
    if network.block_producers.count == 0:
        yield Fault(
            ("network", "block_producers", "count"),
            "at least 1",
            "0",
            "Without a block producer no block is made and no node ever is synced.",
        )
    unique = coordinators.with_unique_keys
    if unique is not None and not 0 <= unique <= coordinators.count:
        yield Fault(
            ("network", "snark_coordinators", "with_unique_keys"),
            f"0 to snark_coordinators.count, which is {coordinators.count}",
            str(unique),
        )


def _flag_faults(network: NetworkConfig) -> Iterator[Fault]:
    producers: Path = ("network", "block_producers", "flags")
    coordinators: Path = ("network", "snark_coordinators", "flags")
    for path, flags, count in (
        (producers, network.block_producers.flags, network.block_producers.count),
        (coordinators, network.snark_coordinators.flags, network.snark_coordinators.count),
    ):
        if len(flags) > max(count, 0):
            yield Fault(
                path, f"at most {max(count, 0)} entries, one for each node", str(len(flags)), "Raise `count`."
            )
    for index, producer in enumerate(network.block_producers.flags):
        if producer.coinbase_receiver is not None:
            yield from _address_faults((*producers, index, "coinbase_receiver"), producer.coinbase_receiver)
    for index, coordinator in enumerate(network.snark_coordinators.flags):
        yield from _coordinator_faults((*coordinators, index), coordinator)


def _coordinator_faults(path: Path, flags: SnarkCoordinatorFlags) -> Iterator[Fault]:
    if flags.worker_key is not None:
        yield from _address_faults((*path, "worker_key"), flags.worker_key)
    if flags.work_reassignment_wait < 1:
        yield Fault((*path, "work_reassignment_wait"), "at least 1", str(flags.work_reassignment_wait))


def _address_faults(path: Path, address: str) -> Iterator[Fault]:
    try:
        PublicKey.parse(address)
    except FormatError:
        yield Fault(path, "an address (B62…)", found(address), "It is mistyped, cut, or something else.")


def _name_faults(network: NetworkConfig) -> Iterator[Fault]:
    members = roster(network)
    usual = {member.usual_name for member in members}
    for name in network.nodes:
        if name not in usual:
            yield Fault(
                ("network", "nodes", name),
                "the usual name of a node, such as 'block-producer-1'",
                repr(name),
                did_you_mean(name, usual),
            )
    owners: dict[str, str] = {}
    for member in members:
        path: Path = ("network", "nodes", member.usual_name, "name")
        if not _NAME.fullmatch(member.id):
            yield Fault(path, "a name of at most 53 of a-z, 0-9 and -", found(str(member.id)))
        first = owners.setdefault(member.id, member.usual_name)
        if first != member.usual_name:
            place = path if member.settings.name else ("network", "nodes", first, "name")
            other = first if member.settings.name else member.usual_name
            yield Fault(place, "a name of its own", f"{str(member.id)!r}, which is {other}'s too")


def _settings_faults(network: NetworkConfig) -> Iterator[Fault]:
    members = roster(network)
    names = {str(member.id) for member in members}
    for member in members:
        path: Path = ("network", "nodes", member.usual_name)
        for index, peer in enumerate(member.settings.peers or ()):
            here = (*path, "peers", index)
            if peer not in names:
                yield Fault(here, "the name of a node", repr(peer), did_you_mean(peer, names))
            elif peer == member.id:
                yield Fault(here, "another node", f"{peer!r} itself")
        for variable in member.settings.environment:
            if not _VARIABLE.fullmatch(variable):
                yield Fault((*path, "environment", variable), "the name of a variable", repr(variable))
        resources = member.settings.resources
        if resources is not None and resources.cpus is not None and resources.cpus <= 0:
            yield Fault((*path, "resources", "cpus"), "more than 0", f"{resources.cpus:g}")
        if resources is not None and resources.memory_mib is not None and resources.memory_mib < 1:
            yield Fault((*path, "resources", "memory_mib"), "at least 1", str(resources.memory_mib))
    if network.seeds == 0:
        lonely = [str(member.id) for member in members if not member.settings.peers]
        if lonely:
            yield Fault(
                ("network", "seeds"),
                "at least 1",
                f"0, and {lonely[0]} has no peers",
                "A node that knows nobody stops.",
            )


def _argument_faults(network: NetworkConfig) -> Iterator[Fault]:
    users: dict[str, str] = {}
    for member in roster(network):
        arguments = member.settings.arguments
        for index, argument in enumerate(arguments):
            path: Path = ("network", "nodes", member.usual_name, "arguments", index)
            flag = argument.lstrip("-").partition("=")[0] if argument.startswith("-") else None
            if flag is None:
                continue
            if "=" in argument:
                yield Fault(
                    path, "a flag and its value as two arguments", repr(argument), "The daemon takes no `=`."
                )
            if flag in _PLANNED_FLAGS:
                yield Fault(path, "a flag that the plan leaves free", f"-{flag}", _PLANNED_FLAGS[flag])
            elif flag in _PORT_FLAGS and index + 1 < len(arguments):
                port = arguments[index + 1]
                if port in users:
                    yield Fault(
                        (*path[:-1], index + 1),
                        "a port that nothing else uses",
                        f"{port}, which is {users[port]}'s too",
                    )
                users.setdefault(port, f"{member.id} -{flag}")
