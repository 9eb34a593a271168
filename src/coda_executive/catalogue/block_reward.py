"""A block pays its producer exactly the coinbase.

A failure in "reward" is money made of nothing, lost, or paid to somebody else.
"""

from coda_executive import (
    Amount,
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    blocks_to_be_produced,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
)

OWNED = Balance.of_coda("1000")
COINBASE = Amount.of_coda("720")


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=1)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000, coinbase_amount=COINBASE),
        ledger=sample_ledger([OWNED]),
    ),
)
async def block_reward(dsl: Dsl) -> None:
    """The only producer of a network has the coinbase of each block, and nothing else."""
    producer = dsl.testnet.block_producers[0]

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await dsl.wait_for(blocks_to_be_produced(2))

    with dsl.section("reward"):
        await producer.stop()  # so that height and balance are of one moment
        await dsl.wait_for(nodes_to_synchronize(dsl.testnet.seeds))
        client = dsl.testnet.seeds[0].client
        account = await client.account(str(sample_keypair(1).public))
        blocks = (await client.best_chain(1))[-1].height - 1
        assert account is not None, "the producer's account is gone"
        assert account.total == OWNED + blocks * COINBASE, (
            f"the producer has {account.total} after {blocks} blocks"
        )
