"""A network that was split in two halves by blacklists is one network again: the second example of the language.

The halves ban each other (daemon contract D.5) and the seed that knows them all is gone. A failure in "split"
is a ban that is not kept, or a half that does not go on without the other; in "rejoin", peers that do not find
each other again, or chain selection beyond the last common checkpoint.
"""

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    Kill,
    Killable,
    NetworkConfig,
    Node,
    ProofSection,
    RuntimeConfig,
    all_of,
    block_height_to_grow,
    chains_to_agree,
    integration_test,
    nodes_to_initialize,
    nodes_to_synchronize,
    peers_to_be_connected,
    sample_ledger,
)

HALF = 2


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2 * HALF)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=2000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2 * HALF),
    ),
    needs=(Killable,),
)
async def partition_rejoin(dsl: Dsl) -> None:
    """Two halves that banned each other go two ways, and one way again once the bans are lifted."""
    producers = dsl.testnet.block_producers
    one, other = producers[:HALF], producers[HALF:]
    k, delta = dsl.facts.constants.k, dsl.facts.constants.delta

    with dsl.section("initialise", hard=True):
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await dsl.wait_for(all_of(block_height_to_grow(2), peers_to_be_connected(producers)))

    async with dsl.nemesis.applied(Kill(dsl.testnet.seeds[0].id)):
        with dsl.section("split", hard=True):
            await ban(one, other)
            await ban(other, one)
            # Fewer than k blocks: a fork of more is final on both sides (see long_partition).
            await dsl.wait_for(block_height_to_grow(k // 2), since=dsl.cursor())
            for half in (one, other):
                await dsl.wait_for(nodes_to_synchronize(half))
                for node in half:
                    peers = {peer.peer_id for peer in await node.client.peers()}
                    inside = {(await each.client.own_peer()).peer_id for each in half if each is not node}
                    assert peers == inside, f"{node.id} has the peers {sorted(peers)}, expected {inside}"
            tips = {dsl.state.node(half[0].id).best_tip for half in (one, other)}
            assert len(tips) == 2, "the halves have one best tip, although they do not talk"

        with dsl.section("rejoin"):
            for node in producers:
                await node.client.gate()
            k_blocks = block_height_to_grow(k).limits(dsl.state, dsl.facts)
            agree = chains_to_agree(producers, within=delta + 1)
            await dsl.wait_for(agree.within(k_blocks.hard, soft=k_blocks.soft))
            await dsl.wait_for(peers_to_be_connected(producers))


async def ban(nodes: tuple[Node, ...], others: tuple[Node, ...]) -> None:
    """Have these nodes refuse to talk with the others."""
    banned = [await other.client.own_peer() for other in others]
    for node in nodes:
        await node.client.gate(banned=banned)
