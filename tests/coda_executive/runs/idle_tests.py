"""Tests over two stub daemons that never do anything, for what happens to runs from outside."""

import asyncio
from pathlib import Path

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    integration_test,
    nodes_to_initialize,
    sample_ledger,
)

NETWORK = NetworkConfig(block_producers=BlockProducers(count=1))
RUNTIME = RuntimeConfig(
    genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
    proof=ProofSection(level="none", block_window_duration_ms=1000),
    ledger=sample_ledger([Balance.of_coda("1000")]),
)


async def until_up(dsl: Dsl) -> None:
    """Return once all stubs have set their handlers."""
    logs = [Path(node.site.directory) / "daemon.log" for node in dsl.testnet.plan.nodes]
    while not all("up " in log.read_text() for log in logs):
        await asyncio.sleep(0.005)


@integration_test(network=NETWORK, runtime=RUNTIME)
async def ends(dsl: Dsl) -> None:
    """Ends as soon as the daemons are up."""
    await until_up(dsl)


@integration_test(network=NETWORK, runtime=RUNTIME)
async def waits(dsl: Dsl) -> None:
    """Waits for what never comes."""
    await until_up(dsl)
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))


@integration_test(network=NETWORK, runtime=RUNTIME)
async def fails(dsl: Dsl) -> None:
    """Fails while its network is up."""
    await until_up(dsl)
    raise AssertionError("as expected")


@integration_test(network=NETWORK, runtime=RUNTIME)
async def appends(dsl: Dsl) -> None:
    """Adds to the history until it cannot."""
    await until_up(dsl)
    with dsl.section("until the end"):
        while True:
            with dsl.section("again"):
                await asyncio.sleep(0.005)
