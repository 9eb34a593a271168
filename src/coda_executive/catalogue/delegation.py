"""Stake can be delegated, and only to an account that exists.

A failure in "delegate" is a delegation that is lost or not booked; in "unknown delegate" or "… again", one that
changes an account although it failed; in "new account", stake that is nobody's.
"""

from typing import Literal

from coda_executive import (
    Amount,
    Balance,
    BlockProducers,
    Dsl,
    Fee,
    GenesisSection,
    Keypair,
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
    send_signed_payment,
)

AMOUNT, FEE = Amount.of_coda("10"), Fee.of_coda("1")


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
    exercises=("nonce-order",),
)
async def delegation(dsl: Dsl) -> None:
    """The second producer delegates to the first; a delegation to nobody fails and changes nothing."""
    first, second = dsl.testnet.block_producers
    client = first.client
    delegator, delegate, newcomer, nobody = map(sample_keypair, (2, 1, 8, 9))

    async def delegate_of(owner: Keypair) -> str | None:
        await dsl.wait_for(nodes_to_synchronize([first, second]))
        account = await client.account(str(owner.public))
        assert account is not None, f"the account {owner.public} is gone"
        return account.delegate

    async def delegation_to(receiver: Keypair, status: Literal["Applied", "Failed"]) -> str | None:
        """The delegate after the delegator has delegated to the receiver, with this status."""
        sent = await send_signed_delegation(client, delegator, str(receiver.public), fee=FEE)
        await dsl.wait_for(command_to_be_included(sent, status=status, at=first))
        return await delegate_of(delegator)

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))

    with dsl.section("unknown delegate"):
        found = await delegation_to(nobody, "Failed")
        assert found == str(delegator.public), f"the delegate is {found}"

    with dsl.section("delegate"):
        found = await delegation_to(delegate, "Applied")
        assert found == str(delegate.public), f"the delegate is {found}"

    with dsl.section("unknown delegate again"):
        found = await delegation_to(nobody, "Failed")
        assert found == str(delegate.public), f"the delegate is {found}"

    with dsl.section("new account"):
        paid = await send_signed_payment(client, delegator, str(newcomer.public), amount=AMOUNT, fee=FEE)
        await dsl.wait_for(command_to_be_included(paid, at=first))
        found = await delegate_of(newcomer)
        assert found == str(newcomer.public), f"the delegate is {found}"
