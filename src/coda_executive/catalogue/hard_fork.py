"""A network that is forked off another one goes on where that one stopped.

Heights, slots since genesis and vesting go on; epochs begin anew, from ledgers and seeds of the fork's own. A
failure in "pay" or "ledger proof" is a fork that is no whole network; in "go on", numbers that start over; in
"stake", epochs that are drawn from the wrong ledger; in "vesting", money that the fork locks or frees; in
"replay", an archive that does not lead to the same ledger.
"""

from coda_executive import (
    Account,
    Amount,
    ArchiveNodes,
    Balance,
    BlockProducerFlags,
    BlockProducers,
    Dsl,
    EpochData,
    EpochLedger,
    Fee,
    Fork,
    GenesisLedger,
    GenesisSection,
    NetworkConfig,
    NumberText,
    ProofSection,
    RuntimeConfig,
    SnarkCoordinators,
    Timing,
    TwoToThe,
    archive_of,
    blocks_to_be_produced,
    chain_to_be_archived,
    command_to_be_included,
    epoch_to_be_reached,
    integration_test,
    ledger_proofs_to_be_emitted,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)

FORK = Fork(
    state_hash="3NK2tkzqqK5spR2sZ7tujjqPksL45M3UUrcA4WhCkeiPtnugyE2x",
    blockchain_length=300_000,
    global_slot_since_genesis=500_000,
)
EPOCH = 24
ONE, TWO = (str(sample_keypair(number).public) for number in (1, 2))
WHOLE = Balance.of_coda("1000000")
SEEDS = (  # 42 and 1729
    "2vaTg7GUXqqSB4hTC2RzmgJK2bC1ZDmv73t7YL8dGEJYRcbEi3BQ",
    "2vbcBoM44Am71SWBbT8z9g2c2MEtgxUU2dwSPGQqPnh9ehVfQGUQ",
)
PAYER, PAYEE = sample_keypair(4), str(sample_keypair(5).public)
LOCKED = Balance.of_coda("1000")


def stakes(one: Balance, two: Balance) -> tuple[Account, ...]:
    return (Account(pk=ONE, balance=one), Account(pk=TWO, balance=two))


def vesting(cliff: int, *, at_cliff: str, each_slot: str) -> Timing:
    """A thousand, of which some is free `cliff` slots after the fork, and some in each slot from then on."""
    return Timing(
        initial_minimum_balance=LOCKED,
        cliff_time=NumberText(FORK.global_slot_since_genesis + cliff),
        cliff_amount=Amount.of_coda(at_cliff),
        vesting_period=NumberText(1),
        vesting_increment=Amount.of_coda(each_slot),
    )


SCHEDULES = {
    str(sample_keypair(number).public): timing
    for number, timing in enumerate(
        (
            vesting(-2000, at_cliff="0", each_slot="1"),  # free before the fork
            vesting(-500, at_cliff="0", each_slot="1"),  # half free at the fork
            vesting(-10, at_cliff="600", each_slot="0"),  # a cliff just before it
            vesting(10, at_cliff="100", each_slot="2"),  # a cliff soon after it
            vesting(100_000, at_cliff="1000", each_slot="0"),  # a cliff long after it
        ),
        start=10,
    )
}
LEDGER = sample_ledger([WHOLE] * 2 + [Balance.of_coda("1000")] * 3)


@integration_test(
    network=NetworkConfig(
        block_producers=BlockProducers(
            count=2, flags=(BlockProducerFlags(), BlockProducerFlags(may_lack_stake=True))
        ),
        snark_coordinators=SnarkCoordinators(count=1, workers_per_coordinator=2),
        archive_nodes=ArchiveNodes(count=1),
    ),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=8, slots_per_epoch=EPOCH, slots_per_sub_window=1, grace_period_slots=6),
        proof=ProofSection(
            level="none",
            block_window_duration_ms=2000,
            sub_windows_per_window=4,
            work_delay=1,
            transaction_capacity=TwoToThe(2),
            fork=FORK,
        ),
        ledger=GenesisLedger(
            accounts=(
                *(LEDGER.accounts or ()),
                *(Account(pk=key, balance=LOCKED, timing=timing) for key, timing in SCHEDULES.items()),
            )
        ),
        # In the first epoch all stake is the first producer's, in the second the other's.
        epoch_data=EpochData(
            staking=EpochLedger(accounts=stakes(WHOLE, Balance(0)), seed=SEEDS[0]),
            next=EpochLedger(accounts=stakes(Balance(0), WHOLE), seed=SEEDS[1]),
        ),
    ),
    exercises=("common-prefix", "finality"),
)
async def hard_fork(dsl: Dsl) -> None:
    """A forked network numbers, stakes, vests, proves and archives as the fork's configuration says."""
    nodes, producers = dsl.testnet.nodes, dsl.testnet.block_producers
    client = producers[0].client

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(nodes))

    async with dsl.payments([PAYER], PAYEE, per_slot=2):
        with dsl.section("pay"):
            sent = await send_signed_payment(
                client, sample_keypair(5), PAYEE, amount=Amount(1), fee=Fee.of_coda("1")
            )
            await dsl.wait_for(command_to_be_included(sent))

        with dsl.section("ledger proof"):
            await dsl.wait_for(ledger_proofs_to_be_emitted(1, work_delay=1, capacity_log_2=2))

    with dsl.section("go on"):
        blocks = (await client.best_chain())[1:]
        early = [
            block
            for block in blocks
            if block.height <= FORK.blockchain_length or block.global_slot < FORK.global_slot_since_genesis
        ]
        assert not early, f"blocks that start over: {early}"

    with dsl.section("stake"):
        in_first = {block.creator for block in blocks}
        assert in_first == {ONE}, f"the first epoch has blocks of {in_first}"
        await dsl.wait_for(epoch_to_be_reached(1))
        await dsl.wait_for(blocks_to_be_produced(2), since=dsl.cursor())
        in_second = (await client.best_chain(1))[-1].creator
        assert in_second == TWO, f"the second epoch has a block of {in_second}"

    with dsl.section("vesting"):
        for producer in producers:
            await producer.stop()  # so that all answers are of one moment
        rest = [node for node in nodes if node not in producers]
        await dsl.wait_for(nodes_to_synchronize(rest))
        tip = (await rest[0].client.best_chain(1))[-1]
        for key, timing in SCHEDULES.items():
            account = await rest[0].client.account(key)
            assert account is not None, f"the account {key} is gone"
            past = tip.global_slot - timing.cliff_time
            vested = timing.cliff_amount + past * timing.vesting_increment if past >= 0 else 0
            locked = max(0, LOCKED - vested)
            assert account.locked == locked, f"locked is {account.locked}, not {locked}: {key}"

    with dsl.section("replay"):
        (node,) = dsl.testnet.archive_nodes
        await dsl.wait_for(chain_to_be_archived(tip.state_hash, node))
        replay = await archive_of(node).replay(tip.state_hash)
        assert replay.problem is None, f"the replay does not add up: {replay.problem}"
