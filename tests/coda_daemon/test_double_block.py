"""No second block for a slot, whatever happened to the frontier in between."""

import asyncio

import msgspec
from tests.coda_daemon.chain_testbed import World, genesis_of, key, make_config
from tests.coda_daemon.node_worlds import assert_no_complaints, in_world

from coda_daemon.consensus.lottery import vrf_output, wins
from coda_daemon.genesis import Genesis
from coda_daemon.node import BLOCK_TOPIC
from coda_protocol.hashes import LedgerHash
from coda_protocol.slots import GlobalSlot
from coda_protocol.structured_events import BLOCK_PRODUCED, BOOTSTRAP_COMPLETE


def genesis() -> Genesis:
    config = make_config(1000, 150, k=2)
    assert config.genesis is not None
    section = msgspec.structs.replace(config.genesis, delta=1)
    return genesis_of(msgspec.structs.replace(config, genesis=section))


def won_by(network: Genesis, producer: int) -> set[int]:
    """Its slots in the first epoch."""
    data = network.block.consensus_state.staking_epoch_data
    (staker,) = network.rules.stakes[LedgerHash(data.ledger_hash)].stakers_of(key(producer))
    return {
        slot
        for slot in range(1, 60)
        if wins(vrf_output(data.seed, GlobalSlot(slot), staker.public_key), staker)
    }


def test_node_that_bootstraps_in_a_slot_in_which_it_has_produced_does_not_produce_again() -> None:
    """It wins the slot on its new chain too; a second block for it would look like an attack."""
    world = World(genesis())
    others, loner = world.site("others", is_seed=True, producer=1), world.site("loner", producer=2)
    theirs, ours = won_by(world.genesis, 1), won_by(world.genesis, 2)
    slot = min(slot for slot in ours - theirs if slot - 1 in theirs and slot > 20)

    @in_world(world)
    async def body() -> None:
        others.start()
        loner.start()
        loner.node._take_in = lambda *_, **__: False  # type: ignore[method-assign]  # it hears of no other blocks
        await world.until_slot(slot)
        before = loner.node.best_tip
        tip = others.node.best_tip
        assert before is not None
        assert tip is not None
        assert (before.global_slot, tip.global_slot) == (slot, slot - 1)

        del loner.node._take_in
        loner.node.receive(others.peer, BLOCK_TOPIC, tip.encoded)
        await asyncio.sleep(0.9)
        assert loner.node.slot_now == slot
        assert loner.log.events(BOOTSTRAP_COMPLETE)
        assert loner.node.block(before.state_hash) is None, "its chain is gone"
        await world.until_slot(slot + 3)

        made = [record for record in loner.log.records if record.event_id == BLOCK_PRODUCED.id]
        slots = [
            int(
                record.metadata["breadcrumb"]["validated_transition"]["data"]["protocol_state"]["body"][
                    "consensus_state"
                ]["curr_global_slot_since_hard_fork"]["slot_number"]
            )
            for record in made
        ]
        assert slot in slots
        assert len(slots) == len(set(slots)), slots
        assert_no_complaints([others, loner])
