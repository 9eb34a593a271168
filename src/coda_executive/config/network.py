"""The network that a test asks for, in the shape of the spec (`Network_config`), and what we add to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from coda_executive.config.kept_fields import KeptField
from coda_protocol.currency import Fee
from coda_protocol.keys import Keypair
from coda_protocol.runtime_config import RuntimeConfig, WorkSelection

WallClockProfile = Literal["dev", "mainnet"]


@dataclass(frozen=True, slots=True)
class BlockProducerFlags:
    """Deviations of one block producer from the defaults; keys are addresses (`B62…`).

    A producer without stake never makes a block, which is nearly always a mistake and refused, unless
    `may_lack_stake`.
    """

    coinbase_receiver: str | None = None
    may_lack_stake: bool = False


@dataclass(frozen=True, slots=True)
class BlockProducers:
    """Block producers 1 to `count`; they hold the ledger's keys 1 to `count`. `flags[i]` is for producer i +
    1.
    """

    count: int = 0
    flags: tuple[BlockProducerFlags, ...] = ()


def _default_snark_fee() -> Fee:
    return Fee.of_coda("0.025")  # of the real test tools (daemon contract B.3)


@dataclass(frozen=True, slots=True)
class SnarkCoordinatorFlags:
    """Fee for a piece of work; wait in milliseconds until unfinished work is handed out again."""

    snark_worker_fee: Fee = field(default_factory=_default_snark_fee)
    work_reassignment_wait: int = 420_000
    work_selection: WorkSelection = "rand"
    worker_key: str | None = None


@dataclass(frozen=True, slots=True)
class SnarkCoordinators:
    """Coordinators take the ledger keys after the producers'.

    The first `with_unique_keys` have a key each, the rest share the one after those.
    """

    count: int = 0
    with_unique_keys: int | None = None  # None: all of them
    workers_per_coordinator: int = 0
    flags: tuple[SnarkCoordinatorFlags, ...] = ()


@dataclass(frozen=True, slots=True)
class ArchiveNodes:
    """`count` nodes without a ledger key, each with an archive of its own that it sends every block."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Resources:
    """What an engine that can limit a node gives it: processors, and memory in MiB."""

    cpus: float | None = None
    memory_mib: int | None = None


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What one node has of its own. `arguments` come after ours and so win where the daemon takes the last.

    `daemon` is a command or image in place of the run's; `peers` names the nodes it is started with in place
    of the seeds; `runtime` has what is otherwise for this node alone, such as the size of its pool: it wins
    over the network's, field by field. Other genesis constants or another ledger make it a stranger to the
    network.
    """

    name: str | None = None
    daemon: str | None = None
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    peers: tuple[str, ...] | None = None
    runtime: RuntimeConfig | None = None
    resources: Resources | None = None


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Which nodes there are. Seeds and plain nodes hold no ledger key.

    Beyond the spec: `seeds`, `plain_nodes`; `nodes`, settings by a node's usual name such as
    "block-producer-1"; `profile`, the reference daemon's wall-clock constants; `keyset`, the private keys of
    a ledger that does not bring its own; `kept`, what `--lenient` passes on to the daemons unread.
    """

    block_producers: BlockProducers = field(default_factory=BlockProducers)
    snark_coordinators: SnarkCoordinators = field(default_factory=SnarkCoordinators)
    archive_nodes: ArchiveNodes = field(default_factory=ArchiveNodes)
    seeds: int = 1
    plain_nodes: int = 0
    nodes: Mapping[str, NodeSettings] = field(default_factory=dict)
    profile: WallClockProfile = "dev"
    keyset: tuple[Keypair, ...] | None = None
    kept: tuple[KeptField, ...] = ()
