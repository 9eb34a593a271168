"""SNARK work is made, bought at its price, and ends in a ledger proof.

A failure in "ledger proof" is work that is not made, not offered, or not taken; in "price", work that is paid
wrongly or to somebody else.
"""

from coda_executive import (
    Balance,
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
    ledger_proofs_to_be_emitted,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
)

PRICE = Fee.of_coda("0.025")
COORDINATOR, PAYER, PAYEE = 3, 4, 5  # of the sample keys
OWNED = Balance.of_coda("1000")
WORK_DELAY, CAPACITY_LOG_2 = 1, 2


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(count=2),
        snark_coordinators=SnarkCoordinators(
            count=1, workers_per_coordinator=2, flags=(SnarkCoordinatorFlags(snark_worker_fee=PRICE),)
        ),
    ),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=24, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(
            level="none",
            block_window_duration_ms=2000,
            work_delay=WORK_DELAY,
            transaction_capacity=TwoToThe(CAPACITY_LOG_2),
        ),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2 + [OWNED] * 3),
    ),
    exercises=("conservation", "nonce-order"),
)
async def snark(dsl: Dsl) -> None:
    """Payments fill blocks until a ledger proof comes out, and the coordinator has its fee for each piece of work."""
    seed = dsl.testnet.seeds[0]

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))

    with dsl.section("ledger proof", hard=True):
        async with dsl.payments([sample_keypair(PAYER)], str(sample_keypair(PAYEE).public), per_slot=3):
            await dsl.wait_for(
                ledger_proofs_to_be_emitted(1, work_delay=WORK_DELAY, capacity_log_2=CAPACITY_LOG_2)
            )
            await dsl.wait_for(
                block_height_to_grow(2)
            )  # the first may be the one with the proof, or its twin

    with dsl.section("price"):
        for producer in dsl.testnet.block_producers:
            await producer.stop()  # so that all answers are of one moment
        await dsl.wait_for(nodes_to_synchronize([seed, *dsl.testnet.snark_coordinators]))
        blocks = await seed.client.block_contents()
        account = await seed.client.account(str(sample_keypair(COORDINATOR).public))
        bought = sum(block.works for block in blocks)
        assert blocks[-1].snarked_ledger != blocks[0].snarked_ledger, "the proof proves nothing new"
        assert account is not None, "the coordinator's account is gone"
        assert account.total == OWNED + bought * PRICE, (
            f"the coordinator has {account.total} for {bought} works"
        )
