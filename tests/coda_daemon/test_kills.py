"""Nodes that are killed again and again at random moments, in virtual time."""

import asyncio
from collections import Counter
from random import Random

import pytest
from tests.coda_daemon.chain_testbed import SLOT_MS, Site, World, genesis_of, make_config, tips

from coda_executive.interfaces.capabilities import DiskFault
from coda_protocol.hashes import StateHash
from coda_protocol.structured_events import BLOCK_PRODUCED


def hold_out(kills: int, seed: int) -> None:
    """Three producers, of which random ones lose power at random moments, with a part of what was not synced."""
    random = Random(seed)
    world = World(genesis_of(make_config(1000, 1000, 1000, k=10, slots_per_epoch=90_000)))
    sites = [world.site("seed", is_seed=True), *(world.site(f"producer {n}", producer=n) for n in (1, 2, 3))]
    slots: Counter[tuple[str, int]] = Counter()
    complaints: list[str] = []

    def bury(site: Site) -> tuple[str, int] | None:
        """Note what it made in the life that ends, and what it complained of; its last block, with the height."""
        last = None
        complaints.extend(site.log.complaints())
        for record in site.log.records:
            if record.event_id == BLOCK_PRODUCED.id:
                transition = record.metadata["breadcrumb"]["validated_transition"]
                consensus = transition["data"]["protocol_state"]["body"]["consensus_state"]
                slot = int(consensus["curr_global_slot_since_hard_fork"]["slot_number"])
                slots[consensus["block_creator"], slot] += 1
                last = transition["hash"]["state_hash"], int(consensus["blockchain_length"])
        return last

    async def body() -> None:
        for site in sites:
            site.start()
            site._machine.disk.fault = DiskFault(is_torn=True)
        await world.until_slot(3)
        for _ in range(kills):
            await asyncio.sleep(random.random() * 2 * SLOT_MS / 1000)
            site = random.choice(sites)
            site._machine.disk.lose_unsynced(random)
            await site.kill()
            last = bury(site)
            await asyncio.sleep(random.random() * SLOT_MS / 1000)
            site.start()
            async with asyncio.timeout(30):
                while (frontier := site.node.frontier) is None:
                    await asyncio.sleep(0.05)
            if last is not None:
                state_hash, height = last
                assert StateHash(state_hash) in frontier or height <= frontier.root.block.blockchain_length
        for site in sites:
            bury(site)
            site.log.records.clear()
        await asyncio.sleep(20 * SLOT_MS / 1000)
        assert len(tips(sites)) == 1
        assert all(count == 1 for count in slots.values()), slots.most_common(3)
        assert len(slots) > kills / 3
        assert not complaints

    world.run(body)


@pytest.mark.parametrize("seed", [1, 2])
def test_network_outlives_kills_at_random_moments(seed: int) -> None:
    """Nothing is lost that matters, no slot gets a second block, and all agree at the end."""
    hold_out(20, seed)


@pytest.mark.long
def test_network_outlives_five_hundred_kills() -> None:
    hold_out(500, 3)
