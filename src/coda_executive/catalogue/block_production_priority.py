"""Blocks are in time and full while all other nodes spam.

A failure in "warm up" or "blocks" is a producer that loses its slots to the transactions of others; in "full",
a pool, or SNARK work, that does not keep up with blocks.
"""

from statistics import median

from coda_executive import (
    Amount,
    Balance,
    BlockProducerFlags,
    BlockProducers,
    Dsl,
    Fee,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    SnarkCoordinatorFlags,
    SnarkCoordinators,
    TwoToThe,
    block_height_to_grow,
    integration_test,
    nodes_to_initialize,
    sample_keypair,
    sample_ledger,
)

SPAMMERS = 3
CAPACITY_LOG_2 = 3
FULL = 2**CAPACITY_LOG_2 - 2  # beside the coinbase and the fee transfer
NO_STAKE = BlockProducerFlags(may_lack_stake=True)


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(
            count=1 + SPAMMERS, flags=(BlockProducerFlags(),) + (NO_STAKE,) * SPAMMERS
        ),
        # Free work: what fits into a block is then known.
        snark_coordinators=SnarkCoordinators(
            count=1, workers_per_coordinator=2, flags=(SnarkCoordinatorFlags(snark_worker_fee=Fee(0)),)
        ),
    ),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=24, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(
            level="none",
            block_window_duration_ms=2000,
            work_delay=1,
            transaction_capacity=TwoToThe(CAPACITY_LOG_2),
        ),
        # The producer, its spammers without money, the coordinator, and the senders of the spam.
        ledger=sample_ledger(
            [Balance.of_coda("10000000")]
            + [Balance(0)] * SPAMMERS
            + [Balance.of_coda("1000")] * (1 + SPAMMERS)
        ),
    ),
    exercises=("conservation", "nonce-order"),
)
async def block_production_priority(dsl: Dsl) -> None:
    """One producer makes full blocks while three nodes send four payments a slot each."""
    producer, *spammers = dsl.testnet.block_producers
    slot = dsl.facts.constants.slot_ms / 1000
    warm_up, blocks = 3, 12

    with dsl.section("warm up", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await dsl.wait_for(block_height_to_grow(warm_up))

    with dsl.section("blocks"):
        for number, node in enumerate(spammers):
            sender = sample_keypair(SPAMMERS + 3 + number)
            await node.client.send_test_payments(
                [sender],
                str(sender.public),
                amount=Amount(1),
                fee=Fee.of_coda("0.01"),
                count=200,
                delay=slot / 4,
            )
        await dsl.wait_for(block_height_to_grow(blocks), since=dsl.cursor())

    with dsl.section("full"):
        counts = [block.commands for block in (await producer.client.block_contents(blocks))]
        dsl.collect("transactions per block", median(counts), "transactions")
        assert median(filter(None, counts)) == FULL, f"the blocks hold {counts} commands"
