"""Blocks are produced, and every node follows the same chain.

A failure in "initialise" is a node that does not come up or does not find its peers; in "produce", producers
that miss their slots or a lottery that is off; in "agree", gossip or chain selection.
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
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_ledger,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3), plain_nodes=1),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
    exercises=("one-block-per-slot", "chain-links"),
)
async def block_production(dsl: Dsl) -> None:
    """Three producers fill slots, and all nodes follow the same chain."""
    nodes = dsl.testnet.nodes

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    with dsl.section("produce"):
        await dsl.wait_for(blocks_to_be_produced(6))
        await dsl.wait_for(block_height_to_grow(4))

    with dsl.section("agree"):
        await dsl.wait_for(nodes_to_synchronize(nodes))
