"""What is proven in an epoch is staked two epochs later, and a node that slept through both has it too.

Also the "long bootstrap": more than two epochs, each with a ledger proof. A failure in "proof" is SNARK work; in
"next epoch" or "staking epoch", epoch ledgers that do not follow the snarked ledger (daemon contract I.2); in
"long bootstrap", a node that cannot get epoch ledgers that it never saw being made.
"""

from coda_executive import (
    Balance,
    BlockContents,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    SnarkCoordinators,
    TwoToThe,
    block_height_to_grow,
    epoch_to_be_reached,
    frontier_to_be_loaded,
    integration_test,
    ledger_proofs_to_be_emitted,
    nodes_to_initialize,
    nodes_to_synchronize,
    peers_to_be_connected,
    sample_keypair,
    sample_ledger,
)

WORK_DELAY, CAPACITY_LOG_2 = 1, 2
SPAMMER, PAYEE = sample_keypair(5), str(sample_keypair(6).public)


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(count=3),
        snark_coordinators=SnarkCoordinators(count=1, workers_per_coordinator=1),
    ),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=2, slots_per_epoch=24, slots_per_sub_window=1, grace_period_slots=6),
        proof=ProofSection(
            level="none",
            block_window_duration_ms=2000,
            sub_windows_per_window=4,
            work_delay=WORK_DELAY,
            transaction_capacity=TwoToThe(CAPACITY_LOG_2),
        ),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2 + [Balance.of_coda("1000")] * 4),
    ),
    exercises=("common-prefix", "finality", "conservation", "nonce-order"),
)
async def epoch_ledger(dsl: Dsl) -> None:
    """The snarked ledger of epoch 0 is the next one of epoch 1 and the staking one of epoch 2."""
    nodes = dsl.testnet.nodes
    awake, _, sleeper = dsl.testnet.block_producers

    async def tip() -> BlockContents:
        return (await awake.client.block_contents(1))[-1]

    with dsl.section("proof", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))
        genesis = await tip()
        async with dsl.payments([SPAMMER], PAYEE, per_slot=2):
            await dsl.wait_for(
                ledger_proofs_to_be_emitted(1, work_delay=WORK_DELAY, capacity_log_2=CAPACITY_LOG_2)
            )
        await sleeper.stop()

    with dsl.section("next epoch", hard=True):
        await dsl.wait_for(epoch_to_be_reached(1))
        await dsl.wait_for(block_height_to_grow(1), since=dsl.cursor())
        in_first = await tip()
        assert in_first.next_ledger != genesis.next_ledger, "the next epoch is drawn from the genesis ledger"
        assert in_first.staking_ledger == genesis.staking_ledger, "stake moved an epoch too early"

    with dsl.section("staking epoch", hard=True):
        await dsl.wait_for(epoch_to_be_reached(2))
        await dsl.wait_for(block_height_to_grow(1), since=dsl.cursor())
        in_second = await tip()
        assert in_second.staking_ledger == in_first.next_ledger, "this epoch is drawn from another ledger"

    with dsl.section("long bootstrap"):
        await sleeper.start(fresh_state=True)
        await dsl.wait_for(frontier_to_be_loaded(sleeper, origin="bootstrap"))
        await dsl.wait_for(nodes_to_synchronize(nodes))
        await dsl.wait_for(peers_to_be_connected(nodes))
