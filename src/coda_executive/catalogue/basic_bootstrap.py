"""A node that comes late has the network's chain within two slots: the first example of the test language.

A failure in "bootstrap" is a bootstrap that does not end, or that takes longer than a network can bear; how
long it took is kept as a measurement.
"""

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    Span,
    block_height_to_grow,
    frontier_to_be_loaded,
    integration_test,
    nodes_to_have_status,
    nodes_to_initialize,
    sample_ledger,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2), plain_nodes=1),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=4, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
)
async def basic_bootstrap(dsl: Dsl) -> None:
    """A node that starts afresh after k blocks and more is in step again two slots later."""
    late = dsl.testnet.plain_nodes[0]

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await late.stop()
        await dsl.wait_for(block_height_to_grow(2 * dsl.facts.constants.k + 2), since=dsl.cursor())

    with dsl.section("bootstrap"):
        began = dsl.seconds
        await late.start(fresh_state=True)
        two_slots = Span(slots=2, seconds=3 * dsl.facts.boot_allowance)
        await dsl.wait_for(frontier_to_be_loaded(late, origin="bootstrap").within(two_slots))
        await dsl.wait_for(nodes_to_have_status([late], "SYNCED"))
        dsl.collect("bootstrap", dsl.seconds - began, "s")
