"""An archive holds what the network did: every block once, commands with their fate, and no silent holes.

A failure in "archived" is a block or command that whoever reads the archive would never see, or see wrongly; in
"hole", a gap that nobody is told of; in "filled", one that stays for ever; in "replay", rows that do not add up to the
ledgers of the chain.
"""

from coda_executive import (
    Amount,
    ArchiveNodes,
    Balance,
    BlockProducers,
    Dsl,
    Fee,
    GenesisSection,
    NetworkConfig,
    NodeSettings,
    ProofSection,
    Role,
    RuntimeConfig,
    archive_of,
    block_height_to_grow,
    blocks_to_be_produced,
    chain_to_be_archived,
    command_to_be_included,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)

COINBASE = Amount.of_coda("720")
FEE = Fee.of_coda("1")
PAYER, PAYEE, NOBODY = sample_keypair(3), sample_keypair(4), sample_keypair(9)


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2), archive_nodes=ArchiveNodes(count=1)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=24, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000, coinbase_amount=COINBASE),
        ledger=sample_ledger([Balance.of_coda("100000")] * 4),
    ),
    exercises=("conservation", "nonce-order"),
)
async def archive_node(dsl: Dsl) -> None:
    """Rows agree with the best chain, and what an archive missed while it was down another daemon brings."""
    (node,) = dsl.testnet.archive_nodes
    archive, client = archive_of(node), node.client

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))

    with dsl.section("archived"):
        paid = await send_signed_payment(
            client, PAYER, str(PAYEE.public), amount=Amount.of_coda("5"), fee=FEE
        )
        small = await send_signed_payment(
            client, PAYER, str(NOBODY.public), amount=Amount(1), fee=FEE, nonce=1
        )
        await dsl.wait_for(command_to_be_included(paid, at=node))
        await dsl.wait_for(command_to_be_included(small, at=node, status="Failed"))
        await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
        chain = await client.best_chain()
        archived = await dsl.wait_for(chain_to_be_archived(chain[-1].state_hash, node))
        told = [(block.state_hash, block.height, block.global_slot) for block in archived]
        assert told == [(block.state_hash, block.height, block.global_slot) for block in chain], (
            f"archived is {told}"
        )
        assert archived[0].chain_status == "canonical", f"genesis is {archived[0].chain_status}"

        commands = [*await archive.command(paid.hash), *await archive.command(small.hash)]
        made = [block.state_hash for block in chain if block.height > 1]
        fates = [(command.amount, command.failure) for command in commands if command.block in made]
        expected = [(Amount.of_coda("5"), None), (Amount(1), "Amount_insufficient_to_create_account")]
        assert fates == expected, f"the archive tells of the commands {fates}"
        coinbases = await archive.coinbases(within=made)
        assert sum(coinbases.values()) == COINBASE * len(made), (
            f"the archive tells of the coinbases {coinbases}"
        )

    with dsl.section("hole"):
        await archive.stop()
        # A daemon tries for about a slot before it gives a block up: the height must grow for longer than that.
        await dsl.wait_for(block_height_to_grow(3), since=dsl.cursor())
        await archive.start()
        await dsl.wait_for(blocks_to_be_produced(2), since=dsl.cursor())
        await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
        assert await archive.missing_blocks(), "the archive was down, and misses nothing"

    with dsl.section("filled"):
        feeding = NodeSettings(arguments=("-archive-address", archive.address))
        other = await dsl.spawn(Role.PLAIN, feeding)
        await dsl.wait_for(nodes_to_synchronize([node, other]))
        tip = (await other.client.best_chain(1))[-1]
        await dsl.wait_for(chain_to_be_archived(tip.state_hash, node))
        await dsl.destroy(other)

    with dsl.section("replay"):
        replay = await archive.replay(tip.state_hash)
        assert replay.problem is None, f"the replay does not add up: {replay.problem}"
        assert (replay.blocks, replay.user_commands) == (tip.height - 1, 2), f"the replay had {replay}"
