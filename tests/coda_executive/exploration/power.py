"""The network that planted defects are searched on: three producers, and one payment after another."""

import asyncio
import contextlib

from coda_executive import (
    Amount,
    Balance,
    BlockProducers,
    Dsl,
    Fee,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RequestFailed,
    RuntimeConfig,
    block_height_to_grow,
    integration_test,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)

PAYER, PAYEE = sample_keypair(4), sample_keypair(5)


async def payments(dsl: Dsl) -> None:
    """Every three slots a payment, to whichever producer takes it."""
    slot = dsl.facts.constants.slot_ms / 1000
    while True:
        for node in dsl.testnet.block_producers:
            await asyncio.sleep(3 * slot)
            with contextlib.suppress(RequestFailed):
                await send_signed_payment(
                    node.client, PAYER, str(PAYEE.public), amount=Amount.of_coda("2"), fee=Fee.of_coda("1")
                )


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=3)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 3 + [Balance.of_coda("100000")] * 2),
    ),
    traffic=payments,
)
async def busy(dsl: Dsl) -> None:
    """The chain grows by k blocks, and all nodes follow it."""
    await dsl.wait_for(block_height_to_grow(dsl.facts.constants.k), since=dsl.cursor())
    await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
