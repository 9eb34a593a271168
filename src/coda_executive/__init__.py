"""Coda Executive: integration tests of Coda (Mina) networks, one test on every engine.

The names below are what a test may import; everything else may change any day. They are loaded when first
used, so that importing a part of the package, such as its command line, does not import the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coda_executive.client.signed_commands import (
        send_signed_delegation,
        send_signed_payment,
        sign_payment,
    )
    from coda_executive.config.files import load_keyset, load_network, load_runtime_config
    from coda_executive.config.key_allocation import sample_keyset
    from coda_executive.config.network import (
        ArchiveNodes,
        BlockProducerFlags,
        BlockProducers,
        NetworkConfig,
        NodeSettings,
        SnarkCoordinatorFlags,
        SnarkCoordinators,
    )
    from coda_executive.config.plan import Role
    from coda_executive.dsl.dsl import Dsl
    from coda_executive.dsl.endurance import endure
    from coda_executive.dsl.results import Results
    from coda_executive.errors import RequestFailed
    from coda_executive.executive.integration_test import IntegrationTest, integration_test
    from coda_executive.executive.log_policy import ExpectedLog, LogPolicy
    from coda_executive.interfaces.capabilities import (
        ClockSkewable,
        CpuThrottleable,
        DiskFault,
        DiskFaultable,
        Killable,
        LinkShape,
        LinkShapeable,
        Partitionable,
        Pausable,
        Resettable,
        Upgradable,
    )
    from coda_executive.interfaces.client import BlockContents
    from coda_executive.interfaces.node import Node
    from coda_executive.nemesis.faults import (
        Kill,
        Partition,
        Pause,
        ResetConnections,
        SkewClock,
        SlowCpu,
        SlowLinks,
        Stop,
        TroubleDisk,
    )
    from coda_executive.nemesis.schedule import PlannedFault, Schedule
    from coda_executive.wait_conditions.archived import chain_to_be_archived
    from coda_executive.wait_conditions.asked import answer_to_be, peers_to_be_connected
    from coda_executive.wait_conditions.chain import (
        block_height_to_grow,
        blocks_to_be_produced,
        nodes_to_synchronize,
    )
    from coda_executive.wait_conditions.combinators import (
        all_of,
        any_of,
        first_of,
        negate,
        never_during,
        stable_for,
    )
    from coda_executive.wait_conditions.condition import (
        NotYet,
        Reached,
        Unreachable,
        WaitCondition,
    )
    from coda_executive.wait_conditions.gossip import (
        block_to_spread,
        command_to_spread,
        snark_work_to_be_seen,
        snark_work_to_spread,
    )
    from coda_executive.wait_conditions.happenings import (
        command_to_be_included,
        count_between,
        event_to_be_seen,
        frontier_to_be_loaded,
    )
    from coda_executive.wait_conditions.initialization import nodes_to_initialize
    from coda_executive.wait_conditions.limits import Limits, Span
    from coda_executive.wait_conditions.progress import (
        chains_to_agree,
        epoch_to_be_reached,
        ledger_proofs_to_be_emitted,
        nodes_to_have_status,
        slot_to_be_reached,
    )
    from coda_protocol.currency import Amount, Balance, Fee
    from coda_protocol.genesis_ledgers import sample_ledger
    from coda_protocol.keys import Keypair
    from coda_protocol.runtime_config import (
        Account,
        DaemonSection,
        EpochData,
        EpochLedger,
        Fork,
        GenesisLedger,
        GenesisSection,
        NumberText,
        ProofSection,
        RuntimeConfig,
        Timing,
        TwoToThe,
    )
    from coda_protocol.sample_keys import sample_keypair

_HOMES = {
    "coda_protocol.currency": ("Amount", "Balance", "Fee"),
    "coda_protocol.keys": ("Keypair",),
    "coda_protocol.genesis_ledgers": ("sample_ledger",),
    "coda_protocol.runtime_config": (
        "Account",
        "DaemonSection",
        "EpochData",
        "EpochLedger",
        "Fork",
        "GenesisLedger",
        "GenesisSection",
        "NumberText",
        "ProofSection",
        "RuntimeConfig",
        "Timing",
        "TwoToThe",
    ),
    "coda_protocol.sample_keys": ("sample_keypair",),
    "coda_executive.client.archive_client": (
        "ArchiveClient",
        "ArchivedBlock",
        "ArchivedCommand",
        "archive_of",
    ),
    "coda_executive.client.signed_commands": (
        "send_signed_delegation",
        "send_signed_payment",
        "sign_payment",
    ),
    "coda_executive.config.files": ("load_keyset", "load_network", "load_runtime_config"),
    "coda_executive.config.key_allocation": ("sample_keyset",),
    "coda_executive.config.network": (
        "ArchiveNodes",
        "BlockProducerFlags",
        "BlockProducers",
        "NetworkConfig",
        "NodeSettings",
        "SnarkCoordinatorFlags",
        "SnarkCoordinators",
    ),
    "coda_executive.config.plan": ("Role",),
    "coda_executive.dsl.dsl": ("Dsl",),
    "coda_executive.dsl.endurance": ("endure",),
    "coda_executive.dsl.results": ("Results",),
    "coda_executive.errors": ("RequestFailed",),
    "coda_executive.executive.integration_test": ("IntegrationTest", "integration_test"),
    "coda_executive.executive.log_policy": ("ExpectedLog", "LogPolicy"),
    "coda_executive.interfaces.capabilities": (
        "ClockSkewable",
        "CpuThrottleable",
        "DiskFault",
        "DiskFaultable",
        "Killable",
        "LinkShape",
        "LinkShapeable",
        "Partitionable",
        "Pausable",
        "Resettable",
        "Upgradable",
    ),
    "coda_executive.interfaces.client": ("BlockContents",),
    "coda_executive.interfaces.node": ("Node",),
    "coda_executive.nemesis.faults": (
        "GatedPartition",
        "Kill",
        "Partition",
        "Pause",
        "ResetConnections",
        "SkewClock",
        "SlowCpu",
        "SlowLinks",
        "Stop",
        "TroubleDisk",
    ),
    "coda_executive.nemesis.schedule": ("PlannedFault", "Schedule"),
    "coda_executive.wait_conditions.archived": ("chain_to_be_archived",),
    "coda_executive.wait_conditions.asked": ("answer_to_be", "peers_to_be_connected"),
    "coda_executive.wait_conditions.combinators": (
        "all_of",
        "any_of",
        "first_of",
        "negate",
        "never_during",
        "stable_for",
    ),
    "coda_executive.wait_conditions.gossip": (
        "block_to_spread",
        "command_to_spread",
        "snark_work_to_be_seen",
        "snark_work_to_spread",
    ),
    "coda_executive.wait_conditions.happenings": (
        "command_to_be_included",
        "count_between",
        "event_to_be_seen",
        "frontier_to_be_loaded",
    ),
    "coda_executive.wait_conditions.progress": (
        "chains_to_agree",
        "epoch_to_be_reached",
        "ledger_proofs_to_be_emitted",
        "nodes_to_have_status",
        "slot_to_be_reached",
    ),
    "coda_executive.wait_conditions.chain": (
        "block_height_to_grow",
        "blocks_to_be_produced",
        "nodes_to_synchronize",
    ),
    "coda_executive.wait_conditions.condition": ("NotYet", "Reached", "Unreachable", "WaitCondition"),
    "coda_executive.wait_conditions.initialization": ("nodes_to_initialize",),
    "coda_executive.wait_conditions.limits": ("Limits", "Span"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 (in the order of the rooms)
    "Amount",
    "Balance",
    "Fee",
    "sample_ledger",
    "Account",
    "DaemonSection",
    "EpochData",
    "EpochLedger",
    "Fork",
    "GenesisLedger",
    "GenesisSection",
    "NumberText",
    "ProofSection",
    "RuntimeConfig",
    "Timing",
    "TwoToThe",
    "Keypair",
    "sample_keypair",
    "ArchiveClient",
    "ArchivedBlock",
    "ArchivedCommand",
    "archive_of",
    "send_signed_delegation",
    "send_signed_payment",
    "sign_payment",
    "load_keyset",
    "load_network",
    "load_runtime_config",
    "sample_keyset",
    "ArchiveNodes",
    "BlockProducerFlags",
    "BlockProducers",
    "NetworkConfig",
    "NodeSettings",
    "SnarkCoordinatorFlags",
    "SnarkCoordinators",
    "Role",
    "Dsl",
    "endure",
    "Results",
    "RequestFailed",
    "IntegrationTest",
    "integration_test",
    "ExpectedLog",
    "LogPolicy",
    "ClockSkewable",
    "CpuThrottleable",
    "DiskFault",
    "DiskFaultable",
    "Killable",
    "LinkShape",
    "LinkShapeable",
    "Partitionable",
    "Pausable",
    "Resettable",
    "Upgradable",
    "BlockContents",
    "Node",
    "GatedPartition",
    "Kill",
    "Partition",
    "Pause",
    "ResetConnections",
    "SkewClock",
    "SlowCpu",
    "SlowLinks",
    "Stop",
    "TroubleDisk",
    "PlannedFault",
    "Schedule",
    "chain_to_be_archived",
    "answer_to_be",
    "peers_to_be_connected",
    "all_of",
    "any_of",
    "first_of",
    "negate",
    "never_during",
    "stable_for",
    "block_to_spread",
    "command_to_spread",
    "snark_work_to_be_seen",
    "snark_work_to_spread",
    "command_to_be_included",
    "count_between",
    "event_to_be_seen",
    "frontier_to_be_loaded",
    "chains_to_agree",
    "epoch_to_be_reached",
    "ledger_proofs_to_be_emitted",
    "nodes_to_have_status",
    "slot_to_be_reached",
    "block_height_to_grow",
    "blocks_to_be_produced",
    "nodes_to_synchronize",
    "NotYet",
    "Reached",
    "Unreachable",
    "WaitCondition",
    "nodes_to_initialize",
    "Limits",
    "Span",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
