"""A node that comes late has the network's chain soon: the first example of the test language.

A failure is a bootstrap that does not end, or takes longer than a network can bear; how long each took is kept
as a measurement.
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
    WaitCondition,
    block_height_to_grow,
    epoch_to_be_reached,
    frontier_to_be_loaded,
    integration_test,
    nodes_to_have_status,
    nodes_to_initialize,
    sample_ledger,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=2, slots_per_epoch=24, slots_per_sub_window=1, grace_period_slots=6),
        proof=ProofSection(level="none", block_window_duration_ms=2000, sub_windows_per_window=4),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
    exercises=("common-prefix", "finality"),
)
async def basic_bootstrap(dsl: Dsl) -> None:
    """A new node is in step two slots after it came to a young chain, and six after it came to one of two epochs."""
    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))

    with dsl.section("after some blocks"):
        await bootstrap(dsl, after=block_height_to_grow(2 * dsl.facts.constants.k + 2), slots=2)

    with dsl.section("after two epochs"):
        await bootstrap(dsl, after=epoch_to_be_reached(2), slots=6)


async def bootstrap(dsl: Dsl, *, after: WaitCondition, slots: int) -> None:
    """Add a node once the condition is true, and take it away again when it is in step."""
    await dsl.wait_for(after)
    began = dsl.seconds
    late = await dsl.spawn()
    limit = Span(slots=slots, seconds=3 * dsl.facts.boot_allowance)
    await dsl.wait_for(frontier_to_be_loaded(late, origin="bootstrap").within(limit))
    await dsl.wait_for(nodes_to_have_status([late], "SYNCED"))
    dsl.collect(f"bootstrap once {after.description}", dsl.seconds - began, "s")
    await dsl.destroy(late)
