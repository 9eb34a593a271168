"""Before a hard fork a network stops: first no block has transactions, then there are no blocks.

A failure in "with transactions" or "without transactions" is a stop too early or too late for money; in
"without blocks", a producer that goes on, or nodes that take its blocks.
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
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        daemon=DaemonSection(slot_tx_end=TRANSACTIONS_END, slot_chain_end=CHAIN_END),
        genesis=GenesisSection(k=24, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
    log_policy=LogPolicy(expected=(ExpectedLog("After_slot_tx_end"),)),
)
async def slot_end(dsl: Dsl) -> None:
    """Payments are included until slot 12 and refused from then on; from slot 24 on no block is made."""
    client = dsl.testnet.block_producers[0].client
    sender, receiver = sample_keypair(1), str(sample_keypair(2).public)
    amount, fee = Amount.of_coda("10"), Fee.of_coda("0.1")

    with dsl.section("with transactions", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        sent = await send_signed_payment(client, sender, receiver, amount=amount, fee=fee)
        await dsl.wait_for(command_to_be_included(sent))

    with dsl.section("without transactions"):
        await dsl.wait_for(slot_to_be_reached(TRANSACTIONS_END))
        with dsl.refusal("After_slot_tx_end"):
            await send_signed_payment(client, sender, receiver, amount=amount, fee=fee)

    with dsl.section("without blocks"):
        # Six slots or more after the end: at three of four slots filled, one that should not be would come.
        await dsl.wait_for(
            never_during(Span(slots=CHAIN_END - TRANSACTIONS_END + 6), slot_to_be_reached(CHAIN_END))
        )
