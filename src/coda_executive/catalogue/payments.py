"""A payment moves exactly its amount and fee, once, and who proves it is paid for that.

A failure in "pay" is a payment that is lost or booked wrongly; in "replay", one that could be taken twice or
changed by somebody else; in "vesting", locked money that can be spent; in "first prover" and "second prover",
SNARK work that is not sold under the key or for the fee that was last set.
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
    SnarkCoordinatorFlags,
    SnarkCoordinators,
    Timing,
    TwoToThe,
    block_height_to_grow,
    command_to_be_included,
    integration_test,
    ledger_proofs_to_be_emitted,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
    sign_payment,
    snark_work_to_be_seen,
)

PROVER, OTHER_PROVER, PAYER, PAYEE, SPAMMER, VESTING = map(sample_keypair, range(3, 9))
OWNED = Balance.of_coda("100")
COIN, AMOUNT, FEE = Amount.of_coda("1"), Amount.of_coda("10"), Fee.of_coda("1")
PRICE, OTHER_PRICE = Fee.of_coda("0.0002"), Fee.of_coda("0.0001")
WORK_DELAY, CAPACITY_LOG_2 = 1, 2
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
LEDGER = sample_ledger([Balance.of_coda("1000000")] * 2 + [OWNED] * 4 + [Balance.of_coda("10000")])


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(count=2),
        snark_coordinators=SnarkCoordinators(
            count=1, workers_per_coordinator=1, flags=(SnarkCoordinatorFlags(snark_worker_fee=PRICE),)
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
        ledger=GenesisLedger(accounts=(*(LEDGER.accounts or ()), LOCKED)),
    ),
    log_policy=LogPolicy(expected=(ExpectedLog("Insufficient_funds", node="block-producer-1"),)),
    exercises=("conservation", "nonce-order"),
)
async def payments(dsl: Dsl) -> None:
    """Signed payments are included once, what is not covered is refused, and provers have their fees."""
    nodes = dsl.testnet.nodes
    first, second = (node.client for node in dsl.testnet.block_producers)
    coordinator = dsl.testnet.snark_coordinators[0].client
    payer, payee = str(PAYER.public), str(PAYEE.public)
    half_a_slot = dsl.facts.constants.slot_ms / 2000

    async def balance(key: str) -> Balance:
        account = await second.account(key)
        assert account is not None, f"the account {key} is gone"
        return account.total

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    with dsl.section("pay"):
        sent = await send_signed_payment(first, PAYER, payee, amount=AMOUNT, fee=FEE)
        for node in dsl.testnet.block_producers:
            await dsl.wait_for(command_to_be_included(sent, at=node))
        await dsl.wait_for(nodes_to_synchronize(nodes))
        paid, received = await balance(payer), await balance(payee)
        assert paid == OWNED - AMOUNT - FEE, f"the payer has {paid}"
        assert received == OWNED + AMOUNT, f"the payee has {received}"

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

    with dsl.section("first prover"):
        await first.send_test_payments([SPAMMER], payee, amount=COIN, fee=FEE, count=80, delay=half_a_slot)
        await dsl.wait_for(
            ledger_proofs_to_be_emitted(1, work_delay=WORK_DELAY, capacity_log_2=CAPACITY_LOG_2)
        )
        earned = await balance(str(PROVER.public))
        assert earned >= OWNED + PRICE, f"the prover has {earned}"

    with dsl.section("second prover"):
        previous = await coordinator.set_snark_work_fee(OTHER_PRICE)
        assert previous == PRICE, f"the fee was {previous}"
        await coordinator.set_snark_worker(str(OTHER_PROVER.public))
        await dsl.wait_for(snark_work_to_be_seen(prover=str(OTHER_PROVER.public), fee=OTHER_PRICE))
        await dsl.wait_for(
            ledger_proofs_to_be_emitted(2, work_delay=WORK_DELAY, capacity_log_2=CAPACITY_LOG_2)
        )
        # Work that the first one had on offer may be bought before it is the second one's turn.
        await dsl.wait_for(block_height_to_grow(4))
        earned = await balance(str(OTHER_PROVER.public))
        assert earned >= OWNED + OTHER_PRICE, f"the second prover has {earned}"
