"""Whole nodes: agreement, starts, bootstraps, status, ends."""

import asyncio
import errno
from typing import Any

import pytest
from tests.coda_daemon.chain_testbed import (
    GENESIS_MS,
    SLOT_MS,
    World,
    genesis_of,
    key,
    make_config,
    tips,
)
from tests.coda_daemon.node_worlds import START, STATUS, assert_no_complaints, in_world, network, status

from coda_daemon.block_producer import Producer
from coda_daemon.node import NodeOptions
from coda_daemon.profile import mainnet
from coda_daemon.sync_status import SyncStatus
from coda_protocol import structured_events as events
from coda_protocol.structured_events import BY_ID, Level


def test_nodes_agree_and_are_synced() -> None:
    world, sites = network()

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(30)

        assert len(tips(sites)) == 1
        assert {site.node.sync_status for site in sites} == {SyncStatus.SYNCED}
        tip = sites[0].node.best_tip
        assert tip is not None
        assert tip.blockchain_length > 15
        assert_no_complaints(sites)


def test_root_follows_at_depth_k_and_state_stays_bounded() -> None:
    """Whatever the length of the run: frontier and disk hold what k says."""
    world, sites = network(k=4)

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(250)

        for site in sites:
            frontier = site.node.frontier
            assert frontier is not None
            depth = frontier.best_tip.block.blockchain_length - frontier.root.block.blockchain_length
            assert depth == 4
            assert len(frontier) < 20
            assert len(frontier.history) == 9
        assert len(tips(sites)) == 1
        assert_no_complaints(sites)


def test_nothing_is_produced_in_slot_0_and_blocks_are_made_as_their_slot_begins() -> None:
    world, sites = network()

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(20)

        made = [
            (record.time_ns, record.metadata["breadcrumb"]["validated_transition"]["data"]["protocol_state"])
            for site in sites
            for record in site.log.records
            if record.event_id == events.BLOCK_PRODUCED.id
        ]
        assert made
        for time_ns, state in made:
            slot = int(state["body"]["consensus_state"]["global_slot_since_genesis"])
            assert slot >= 1
            assert time_ns == (GENESIS_MS + slot * SLOT_MS) * 1_000_000
            assert state["body"]["blockchain_state"]["timestamp"] == str(GENESIS_MS + slot * SLOT_MS)


def test_first_start_tells_of_a_fresh_boot() -> None:
    """C.5, first start, and the warning of A.10 when that is before genesis."""
    world, sites = network(1)

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await asyncio.sleep(0.5)
        seed = sites[0]
        assert seed.node.frontier is None
        assert seed.node.best_path() == ()
        [warning] = [record for record in seed.log.records if record.level is Level.WARN]
        assert warning.message == (
            "Node started before the chain start time: waiting $time_till_genesis milliseconds before starting "
            "participation"
        )
        assert warning.metadata["time_till_genesis"] == 1000
        assert seed.log.events(*START) == []

        await world.until_slot(0)

        assert seed.log.events(*START) == [
            "Persisted_frontier_fresh_boot",
            "Persisted_frontier_dropped",
            "Persisted_frontier_loaded",
            "Starting_transition_frontier_controller",
        ]
        assert seed.node.best_path() == (world.genesis.block,)


def test_block_made_here_is_told_in_the_order_of_the_contract() -> None:
    world, sites = network(1)

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(6)

        told = [BY_ID[record.event_id].name for record in sites[1].log.records if record.event_id]
        at = told.index("Block_produced", told.index("Synced"))
        assert told[at : at + 5] == [
            "Block_produced",
            "Added_breadcrumb_user_commands",
            "Applying_diffs",
            "Gossip_new_state",
            "New_best_tip_event",
        ]


def test_block_from_a_peer_is_told_in_the_order_of_the_contract() -> None:
    world, sites = network(1)

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(6)

        told = [BY_ID[record.event_id].name for record in sites[0].log.records if record.event_id]
        at = told.index("Block_received", told.index("Synced"))
        assert told[at : at + 5] == [
            "Block_received",
            "Added_breadcrumb_user_commands",
            "Applying_diffs",
            "Rebroadcast_transition",
            "New_best_tip_event",
        ]


