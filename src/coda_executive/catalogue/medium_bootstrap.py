"""A node that is further behind than the frontier reaches bootstraps.

A failure in "bootstrap" is a node that finds no way to the network's chain, or takes one that it should not:
more than 2 k + 1 blocks behind, catchup alone cannot do it.
"""

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    block_height_to_grow,
    blocks_to_be_produced,
    frontier_to_be_loaded,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    peers_to_be_connected,
    sample_ledger,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=2, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
    exercises=("common-prefix", "finality"),
)
async def medium_bootstrap(dsl: Dsl) -> None:
    """A producer that missed more than 2 k + 1 blocks and lost its disk bootstraps and agrees with the others."""
    nodes = dsl.testnet.nodes
    sleeper = dsl.testnet.block_producers[2]

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(blocks_to_be_produced(1))

    with dsl.section("fall behind", hard=True):
        await sleeper.stop()
        await dsl.wait_for(block_height_to_grow(2 * dsl.facts.constants.k + 2), since=dsl.cursor())

    with dsl.section("bootstrap"):
        behind = dsl.cursor()
        await sleeper.start(fresh_state=True)
        await dsl.wait_for(frontier_to_be_loaded(sleeper, origin="bootstrap"))
        await dsl.wait_for(nodes_to_initialize([sleeper]), since=behind)
        await dsl.wait_for(nodes_to_synchronize(nodes))
        await dsl.wait_for(peers_to_be_connected(nodes))
