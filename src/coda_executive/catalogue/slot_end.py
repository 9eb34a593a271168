"""Before a hard fork a network stops: first no block has transactions, then there are no blocks.

A failure in "with transactions" or "without transactions" is a stop too early or too late for money; in
"without blocks", a producer that goes on, or nodes that take its blocks; in "empty blocks", money that moves or
is minted after the end.
"""

from coda_executive import (
    Amount,
    Balance,
    BlockProducers,
    DaemonSection,
    Dsl,
    ExpectedLog,
    Fee,
    GenesisSection,
    LogPolicy,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    SnarkCoordinators,
    Span,
    command_to_be_included,
    integration_test,
    never_during,
    nodes_to_initialize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
    slot_to_be_reached,
)

TRANSACTIONS_END, CHAIN_END = 12, 24


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(count=2),
        # Without SNARK work a full network's blocks are empty long before the end.
        snark_coordinators=SnarkCoordinators(count=1, workers_per_coordinator=1),
    ),
    runtime=RuntimeConfig(
        daemon=DaemonSection(slot_tx_end=TRANSACTIONS_END, slot_chain_end=CHAIN_END),
        genesis=GenesisSection(k=24, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3),
    ),
    log_policy=LogPolicy(expected=(ExpectedLog("After_slot_tx_end"),)),
)
async def slot_end(dsl: Dsl) -> None:
    """Payments are included until slot 12 and refused from then on; from slot 24 on no block is made."""
    client = dsl.testnet.block_producers[0].client
    sender, other, receiver = sample_keypair(1), sample_keypair(2), str(sample_keypair(2).public)
    amount, fee = Amount.of_coda("10"), Fee.of_coda("0.1")

    with dsl.section("with transactions", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        # Twice a slot, until some slots after the end.
        half_a_slot = dsl.facts.constants.slot_ms / 2000
        await client.send_test_payments(
            [sender], receiver, amount=amount, fee=fee, count=2 * (TRANSACTIONS_END + 5), delay=half_a_slot
        )
        sent = await send_signed_payment(client, other, receiver, amount=amount, fee=fee)
        await dsl.wait_for(command_to_be_included(sent))

    with dsl.section("without transactions"):
        await dsl.wait_for(slot_to_be_reached(TRANSACTIONS_END))
        with dsl.refusal("After_slot_tx_end"):
            await send_signed_payment(client, other, receiver, amount=amount, fee=fee)

    with dsl.section("without blocks"):
        # Six slots or more after the end: at three of four slots filled, one that should not be would come.
        await dsl.wait_for(
            never_during(Span(slots=CHAIN_END - TRANSACTIONS_END + 6), slot_to_be_reached(CHAIN_END))
        )

    with dsl.section("empty blocks"):
        blocks = [block for block in await client.block_contents() if block.height > 1]
        early = [block for block in blocks if block.global_slot < TRANSACTIONS_END]
        late = [block for block in blocks if block.global_slot >= TRANSACTIONS_END]
        assert any(block.commands for block in early), "no block before the end has a transaction"
        assert late, "there is no block between the two ends"
        full = [block for block in late if block.commands or block.works or block.coinbase]
        assert not full, f"blocks after the end of transactions are not empty: {full}"