def test_restarted_node_loads_its_frontier_and_catches_up() -> None:
    """C.5, restart with state, tip still near."""
    world, sites = network(k=30)
    sleeper = sites[3]

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(10)
        await sleeper.kill()
        await world.until_slot(25)
        assert len(tips(sites[:3])) == 1

        sleeper.start()
        await world.until_slot(28)

        assert sleeper.log.events(*START) == [
            "Persisted_frontier_loaded",
            "Transition_frontier_loaded_from_persistence",
            "Starting_transition_frontier_controller",
        ]
        assert sleeper.log.events(*STATUS, START[4]) == [
            "Connecting",
            "Listening",
            "Starting_transition_frontier_controller",
            "Ledger_catchup",
            "Synced",
        ]
        assert len(tips(sites)) == 1
        assert_no_complaints(sites)


def test_fresh_node_on_a_young_chain_catches_up_from_genesis() -> None:
    world, sites = network(k=30)
    late = world.site("late")

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(40)
        late.start()
        await world.until_slot(42)

        assert late.log.events(*START) == [
            "Persisted_frontier_fresh_boot",
            "Persisted_frontier_dropped",
            "Persisted_frontier_loaded",
            "Starting_transition_frontier_controller",
        ]
        assert len(tips([*sites, late])) == 1
        assert late.node.sync_status is SyncStatus.SYNCED
        assert_no_complaints([*sites, late])


def test_fresh_node_within_reach_catches_up_though_the_roots_have_moved_on() -> None:
    """Peers keep former roots as far back as catchup may ask for them (I.4)."""
    world, sites = network(k=12)
    late = world.site("late")

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        slot = 0
        while (tip := sites[0].node.best_tip) is None or tip.blockchain_length < 24:
            slot += 1
            await world.until_slot(slot)
        late.start()
        await world.until_slot(slot + 1)

        assert "Starting_bootstrap_controller" not in late.log.events(*START)
        assert len(tips([*sites, late])) == 1


def test_fresh_node_on_an_old_chain_bootstraps() -> None:
    """C.5, fresh node joining an old chain."""
    world, sites = network(k=6)
    late = world.site("late")

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(50)
        late.start()
        await world.until_slot(53)

        assert late.log.events(*START, *STATUS[2:]) == [
            "Persisted_frontier_fresh_boot",
            "Persisted_frontier_dropped",
            "Persisted_frontier_loaded",
            "Bootstrap_required",
            "Bootstrapping",
            "Starting_bootstrap_controller",
            "Snarked_ledger_synced",
            "Bootstrap_complete",
            "Transition_frontier_loaded_from_persistence",
            "Starting_transition_frontier_controller",
            "Ledger_catchup",
            "Synced",
        ]
        assert len(tips([*sites, late])) == 1
        assert_no_complaints([*sites, late])


def test_bootstrapped_node_goes_on_from_its_disk() -> None:
    world, sites = network(k=6)
    late = world.site("late")

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(50)
        late.start()
        await world.until_slot(53)
        await late.kill()
        late.start()
        await world.until_slot(55)

        assert late.log.events(*START)[:2] == [
            "Persisted_frontier_loaded",
            "Transition_frontier_loaded_from_persistence",
        ]
        assert len(tips([*sites, late])) == 1


def test_node_that_slept_too_long_bootstraps() -> None:
    world, sites = network(k=6)
    sleeper = sites[3]

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(10)
        await sleeper.kill()
        await world.until_slot(45)
        sleeper.start()
        await world.until_slot(48)

        assert "Starting_bootstrap_controller" in sleeper.log.events(*START)
        assert len(tips(sites)) == 1
        assert sleeper.node.sync_status is SyncStatus.SYNCED
        assert_no_complaints(sites)


def test_all_nodes_killed_at_once_go_on_from_their_disks() -> None:
    """Blocks are forced to the disk by their producers: even a power cut everywhere loses none."""
    world, sites = network()

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(20)
        [before] = tips(sites)
        for site in sites:
            await site.kill()
        for site in sites:
            site.start()
        await world.until_slot(24)

        assert len(tips(sites)) == 1
        for site in sites:
            assert before in {block.state_hash for block in site.node.best_path()}
        assert_no_complaints(sites)


def test_two_chains_that_grew_apart_become_one() -> None:
    """The longer one wins on both sides, and the other side tells of a reorganisation."""
    world = World(genesis_of(make_config(1000, 1000, k=30)))
    one = world.site("one", is_seed=True, producer=1)
    other = world.site("other", is_seed=True, producer=2)

    @in_world(world)
    async def body() -> None:
        one.start()
        await world.until_slot(16)
        await one.kill()
        other.start()
        await world.until_slot(24)
        one.start()
        await world.until_slot(30)

        assert len(tips([one, other])) == 1
        reorganised = [
            record.metadata["reorg_best_tip"]
            for record in other.log.records
            if record.event_id == events.NEW_BEST_TIP_EVENT.id
        ]
        assert any(reorganised)
        assert_no_complaints([one, other])


