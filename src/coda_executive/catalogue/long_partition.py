"""A producer that was cut off for longer than k blocks gives its own chain up for the network's.

A failure in "split" is a partition that lets something through; in "rejoin", a node that keeps a chain which
the others cannot accept any more: chain selection beyond the last common checkpoint, or bootstrap.
"""

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    Partition,
    Partitionable,
    ProofSection,
    RuntimeConfig,
    block_height_to_grow,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_ledger,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=4, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
    needs=(Partitionable,),
    exercises=("common-prefix", "finality", "sync-after-heal"),
)
async def long_partition(dsl: Dsl) -> None:
    """A producer cut off for longer than k blocks adopts the chain of the others."""
    nodes = dsl.testnet.nodes
    lonely, *others = dsl.testnet.block_producers

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(block_height_to_grow(2))

    async with dsl.nemesis.applied(Partition("isolated", lonely.id)):
        with dsl.section("split"):
            await dsl.wait_for(block_height_to_grow(4 * dsl.facts.constants.k))
            await dsl.wait_for(nodes_to_synchronize([*dsl.testnet.seeds, *others]))

    with dsl.section("rejoin"):
        await dsl.wait_for(nodes_to_synchronize(nodes))
        await dsl.wait_for(block_height_to_grow(1))
