"""Coda Executive: integration tests of Coda (Mina) networks, one test on every engine.

The names below are what a test may import; everything else may change any day. They are loaded when first
used, so that importing a part of the package, such as its command line, does not import the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coda_executive.config.network import (
        ArchiveNodes,
        BlockProducerFlags,
        BlockProducers,
        NetworkConfig,
        NodeSettings,
        SnarkCoordinatorFlags,
        SnarkCoordinators,
    )
    from coda_executive.dsl.dsl import Dsl
    from coda_executive.executive.integration_test import IntegrationTest, integration_test
    from coda_executive.executive.log_policy import ExpectedLog, LogPolicy
    from coda_executive.interfaces.capabilities import Killable, Pausable
    from coda_executive.wait_conditions.chain import (
        block_height_to_grow,
        blocks_to_be_produced,
        nodes_to_synchronize,
    )
    from coda_executive.wait_conditions.condition import (
        NotYet,
        Reached,
        Unreachable,
        WaitCondition,
    )
    from coda_executive.wait_conditions.initialization import nodes_to_initialize
    from coda_executive.wait_conditions.limits import Limits, Span
    from coda_protocol.currency import Amount, Balance, Fee
    from coda_protocol.genesis_ledgers import sample_ledger
    from coda_protocol.runtime_config import (
        Account,
        GenesisLedger,
        GenesisSection,
        ProofSection,
        RuntimeConfig,
        Timing,
    )

_HOMES = {
    "coda_protocol.currency": ("Amount", "Balance", "Fee"),
    "coda_protocol.genesis_ledgers": ("sample_ledger",),
    "coda_protocol.runtime_config": (
        "Account",
        "GenesisLedger",
        "GenesisSection",
        "ProofSection",
        "RuntimeConfig",
        "Timing",
    ),
    "coda_executive.config.network": (
        "ArchiveNodes",
        "BlockProducerFlags",
        "BlockProducers",
        "NetworkConfig",
        "NodeSettings",
        "SnarkCoordinatorFlags",
        "SnarkCoordinators",
    ),
    "coda_executive.dsl.dsl": ("Dsl",),
    "coda_executive.executive.integration_test": ("IntegrationTest", "integration_test"),
    "coda_executive.executive.log_policy": ("ExpectedLog", "LogPolicy"),
    "coda_executive.interfaces.capabilities": ("Killable", "Pausable"),
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
    "GenesisLedger",
    "GenesisSection",
    "ProofSection",
    "RuntimeConfig",
    "Timing",
    "ArchiveNodes",
    "BlockProducerFlags",
    "BlockProducers",
    "NetworkConfig",
    "NodeSettings",
    "SnarkCoordinatorFlags",
    "SnarkCoordinators",
    "Dsl",
    "IntegrationTest",
    "integration_test",
    "ExpectedLog",
    "LogPolicy",
    "Killable",
    "Pausable",
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
