"""Stake can be delegated, and only to an account that exists.

A failure in "delegate" is a delegation that is lost or not booked; in "unknown delegate", one that changes an
account although it failed.
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
    command_to_be_included,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_delegation,
)

FEE = Fee.of_coda("1")


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
)
async def delegation(dsl: Dsl) -> None:
    """The second producer delegates to the first; a delegation to nobody changes nothing."""
    nodes = dsl.testnet.nodes
    delegator, delegate = sample_keypair(2), str(sample_keypair(1).public)
    client = dsl.testnet.block_producers[0].client

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    with dsl.section("delegate"):
        sent = await send_signed_delegation(client, delegator, delegate, fee=FEE)
        await dsl.wait_for(command_to_be_included(sent, at=dsl.testnet.block_producers[0]))
        await dsl.wait_for(nodes_to_synchronize(nodes))
        account = await client.account(str(delegator.public))
        assert account is not None
        assert account.delegate == delegate, f"the delegate is {account.delegate}"

    with dsl.section("unknown delegate"):
        nobody = str(sample_keypair(9).public)
        sent = await send_signed_delegation(client, delegator, nobody, fee=FEE)
        await dsl.wait_for(command_to_be_included(sent, status="Failed", at=dsl.testnet.block_producers[0]))
        await dsl.wait_for(nodes_to_synchronize(nodes))
        account = await client.account(str(delegator.public))
        assert account is not None
        assert account.delegate == delegate, f"the delegate is {account.delegate}"
