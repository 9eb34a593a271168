"""A node that is stopped, or killed, goes on from its disk.

A failure in "stopped" or "killed" is a frontier that is not written in time, or not read again; the validator
restart-keeps-tip tells of blocks that a node had and lost.
"""

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    Kill,
    Killable,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    block_height_to_grow,
    frontier_to_be_loaded,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_ledger,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2), plain_nodes=1),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
    needs=(Killable,),
    exercises=("restart-keeps-tip",),
)
async def persistence(dsl: Dsl) -> None:
    """A node that was stopped and then killed has its blocks again each time, and catches up with the rest."""
    nodes, node = dsl.testnet.nodes, dsl.testnet.plain_nodes[0]

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(block_height_to_grow(3))

    with dsl.section("stopped", hard=True):
        await node.stop()
        await dsl.wait_for(block_height_to_grow(2), since=dsl.cursor())
        began = dsl.cursor()
        await node.start()
        await dsl.wait_for(frontier_to_be_loaded(node, origin="disk"), since=began)
        await dsl.wait_for(nodes_to_synchronize(nodes))

    with dsl.section("killed"):
        async with dsl.nemesis.applied(Kill(node.id)):
            await dsl.wait_for(block_height_to_grow(2), since=dsl.cursor())
            began = dsl.cursor()
        await dsl.wait_for(frontier_to_be_loaded(node, origin="disk"), since=began)
        await dsl.wait_for(nodes_to_synchronize(nodes))
