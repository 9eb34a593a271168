"""Nodes and what peers may send them; long answers, pauses, ends of chains; repeatability."""

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import (
    World,
    chain,
    genesis_of,
    make_config,
    next_block,
    tips,
)
from tests.coda_daemon.node_worlds import START, assert_no_complaints, in_world, network, status

from coda_daemon.blocks import make_block
from coda_daemon.gossip.peer import Peer
from coda_executive.engines.simulation.store import SimulatedStore
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.runtime_config import DaemonSection

# ---- what peers may send ----


STRANGER = Peer("10.9.9.9", 8302, libp2p_keypair_from_seed("stranger").peer_id)


def test_malformed_block_is_the_peers_fault_and_not_passed_on() -> None:
    world, sites = network(1)

    @in_world(world)
    async def body() -> None:
        sites[0].start()
        await world.until_slot(1)

        assert not sites[0].node.receive(STRANGER, "block", b"\x93\x01")
        assert not sites[0].node.receive(STRANGER, "gossip of the future", b"")

        [line, ban] = sites[0].log.complaints()
        assert "sent a malformed block" in line
        assert "Banning peer" in ban


def test_invalid_block_is_the_peers_fault_and_not_passed_on() -> None:
    world, sites = network(1)
    good = next_block(world.genesis, world.genesis.built).block
    state = msgspec.structs.replace(good.state.consensus_state, total_currency=1)
    bad = make_block(
        good.previous_state_hash, msgspec.structs.replace(good.state, consensus_state=state), good.body
    )

    @in_world(world)
    async def body() -> None:
        sites[0].start()
        await world.until_slot(good.global_slot)

        assert not sites[0].node.receive(STRANGER, "block", bad.encoded)
        assert sites[0].node.receive(STRANGER, "block", good.encoded)

        [line, ban] = sites[0].log.complaints()
        assert "total_currency: expected" in line
        assert "Banning peer" in ban
        assert sites[0].node.block(good.state_hash) is not None
        assert sites[0].node.block(bad.state_hash) is None


def test_block_outside_its_slot_is_dropped_without_blame() -> None:
    world, sites = network(1)
    block = next_block(world.genesis, world.genesis.built, after=3).block

    @in_world(world)
    async def body() -> None:
        sites[0].start()
        await world.until_slot(block.global_slot - 1)
        assert not sites[0].node.receive(STRANGER, "block", block.encoded)
        await world.until_slot(block.global_slot + 1)
        assert not sites[0].node.receive(STRANGER, "block", block.encoded)

        reasons = [
            record.metadata["reason"] for record in sites[0].log.records if "reason" in record.metadata
        ]
        assert reasons == ["too early", "too late"]
        assert sites[0].node.best_tip is world.genesis.block
        assert_no_complaints(sites[:1])


def test_tale_of_a_far_better_chain_that_nobody_can_show_is_forgotten() -> None:
    """Otherwise one message could keep a node bootstrapping for ever."""
    world, sites = network(2)
    good = next_block(world.genesis, world.genesis.built, after=19).block
    state = msgspec.structs.replace(good.consensus_state, blockchain_length=100_000)
    tale = make_block(good.state_hash, msgspec.structs.replace(good.state, consensus_state=state), good.body)

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(good.global_slot)
        sites[0].node.receive(STRANGER, "block", tale.encoded)
        await world.until_slot(good.global_slot + 6)

        assert status(sites[0]) == "SYNCED"
        assert len(tips(sites)) == 1


def test_orphan_that_nobody_can_connect_is_dropped() -> None:
    world, sites = network(2)
    unknown = next_block(world.genesis, chain(world.genesis, 3, producer=2)[-1], after=19).block

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(unknown.global_slot)
        tip = sites[0].node.best_tip
        assert tip is not None
        state = msgspec.structs.replace(unknown.consensus_state, blockchain_length=tip.blockchain_length + 1)
        orphan = make_block(
            unknown.previous_state_hash,
            msgspec.structs.replace(unknown.state, consensus_state=state),
            unknown.body,
        )
        sites[0].node.receive(STRANGER, "block", orphan.encoded)
        assert status(sites[0]) == "CATCHUP"
        assert "to_download" in (sites[0].node.catchup_states or ())

        await world.until_slot(unknown.global_slot + 20)

        assert status(sites[0]) == "SYNCED"
        assert sites[0].node.catchup_states == ("finished",)


