"""A payment moves exactly its amount and fee, once.

A failure in "pay" is a payment that is lost or booked wrongly; in "replay", one that could be taken twice or
changed by somebody else; in "vesting", locked money that can be spent.
"""

from coda_executive import (
    Account,
    Amount,
    Balance,
    BlockProducers,
    Dsl,
    ExpectedLog,
    Fee,
    GenesisLedger,
    GenesisSection,
    LogPolicy,
    NetworkConfig,
    NumberText,
    ProofSection,
    RuntimeConfig,
    Timing,
    command_to_be_included,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
    sign_payment,
)

PAYER, PAYEE, VESTING = sample_keypair(3), sample_keypair(4), sample_keypair(5)
COIN = Amount.of_coda("1")
AMOUNT, FEE = Amount.of_coda("10"), Fee.of_coda("1")
# 30,000 of which 10,000 are locked until slot 100,000.
LOCKED = Account(
    pk=str(VESTING.public),
    balance=Balance.of_coda("30000"),
    timing=Timing(
        initial_minimum_balance=Balance.of_coda("10000"),
        cliff_time=NumberText(100_000),
        cliff_amount=Amount.of_coda("0"),
        vesting_period=NumberText(4),
        vesting_increment=Amount.of_coda("5000"),
    ),
)
LEDGER = sample_ledger([Balance.of_coda("1000000")] * 2 + [Balance.of_coda("100")] * 2)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=GenesisLedger(accounts=(*(LEDGER.accounts or ()), LOCKED)),
    ),
    log_policy=LogPolicy(expected=(ExpectedLog("Insufficient_funds", node="block-producer-1"),)),
)
async def payments(dsl: Dsl) -> None:
    """Signed payments are included once, and what the ledger or the signature does not cover is refused."""
    nodes = dsl.testnet.nodes
    first, second = (node.client for node in dsl.testnet.block_producers)
    payer, payee = str(PAYER.public), str(PAYEE.public)

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    with dsl.section("pay"):
        sent = await send_signed_payment(first, PAYER, payee, amount=AMOUNT, fee=FEE)
        for node in dsl.testnet.block_producers:
            await dsl.wait_for(command_to_be_included(sent, at=node))
        await dsl.wait_for(nodes_to_synchronize(nodes))
        paid, received = await second.account(payer), await second.account(payee)
        assert paid is not None
        assert received is not None
        assert paid.total == Balance.of_coda("89"), f"the payer has {paid.total}"
        assert received.total == Balance.of_coda("110"), f"the payee has {received.total}"

    with dsl.section("replay"):
        signature = sign_payment(PAYER, payee, amount=AMOUNT, fee=FEE, nonce=0)
        for client, nonce, reason in ((first, 0, "nonce"), (second, 1, "signature")):
            with dsl.refusal(reason):
                await client.send_payment(
                    payer, payee, amount=AMOUNT, fee=FEE, nonce=nonce, signature=signature
                )

    with dsl.section("vesting"):
        liquid = await send_signed_payment(first, VESTING, payee, amount=Amount(1000 * COIN), fee=FEE)
        await dsl.wait_for(command_to_be_included(liquid))
        with dsl.refusal("insufficient"):
            await send_signed_payment(first, VESTING, payee, amount=Amount(25_000 * COIN), fee=FEE)
