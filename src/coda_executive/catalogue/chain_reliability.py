"""A producer that was away starts afresh and has the network's chain again.

A failure in "without one" is a network that needs all its producers; in "back again", a catchup or bootstrap
that does not end; in "payments", a node that came back and lacks transactions; in "one chain", one that follows
a chain of its own.
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
    blocks_to_be_produced,
    chains_to_agree,
    command_to_be_included,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)

PAYMENTS = 3
PAYER, PAYEE = sample_keypair(2), str(sample_keypair(1).public)
FEE = Fee.of_coda("0.1")


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
    exercises=("conservation", "nonce-order"),
)
async def chain_reliability(dsl: Dsl) -> None:
    """A producer that missed some blocks and lost its disk agrees with the others but for one block."""
    nodes = dsl.testnet.nodes
    witness, _, sleeper = dsl.testnet.block_producers

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(blocks_to_be_produced(2))

    with dsl.section("without one", hard=True):
        await sleeper.stop()
        await dsl.wait_for(blocks_to_be_produced(2), since=dsl.cursor())

    with dsl.section("back again", hard=True):
        await sleeper.start(fresh_state=True)
        await dsl.wait_for(nodes_to_initialize([sleeper]))
        await dsl.wait_for(nodes_to_synchronize(nodes))

    with dsl.section("payments"):
        for _ in range(PAYMENTS):
            sent = await send_signed_payment(
                witness.client, PAYER, PAYEE, amount=Amount.of_coda("1"), fee=FEE
            )
            await dsl.wait_for(all_of(*(command_to_be_included(sent, at=node) for node in nodes)))

    with dsl.section("one chain"):
        await dsl.wait_for(blocks_to_be_produced(2))
        await dsl.wait_for(chains_to_agree(nodes, within=1))
        chains = [{block.state_hash for block in await node.client.best_chain()} for node in nodes]
        common = set.intersection(*chains)
        assert common, "the nodes answer chains that have no block in common"
        assert max(map(len, chains)) - len(common) <= 1, "what the nodes answer is not what they logged"
