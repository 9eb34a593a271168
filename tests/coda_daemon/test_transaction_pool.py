"""The pool of a running node: gossip, its limits, its counters (daemon contract C.4, I.5)."""

import asyncio
from dataclasses import replace

import pytest
from tests.coda_daemon.chain_testbed import SLOT_MS, World, genesis_of, key, make_config
from tests.coda_daemon.commands_testbed import payment
from tests.coda_daemon.log_testbed import RecordingSink

from coda_daemon.gossip.peer import Peer
from coda_daemon.ledger.command import command_of
from coda_daemon.log import Log
from coda_daemon.mempool import RejectedError, View
from coda_daemon.profile import Profile, dev, mainnet
from coda_daemon.transaction_pool import TOPIC, TransactionPool
from coda_executive.engines.simulation.event_loop import SimulatedEventLoop, run
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.signatures import TESTNET
from coda_protocol.slots import GlobalSlot
from coda_protocol.structured_events import (
    GOSSIP_TRANSACTION_POOL_DIFF,
    REJECTING_COMMAND_FOR_REASON,
    TRANSACTIONS_RECEIVED,
)

GENESIS = genesis_of(make_config(1000, 1000))
VIEW = View(GENESIS.ledger, GlobalSlot(5))


class Clock:
    def time_ns(self) -> int:
        return 0


class Wire:
    """A network that keeps what is published."""

    def __init__(self) -> None:
        self.published: list[bytes] = []

    def publish(self, topic: str, payload: bytes) -> None:
        assert topic == TOPIC
        self.published.append(payload)


def peer(name: str) -> Peer:
    return Peer("10.0.0.9", 8302, libp2p_keypair_from_seed(name).peer_id)


def make_pool(
    *, logs_gossip: bool = False, profile: Profile | None = None, blamed: list[str] | None = None
) -> tuple[TransactionPool, RecordingSink]:
    sink, actions = RecordingSink(), [] if blamed is None else blamed
    log = Log(Clock(), [sink], pid=1)
    pool = TransactionPool(
        GENESIS.constants,
        TESTNET,
        log,
        profile or dev(SLOT_MS),
        logs_gossip=logs_gossip,
        blame=lambda _peer, action: actions.append(action),
    )
    return pool, sink


def message_of(*numbers: int, sender: int = 1) -> bytes:
    """What a node gossips for payments with these nonces."""
    (pool, _log), wire = make_pool(), Wire()
    pool._publish([payment(sender, 2, nonce=nonce) for nonce in numbers], wire)  # type: ignore[arg-type]
    return wire.published[0]


async def test_what_a_user_submits_is_published_and_what_is_rejected_is_logged() -> None:
    (pool, sink), wire = make_pool(), Wire()

    pool.submit(payment(1, 2), VIEW, wire)  # type: ignore[arg-type]
    with pytest.raises(RejectedError):
        pool.submit(payment(1, 2, nonce=5), VIEW, wire)  # type: ignore[arg-type]

    assert len(wire.published) == 1
    (event,) = [record for record in sink.records if record.event_id == REJECTING_COMMAND_FOR_REASON.id]
    assert event.metadata["reason"] == ["Invalid_nonce"]
    assert event.metadata["command"] == payment(1, 2, nonce=5).id
    assert (pool.commands_added, pool.diffs_broadcast) == (1, 1)


async def test_gossip_is_passed_on_when_some_of_it_is_new_and_good() -> None:
    pool, _sink = make_pool()

    assert pool.receive(peer("a"), message_of(0), VIEW)
    assert not pool.receive(peer("b"), message_of(0), VIEW)
    assert not pool.receive(peer("a"), message_of(5), VIEW)
    assert pool.receive(peer("a"), message_of(0, 1), VIEW)
    assert not pool.receive(peer("a"), message_of(2), None), "nothing can be judged while bootstrapping"
    assert (len(pool.commands), pool.diffs_received, pool.commands_added) == (2, 5, 2)


@pytest.mark.parametrize("logs_gossip", [True, False])
async def test_gossip_is_logged_where_the_flag_asks_for_it(logs_gossip: bool) -> None:
    (pool, sink), wire = make_pool(logs_gossip=logs_gossip), Wire()

    pool.receive(peer("a"), message_of(0), VIEW)
    pool.submit(payment(2, 1), VIEW, wire)  # type: ignore[arg-type]

    expected = ["Transactions_received", "Gossip_transaction_pool_diff"] if logs_gossip else []
    assert sink.events(TRANSACTIONS_RECEIVED, GOSSIP_TRANSACTION_POOL_DIFF) == expected


