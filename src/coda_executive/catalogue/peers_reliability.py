"""Every node finds every other, and again after one of them was away.

A failure in "connected" is peer discovery; in "payment", gossip of transactions; in "without one", a network
that needs all its producers; in "connected again", a node that its peers no longer take.
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
    blocks_to_be_produced,
    command_to_be_included,
    frontier_to_be_loaded,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    peers_to_be_connected,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("700000")] * 2 + [Balance.of_coda("800000")]),
    ),
)
async def peers_reliability(dsl: Dsl) -> None:
    """All nodes are peers of each other, before and after one of them started afresh."""
    nodes = dsl.testnet.nodes
    witness, _, leaver = dsl.testnet.block_producers

    with dsl.section("connected", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(peers_to_be_connected(nodes))

    with dsl.section("payment"):
        receiver = str(sample_keypair(2).public)
        sent = await send_signed_payment(
            leaver.client, sample_keypair(3), receiver, amount=Amount.of_coda("10"), fee=Fee.of_coda("0.1")
        )
        await dsl.wait_for(command_to_be_included(sent, at=witness))

    with dsl.section("without one", hard=True):
        await leaver.stop()
        await dsl.wait_for(blocks_to_be_produced(1), since=dsl.cursor())

    with dsl.section("connected again"):
        await leaver.start(fresh_state=True)
        await dsl.wait_for(frontier_to_be_loaded(leaver, origin="fresh boot"))
        await dsl.wait_for(nodes_to_initialize([leaver]))
        await dsl.wait_for(nodes_to_synchronize(nodes))
        await dsl.wait_for(peers_to_be_connected(nodes))
