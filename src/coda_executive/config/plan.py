"""The deployment plan: every name, key, port, argument and file of a testnet, computed before anything is
touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from coda_executive.config.network import NetworkConfig, Resources
from coda_executive.config.node_id import NodeId
from coda_protocol.runtime_config import RuntimeConfig


class Role(StrEnum):
    """What a node is for; the values are what `dsl.spawn` takes, and what reports call it."""

    SEED = "seed"
    BLOCK_PRODUCER = "block producer"
    SNARK_COORDINATOR = "snark coordinator"
    ARCHIVE_NODE = "archive node"
    PLAIN = "node"


@dataclass(frozen=True, slots=True)
class NodeSite:
    """Where an engine puts a node: the address its peers use, its ports, and its directory as the daemon sees
    it.

    The directory is absolute. `archive_address` is HOST:PORT of the archive process that the engine runs for an
    archive node, and `archive_uri` its database; both None where it can run none. `bind_host` is where the daemon
    listens for its peers, if that is not `host`: a proxy of the engine's is between.
    """

    host: str
    client_port: int
    rest_port: int
    external_port: int
    directory: str
    archive_address: str | None = None
    archive_uri: str | None = None
    bind_host: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PlannedFile:
    """A file to be put at `path`, relative to the node's directory, before its daemon first starts."""

    path: str
    content: bytes
    mode: int = 0o644

    def __repr__(self) -> str:
        return (
            f"<PlannedFile {self.path} {len(self.content)} bytes mode {self.mode:o}>"  # content may be a key
        )


class CompanionRole(StrEnum):
    SNARK_WORKER = "SNARK worker"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class PlannedCompanion:
    """A process beside a daemon, on the same machine and from the same program.

    `arguments` follow the program's name (such as "internal", "snark-worker", …), `environment` is added to a
    minimal one. `id` is unique in the testnet; all that it writes goes to `log_name` beside the node's own
    log. It starts after its daemon and ends with it, unless it `outlives_node`: then it is there before the
    daemon's first start, stays while that is stopped, killed or restarted, and ends with the testnet.

    `ready` is part of the line of its log that says it does its work: its start is over with that. `after` is
    part of the line of its daemon's log that it is started after.
    """

    id: str
    role: CompanionRole
    log_name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    outlives_node: bool = False
    ready: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One daemon. `arguments` follow the daemon's command; `environment` is added to a minimal one.

    `daemon` is a command or image for this node alone, `resources` what an engine that can should limit it
    to.
    """

    id: NodeId
    role: Role
    site: NodeSite
    peer_address: str  # multiaddress that others are given
    peers: tuple[NodeId, ...]  # whose addresses it is started with
    public_key: str | None
    stake_share: float  # of the total stake, delegations counted, 0 to 1
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    files: tuple[PlannedFile, ...]
    daemon: str | None = None
    resources: Resources | None = None
    companions: tuple[PlannedCompanion, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkConstants:
    """What waits and validators must know of the protocol: slot length in milliseconds, the rest in slots or
    blocks. `genesis_height` and `genesis_slot` since genesis are those of the first block, which a hard fork moves.
    """

    slot_ms: int
    k: int
    delta: int
    slots_per_epoch: int
    slots_per_sub_window: int
    sub_windows_per_window: int
    grace_period_slots: int
    profile: str  # wall-clock constants of the daemon: "dev" or "mainnet"
    genesis_height: int = 1
    genesis_slot: int = 0


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """All of a testnet but its genesis time, which is written at the moment of the start.

    `genesis_file` is the path, relative to each node's directory, of the configuration file that will hold
    only `{"genesis": {"genesis_state_timestamp": …}}`; nodes read it after `runtime_config.json` and it wins.
    `shared_files` and `extra_arguments` are every node's: one that joins later gets them too. The last of
    `nodes` are those that `joined` a running testnet; one that left stays among them.
    """

    network: NetworkConfig
    runtime: RuntimeConfig
    constants: NetworkConstants
    nodes: tuple[PlannedNode, ...]
    genesis_file: str
    shared_files: tuple[PlannedFile, ...] = ()
    extra_arguments: tuple[str, ...] = ()
    joined: tuple[NodeId, ...] = ()
