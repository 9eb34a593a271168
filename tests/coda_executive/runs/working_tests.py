"""Tests for the executive to run: a network whose transactions need SNARK work."""

from dataclasses import replace

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    NodeSettings,
    ProofSection,
    RuntimeConfig,
    SnarkCoordinators,
    blocks_to_be_produced,
    integration_test,
    ledger_proofs_to_be_emitted,
    sample_ledger,
)
from coda_protocol.runtime_config import TwoToThe

_WORK_DELAY, _CAPACITY_LOG_2 = 1, 1


_NETWORK = NetworkConfig(
    block_producers=BlockProducers(count=1),
    snark_coordinators=SnarkCoordinators(count=1, workers_per_coordinator=2),
)
_RUNTIME = RuntimeConfig(
    genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
    proof=ProofSection(
        level="check",
        block_window_duration_ms=1000,
        work_delay=_WORK_DELAY,
        transaction_capacity=TwoToThe(_CAPACITY_LOG_2),
    ),
    ledger=sample_ledger([Balance.of_coda("1000")] * 3),
)


@integration_test(network=_NETWORK, runtime=_RUNTIME)
async def a_ledger_proof(dsl: Dsl) -> None:
    """Both workers of the coordinator make the proofs that a producer buys."""
    proofs = ledger_proofs_to_be_emitted(1, work_delay=_WORK_DELAY, capacity_log_2=_CAPACITY_LOG_2)
    await dsl.wait_for(proofs)


@integration_test(
    network=replace(
        _NETWORK, nodes={"snark-coordinator-1": NodeSettings(environment={"CODA_PROVING_MS": "soon"})}
    ),
    runtime=_RUNTIME,
)
async def workers_that_cannot_start(dsl: Dsl) -> None:
    """They end at once over what their environment says, and nobody asked them to."""
    await dsl.wait_for(blocks_to_be_produced(3))
