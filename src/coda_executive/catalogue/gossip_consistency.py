"""What one node is sent, all nodes hear of, and a block has it.

A failure in "heard" is gossip of transactions that does not reach everybody; in "included", a pool or a producer
that loses them; in "blocks", gossip of blocks.
"""

from coda_executive import (
    Amount,
    Balance,
    BlockProducers,
    Dsl,
    Fee,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    all_of,
    block_to_spread,
    command_to_be_included,
    command_to_spread,
    integration_test,
    nodes_to_initialize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)

PAYMENTS = 3


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
    exercises=("conservation", "nonce-order"),
)
async def gossip_consistency(dsl: Dsl) -> None:
    """Payments sent to one node are heard of and included at every node, and blocks reach 95 of 100 nodes."""
    nodes = dsl.testnet.nodes
    sender, receiver = sample_keypair(1), str(sample_keypair(2).public)

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    with dsl.section("heard", hard=True):
        client = dsl.testnet.block_producers[0].client
        sent = [
            await send_signed_payment(
                client, sender, receiver, amount=Amount.of_coda("10"), fee=Fee.of_coda("0.1")
            )
            for _ in range(PAYMENTS)
        ]
        await dsl.wait_for(all_of(*(command_to_spread(payment, nodes, share=0.95) for payment in sent)))

    with dsl.section("included"):
        included = [command_to_be_included(payment, at=node) for payment in sent for node in nodes]
        await dsl.wait_for(all_of(*included))

    with dsl.section("blocks"):
        await dsl.wait_for(block_to_spread(nodes, share=0.95))