def test_unreadable_frontier_is_dropped_and_bootstrapped() -> None:
    """Also on a young network, where the peers' root is still genesis (I.4)."""
    world, sites = network(k=30)
    broken = sites[3]

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(6)
        await broken.kill()
        disk, path = SimulatedStore(broken._machine.disk), "/config/root/snapshot"
        snapshot = bytearray(disk.read(path))
        snapshot[50] ^= 1
        disk.write(path, bytes(snapshot))
        broken.start()
        await world.until_slot(9)

        messages = [record.message for record in broken.log.records]
        assert "Unable to load frontier; starting bootstrap" in messages
        assert broken.log.events(*START) == [
            "Persisted_frontier_dropped",
            "Starting_bootstrap_controller",
            "Snarked_ledger_synced",
            "Bootstrap_complete",
            "Transition_frontier_loaded_from_persistence",
            "Starting_transition_frontier_controller",
        ]
        assert len(tips(sites)) == 1


def test_frontier_of_an_older_network_is_replaced() -> None:
    """The same directory with another genesis: a fresh start, not a bootstrap."""
    world, [old, *_] = network(1)

    @in_world(world)
    async def body() -> None:
        old.start()
        await world.until_slot(2)

    new_world = World(genesis_of(make_config(7)))
    new = new_world.site("seed", is_seed=True)
    new._machine.disk = old._machine.disk

    @in_world(new_world)
    async def again() -> None:
        new.start()
        await new_world.until_slot(2)

        assert new.log.events(*START) == [
            "Persisted_frontier_dropped",
            "Persisted_frontier_loaded",
            "Starting_transition_frontier_controller",
        ]
        assert new.node.best_tip is new_world.genesis.block


# ---- long answers, pauses, ends of chains ----


def test_catchup_and_bootstrap_take_as_many_answers_as_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coda_daemon.peer_requests.BLOCKS_IN_ANSWER", 3)
    monkeypatch.setattr("coda_daemon.peer_requests.ACCOUNTS_IN_ANSWER", 2)
    world, sites = network(5, k=20)
    late = world.site("late")

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(25)
        late.start()
        await world.until_slot(27)
        assert "Starting_bootstrap_controller" not in late.log.events(*START)
        assert len(tips([*sites, late])) == 1

        await late.kill()
        await world.until_slot(100)
        late.start(is_fresh=True)
        await world.until_slot(103)
        assert "Starting_bootstrap_controller" in late.log.events(*START)
        assert len(tips([*sites, late])) == 1
        assert_no_complaints([*sites, late])


def test_producer_that_was_paused_makes_no_block_for_slots_that_are_over() -> None:
    world, sites = network(1)
    seed, producer = sites

    @in_world(world)
    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(4)
        assert producer._process is not None
        world.loop.freeze(producer._process)
        await world.until_slot(10)
        world.loop.thaw(producer._process)
        await world.until_slot(16)

        assert len(tips(sites)) == 1
        slots = [block.global_slot for block in seed.node.best_path()]
        assert not [slot for slot in slots if 4 < slot < 10]
        assert max(slots) > 10
        assert_no_complaints(sites)


def test_no_block_is_made_from_the_end_of_the_chain_on() -> None:
    config = msgspec.structs.replace(make_config(1000), daemon=DaemonSection(slot_chain_end=7))
    world = World(genesis_of(config))
    sites = [world.site("seed", is_seed=True, producer=1)]

    @in_world(world)
    async def body() -> None:
        sites[0].start()
        await world.until_slot(30)

        tip = sites[0].node.best_tip
        assert tip is not None
        assert 1 < tip.global_slot < 7
        assert sites[0].node.next_production is None


# ---- repeatability ----


def test_two_runs_write_the_same_logs() -> None:
    def lines() -> list[bytes]:
        world, sites = network()

        @in_world(world)
        async def body() -> None:
            for site in sites:
                site.start()
            await world.until_slot(12)
            await sites[2].kill()
            await world.until_slot(18)
            sites[2].start()
            await world.until_slot(22)

        return [record.line for site in sites for record in site.log.records]

    first = lines()

    assert first == lines()
    assert len(first) > 100