def test_coinbases_go_to_the_receiver() -> None:
    world = World(genesis_of(make_config(1000)))
    site = world.site("producer", is_seed=True)
    site._options = NodeOptions(is_seed=True, producer=Producer(key(1), key(9)))

    @in_world(world)
    async def body() -> None:
        site.start()
        await world.until_slot(8)

        tip, ledger, rules = site.node.best_tip, site.node.ledger, world.genesis.rules
        assert tip is not None
        assert ledger is not None
        account = ledger.account(key(9))
        assert account is not None
        blocks = tip.blockchain_length - 1
        assert account.balance == blocks * rules.coinbase - rules.body.commands.account_creation_fee
        assert tip.coinbase_receiver == key(9)


# ---- status (D.7) ----


def test_node_without_peers_is_connecting_and_demo_mode_is_always_synced() -> None:
    world = World(genesis_of(make_config(1000)))
    lonely = world.site("lonely", is_seed=True, producer=1)
    demo = world.site("demo", is_seed=True)
    demo._options = NodeOptions(is_demo=True)

    @in_world(world)
    async def body() -> None:
        lonely.start()
        await world.until_slot(5)
        assert lonely.node.sync_status is SyncStatus.CONNECTING
        await lonely.kill()

        demo.start()
        await world.until_slot(6)
        assert demo.log.events(*STATUS) == ["Synced"]


def test_network_without_producers_listens_for_ever() -> None:
    world = World(genesis_of(make_config(1000)))
    sites = [world.site("seed", is_seed=True), world.site("other")]

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(30)

        assert {site.node.sync_status for site in sites} == {SyncStatus.LISTENING}
        assert_no_complaints(sites)


def test_node_is_offline_after_eight_slots_without_a_block_and_synced_with_the_next() -> None:
    world, sites = network(1)
    seed, producer = sites

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(5)
        await producer.kill()
        await world.until_slot(10)
        assert status(seed) == "SYNCED"
        await world.until_slot(15)
        assert status(seed) == "OFFLINE"

        producer.start()
        await world.until_slot(20)

        assert status(seed) == "SYNCED"


# ---- ends (A.8, A.9) ----


def test_node_that_meets_no_peer_exits_1() -> None:
    world = World(genesis_of(make_config(1000)))
    world.site("seed", is_seed=True)
    lonely = world.site("lonely")

    @in_world(world)
    async def body() -> None:
        lonely.start()
        assert lonely.ended is not None

        assert await lonely.ended == 1

        [line] = lonely.log.complaints()
        assert line.startswith("Failed to find any peers during initialization (crashing because")


def test_node_whose_disk_is_full_exits_1_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    world, sites = network(1)

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(0)
        monkeypatch.setattr("coda_daemon.persistence.FrontierStore.append", refuse)

        producer = sites[1]
        assert producer.ended is not None
        assert await producer.ended == 1

        [line] = producer.log.complaints()
        assert "Cannot write the frontier" in line
        assert "No space left on device" in line


def test_producer_exits_99_when_an_epoch_was_empty() -> None:
    """Two epochs after the best tip there is nothing to draw from (I.2)."""
    world = World(genesis_of(make_config(1000, slots_per_epoch=30, grace=9)))
    producer = world.site("producer", is_seed=True, producer=1)

    @in_world(world)
    async def body() -> None:
        await world.until_slot(60)
        producer.start()
        assert producer.ended is not None

        assert await producer.ended == 99

        [line] = producer.log.complaints()
        assert "more than one epoch behind the clock" in line


def test_producer_goes_on_when_only_its_own_last_epochs_were_empty() -> None:
    """After a long sleep it catches up before it judges."""
    world, sites = network(slots_per_epoch=30, grace=9, k=60)
    sleeper = sites[1]

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(5)
        await sleeper.kill()
        await world.until_slot(80)
        sleeper.start()
        await world.until_slot(84)

        assert sleeper.node.sync_status is SyncStatus.SYNCED
        assert len(tips(sites)) == 1
        assert_no_complaints(sites)


def test_mainnet_profile_waits_for_five_peers_or_a_minute() -> None:
    """A.10: in a network of fewer than six nodes a non-seed initialises a minute after genesis."""
    world, sites = network(2)
    world.profile = mainnet()

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(29)
        assert sites[0].node.frontier is not None
        assert sites[1].node.frontier is None
        await world.until_slot(33)

        messages = [record.message for record in sites[1].log.records]
        assert "Will start initialization without connecting to too many peers" in messages
        assert sites[1].node.frontier is not None
