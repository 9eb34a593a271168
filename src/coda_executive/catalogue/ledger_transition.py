"""While people go on paying, a ledger proof commits the ledger: the third example of the test language.

(The script of the proposal forks the network there; what a fork goes on from is in `hard_fork`.) A failure in
"transition" is SNARK work that does not keep up with them; in "agree", a payment that never arrives, or nodes
that do not have the same ledger after it.
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
    SnarkCoordinators,
    Span,
    TwoToThe,
    chains_to_agree,
    integration_test,
    ledger_proofs_to_be_emitted,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
)

PAYER, PAYEE = sample_keypair(6), sample_keypair(7)
OWNED, AMOUNT = Balance.of_coda("1000"), Amount.of_coda("1")
EPOCH = 24


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(count=3),
        snark_coordinators=SnarkCoordinators(count=2, workers_per_coordinator=1),
    ),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=8, slots_per_epoch=EPOCH, slots_per_sub_window=1, grace_period_slots=6),
        proof=ProofSection(
            level="none",
            block_window_duration_ms=2000,
            sub_windows_per_window=4,
            work_delay=1,
            transaction_capacity=TwoToThe(2),
        ),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3 + [OWNED] * 4),
    ),
    exercises=("conservation", "nonce-order"),
)
async def ledger_transition(dsl: Dsl) -> None:
    """Two coordinators have a ledger proof out within six epochs, while payments are made and all arrive."""
    nodes = dsl.testnet.nodes
    client = dsl.testnet.block_producers[0].client
    payee = str(PAYEE.public)

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    async with dsl.payments([PAYER], payee, per_slot=1, amount=AMOUNT) as load:
        with dsl.section("transition", hard=True):
            proof = ledger_proofs_to_be_emitted(1, work_delay=1, capacity_log_2=2)
            await dsl.wait_for(proof.within(Span(slots=6 * EPOCH)))
            dsl.collect("ledger proof after", dsl.state.best_height, "blocks")

    with dsl.section("agree"):
        await dsl.wait_for(load.to_be_settled())
        await dsl.wait_for(nodes_to_synchronize(nodes))
        await dsl.wait_for(chains_to_agree(nodes))
        ledgers = {(await node.client.block_contents(1))[-1].snarked_ledger for node in nodes}
        assert len(ledgers) == 1, f"the nodes name different snarked ledgers: {sorted(ledgers)}"
        paid = await client.account(payee)
        assert paid is not None, "the payee's account is gone"
        assert paid.total == OWNED + load.account.included * AMOUNT, (
            f"the payee has {paid.total} after {load.account}"
        )