@pytest.mark.parametrize("payload", [b"", b"\x92", b"\x92\x00\x90", b"\x92\x00\x91\xa4nope", b"\xff" * 40])
async def test_what_is_no_message_is_blamed_on_its_sender(payload: bytes) -> None:
    blamed: list[str] = []
    pool, sink = make_pool(blamed=blamed)

    assert not pool.receive(peer("a"), payload, VIEW)
    assert ["malformed commands" in line for line in sink.complaints()] == [True]
    assert blamed == ["Decoding_failed"]


async def test_a_forged_command_is_blamed_on_its_sender() -> None:
    blamed: list[str] = []
    (pool, sink), (forger, _log), wire = make_pool(blamed=blamed), make_pool(), Wire()
    good = payment(1, 2)
    signature = replace(good.signed.signature, scalar=good.signed.signature.scalar ^ 1)
    forger._publish([command_of(replace(good.signed, signature=signature))], wire)  # type: ignore[arg-type]

    assert not pool.receive(peer("a"), wire.published[0], VIEW)
    assert len(sink.complaints()) == 1
    assert "not signed by its fee payer" in sink.complaints()[0]
    assert blamed == ["Sent_invalid_signature"]


def test_a_peer_may_send_ten_commands_in_fifteen_seconds() -> None:
    async def main() -> None:
        pool, _sink = make_pool(profile=mainnet())
        taken = [pool.receive(peer("a"), message_of(nonce), VIEW) for nonce in range(11)]
        assert taken == [True] * 10 + [False]
        assert pool.receive(peer("b"), message_of(10), VIEW), "the limit is each peer's own"
        await asyncio.sleep(15)
        assert pool.receive(peer("a"), message_of(11), VIEW)

    run(main, loop=SimulatedEventLoop())


def test_own_commands_are_gossiped_again_until_they_are_gone() -> None:
    async def main() -> None:
        (pool, _sink), wire = make_pool(profile=mainnet()), Wire()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(pool.rebroadcast(wire))  # type: ignore[arg-type]
            pool.submit(payment(1, 2), VIEW, wire)  # type: ignore[arg-type]
            await asyncio.sleep(601)
            assert len(wire.published) == len(set(wire.published)) == 3, "each round is a new message"
            pool.commands.expire(GlobalSlot(2**40))
            await asyncio.sleep(3000)
            assert len(wire.published) == 3
            task.cancel()

    run(main, loop=SimulatedEventLoop())


def test_own_commands_are_gossiped_again_when_their_block_left_the_chain() -> None:
    """They were in a block, so they left the pool; a reorganisation brings them back."""

    async def main() -> None:
        (pool, _sink), wire = make_pool(profile=mainnet()), Wire()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(pool.rebroadcast(wire))  # type: ignore[arg-type]
            pool.submit(payment(1, 2), VIEW, wire)  # type: ignore[arg-type]
            pool.commands.expire(GlobalSlot(2**40))
            await asyncio.sleep(1000)
            assert len(wire.published) == 1
            pool.commands.add(payment(1, 2), VIEW)
            await asyncio.sleep(301)
            assert len(wire.published) == 2
            task.cancel()

    run(main, loop=SimulatedEventLoop())


def test_a_payment_reaches_all_pools_and_blocks_and_a_restarted_node_has_no_pool() -> None:
    world = World(GENESIS)
    seed = world.site("seed", is_seed=True)
    sites = [seed, world.site("producer", producer=1), world.site("idle")]

    async def main() -> None:
        for site in sites:
            site.start()
        await world.until_slot(2)
        command = payment(2, 1)
        sites[2].node.submit(command)
        await asyncio.sleep(0.1)
        assert all(command in site.node.pool.commands for site in sites)

        await sites[2].kill()
        sites[2].start()
        assert len(sites[2].node.pool.commands) == 0
        await world.until_slot(12)
        assert [len(site.node.pool.commands) for site in sites] == [0, 0, 0]
        for site in sites:
            ledger = site.node.ledger
            assert ledger is not None
            account = ledger.account(key(2))
            assert account is not None
            assert account.nonce == 1

    world.run(main)
