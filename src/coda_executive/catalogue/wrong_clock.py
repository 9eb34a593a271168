"""A node whose clock is wrong harms nobody: its blocks are taken by none, and the others go on without it.

(Mina's own test of this kind wants the peers to ban such a node as well; the contract only has them drop what
is too early or too late, I.1.) A failure in "without it" is a network that a wrong clock can stop or fork.
"""

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    NodeSettings,
    ProofSection,
    RuntimeConfig,
    answer_to_be,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
)

WRONG = str(sample_keypair(3).public)
AHEAD = {"MINA_TIME_OFFSET": "-600"}  # seconds that are subtracted (daemon contract A.5)


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(count=3), nodes={"block-producer-3": NodeSettings(environment=AHEAD)}
    ),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=24, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
)
async def wrong_clock(dsl: Dsl) -> None:
    """A producer whose clock is ten minutes ahead has no block on the chain that the others agree on."""
    right = dsl.testnet.block_producers[:2]

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))

    with dsl.section("without it"):
        await dsl.wait_for(
            answer_to_be(
                "the others to have blocks",
                right,
                lambda client: client.best_chain(),
                lambda chain: len(chain) > 4,
            )
        )
        await dsl.wait_for(nodes_to_synchronize([*dsl.testnet.seeds, *right]))
        blocks = [block for block in await right[0].client.best_chain() if block.creator == WRONG]
        assert not blocks, f"blocks of the wrong clock are on the chain: {blocks}"
