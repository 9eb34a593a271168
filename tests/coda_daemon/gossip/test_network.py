"""Gossip between nodes on a simulated network: who finds whom, what reaches whom, what a bad peer can do."""

import asyncio

import pytest
from tests.coda_daemon.gossip.testbed import GREETINGS, GossipNode, Impostor, in_world, next_frame
from tests.coda_daemon.worlds import World

from coda_daemon.gossip.frames import (
    MAX_FRAME,
    Address,
    Addresses,
    Goodbye,
    Hello,
    Message,
    Ping,
    Pong,
    Proof,
    Request,
    Welcome,
    encode,
)
from coda_daemon.gossip.handshake import receive_greeting, welcome
from coda_daemon.gossip.network import Limits, RequestFailed
from coda_daemon.ports import Connection
from coda_daemon.profile import dev
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.structured_events import PEER_BANNED, Level


def test_nodes_that_know_a_seed_end_up_linked_to_everyone() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        others = [GossipNode(world, f"node-{index}", [seed]) for index in range(6)]
        await asyncio.sleep(5)

        for node in (seed, *others):
            assert len(node.gossip.peers) == 6
            assert len({peer.peer_id for peer in node.gossip.peers}) == 6
            assert node.complaints() == []

    in_world(check)


def test_peers_of_two_seeds_find_each_other() -> None:
    async def check(world: World) -> None:
        one = GossipNode(world, "seed-1")
        two = GossipNode(world, "seed-2", [one])
        left, right = GossipNode(world, "left", [one]), GossipNode(world, "right", [two])
        await asyncio.sleep(5)

        assert right.machine.address in left.peer_names
        assert left.machine.address in right.peer_names

    in_world(check)


def test_two_nodes_that_dial_each_other_at_once_keep_one_link() -> None:
    async def check(world: World) -> None:
        machines = [world.machine("one"), world.machine("two")]
        one = GossipNode(world, "one", machine=machines[0])
        two = GossipNode(world, "two", [one], machine=machines[1])
        # Each is the other's seed; both dial in the same instant.
        one.gossip._seeds = {two.peer.peer_id: two.peer}
        await asyncio.sleep(5)

        assert len(one.gossip.peers) == len(two.gossip.peers) == 1
        one.gossip.publish("block", b"hello")
        await asyncio.sleep(1)
        assert two.received == [b"hello"]

    in_world(check)


def test_a_message_reaches_everyone_once_and_its_source_never() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        nodes = [seed, *(GossipNode(world, f"node-{index}", [seed]) for index in range(4))]
        await asyncio.sleep(5)

        nodes[2].gossip.publish("block", b"one")
        nodes[2].gossip.publish("block", b"two")
        await asyncio.sleep(1)

        assert [node.received for node in nodes if node is not nodes[2]] == [[b"one", b"two"]] * 4
        assert nodes[2].received == []

    in_world(check)


def test_only_what_is_judged_good_is_passed_on() -> None:
    """In a chain of three, the one in the middle decides what its neighbours see of each other."""

    async def check(world: World) -> None:
        one_link = Limits(min_connections=1)
        middle = GossipNode(world, "middle", limits=Limits(min_connections=2))
        left = GossipNode(world, "left", [middle], limits=one_link)
        right = GossipNode(world, "right", [middle], limits=one_link)
        await asyncio.sleep(5)
        assert (left.peer_names, right.peer_names) == ({middle.machine.address},) * 2

        left.gossip.publish("block", b"good")
        await asyncio.sleep(1)
        middle.is_good = False
        left.gossip.publish("block", b"bad")
        await asyncio.sleep(1)

        assert middle.received == [b"good", b"bad"]
        assert right.received == [b"good"]

    in_world(check)


def test_requests_are_answered_refused_or_time_out() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        node = GossipNode(world, "node", [seed])
        await node.gossip.wait_for_peers(1)

        async def ask(kind: str) -> bytes:
            return await node.gossip.request(seed.peer, kind, b"payload", seconds=3)

        assert await ask("echo") == b"payload"
        with pytest.raises(RequestFailed, match="nobody knows riddles"):
            await ask("riddles")
        with pytest.raises(RequestFailed, match="did not answer 'never' within 3 s"):
            await ask("never")
        with pytest.raises(RequestFailed, match="internal error"):
            await ask("bug")
        with pytest.raises(RequestFailed, match="not linked"):
            await node.gossip.request(node.peer, "echo", b"", seconds=3)
        assert "ZeroDivisionError" in str(seed.sink.records)

    in_world(check)


def test_a_request_fails_when_the_peer_dies() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        node = GossipNode(world, "node", [seed])
        await node.gossip.wait_for_peers(1)
        asking = asyncio.create_task(node.gossip.request(seed.peer, "never", b"", seconds=60))
        await asyncio.sleep(1)

        seed.task.cancel()

        with pytest.raises(RequestFailed, match="closed"):
            await asking

    in_world(check)


def test_a_bug_in_handling_one_message_is_told_and_harms_nothing_else() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        node = GossipNode(world, "node", [seed])
        await node.gossip.wait_for_peers(1)

        node.gossip.publish("block", b"bug")
        node.gossip.publish("block", b"fine")
        await asyncio.sleep(1)

        assert seed.received == [b"bug", b"fine"]
        assert seed.complaints() == ["Internal error while handling a message of $peer: $error"]

    in_world(check)


def test_a_restarted_node_is_linked_again_by_those_who_knew_it() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        node = GossipNode(world, "node", [seed])
        await node.gossip.wait_for_peers(1)
        seed.task.cancel()
        await asyncio.sleep(5)
        assert node.gossip.peers == ()

        again = GossipNode(world, "seed", machine=seed.machine)
        await again.gossip.wait_for_peers(1)

        assert again.peer_names == {node.machine.address}

    in_world(check)


@pytest.mark.parametrize("late", [0.05, 0.2, 0.5])
def test_a_seed_that_starts_late_is_linked_at_once(late: float) -> None:
    async def check(world: World) -> None:
        loop = asyncio.get_running_loop()
        machine = world.machine("seed")
        absent = GossipNode(world, "seed", machine=machine)
        absent.task.cancel()
        await asyncio.sleep(0)
        node = GossipNode(world, "node", [absent])
        await asyncio.sleep(late)
        began = loop.time()
        GossipNode(world, "seed", machine=machine)
        await node.gossip.wait_for_peers(1)

        assert loop.time() - began < 0.05 + late / 2

    in_world(check)


def test_of_a_seed_that_is_absent_the_log_tells_when_it_is_dialled_less_often() -> None:
    async def check(world: World) -> None:
        absent = GossipNode(world, "seed")
        absent.task.cancel()
        await asyncio.sleep(0)
        node = GossipNode(world, "node", [absent])
        await asyncio.sleep(5)

        told = [text for text in node.sink.messages(Level.DEBUG) if text.startswith("Could not link")]
        assert len(told) in (6, 7)  # of 16 to 19 dials

    in_world(check)


def test_settled_means_linked_to_the_seeds_and_quiet() -> None:
    async def check(world: World) -> None:
        loop = asyncio.get_running_loop()
        seed = GossipNode(world, "seed")
        node = GossipNode(world, "node", [seed])

        await node.gossip.wait_until_settled(0.5)

        assert len(node.gossip.peers) == 1
        assert 0.5 <= loop.time() < 1
        seed.task.cancel()
        await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await node.gossip.wait_until_settled(0.5)

    in_world(check)


def test_five_peers_are_enough_whatever_the_seeds_do() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        absent = GossipNode(world, "absent")
        await asyncio.sleep(0.01)
        absent.task.cancel()
        for index in range(4):
            GossipNode(world, f"node-{index}", [seed])
        node = GossipNode(world, "last", [seed, absent])

        async with asyncio.timeout(1):
            await node.gossip.wait_until_settled(0.5)

        assert len(node.gossip.peers) == 5

    in_world(check)


def test_nodes_of_another_chain_are_ignored_without_complaint() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        stranger = GossipNode(world, "stranger", [seed], chain_id="other")
        await asyncio.sleep(20)

        assert seed.gossip.peers == stranger.gossip.peers == ()
        assert seed.complaints() == stranger.complaints() == []

    in_world(check)


def test_a_full_node_sends_newcomers_on() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed", limits=Limits(min_connections=0, max_connections=2))
        nodes = [GossipNode(world, f"node-{index}", [seed]) for index in range(4)]
        await asyncio.sleep(30)

        assert len(seed.gossip.peers) <= 3  # a newcomer is there for a moment, to be told where to go
        for node in nodes:
            others = {other.machine.address for other in nodes if other is not node}
            assert others <= node.peer_names

    in_world(check)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xff",
        b"GET / HTTP/1.1",
        encode(Ping()),
        encode(Message("block", b"too early")),
        encode(Hello(99, "chain", "x", "", 1, bytes(32))),
        encode(Hello(1, "chain", "no peer id", "", 1, bytes(32))),
    ],
)
def test_who_does_not_greet_properly_is_turned_away(data: bytes) -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.host.transport.connect(node.machine.address, 8302)
        await connection.send(data)
        with_proof = await next_frame(connection)
        if with_proof is not None:
            await connection.send(encode(Proof(bytes(64))))

        assert await next_frame(connection) is None
        assert node.gossip.peers == ()
        assert node.received == []

    in_world(check)


def test_nobody_can_link_under_the_peer_id_of_another() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        thief = Impostor(world)
        victim = libp2p_keypair_from_seed("victim")
        await asyncio.sleep(0.1)
        connection = await thief.host.transport.connect(node.machine.address, 8302)
        await connection.send(encode(Hello(1, "chain", victim.peer_id, "", 8302, bytes(32))))
        assert isinstance(await next_frame(connection), Hello)
        await connection.send(encode(Proof(thief.machine.identity.sign(b"anything"))))

        assert await next_frame(connection) is None
        assert node.gossip.peers == ()
        assert node.complaints() == ["Refused a link from $address: $error"]

    in_world(check)


def test_a_proof_recorded_from_another_link_does_not_open_one() -> None:
    """The node's nonce is in what is signed, so an old signature is worth nothing."""

    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        honest, thief = Impostor(world, "honest"), Impostor(world, "thief")
        await asyncio.sleep(0.1)
        await honest.link(node)
        connection = await thief.host.transport.connect(node.machine.address, 8302)
        mine = honest.own.hello(bytes(32))
        await connection.send(encode(mine))
        theirs = await next_frame(connection)
        assert isinstance(theirs, Hello)
        old = f"coda gossip 1 chain {mine.peer_id} {theirs.peer_id} ".encode() + mine.nonce + bytes(32)
        await connection.send(encode(Proof(honest.machine.identity.sign(old))))

        assert await next_frame(connection) is None
        assert len(node.gossip.peers) == 1

    in_world(check)


@pytest.mark.parametrize("data", [b"\x00", b"\xc1" * 1000, encode(Welcome()), encode(Proof(b""))])
def test_a_peer_that_breaks_the_rules_is_dropped_and_the_others_stay(data: bytes) -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        friend = GossipNode(world, "friend", [node])
        impostor = Impostor(world)
        await friend.gossip.wait_for_peers(1)
        connection = await impostor.link(node)

        await connection.send(data)

        assert await next_frame(connection, skipping=GREETINGS) is None
        await asyncio.sleep(1)
        assert node.peer_names == {friend.machine.address}
        assert node.complaints()[1:] == [PEER_BANNED.message]
        friend.gossip.publish("block", b"still here")
        await asyncio.sleep(1)
        assert node.received == [b"still here"]

    in_world(check)


def test_an_oversized_frame_ends_the_link_only() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)

        await connection.send(bytes(MAX_FRAME + 1))

        assert await next_frame(connection, skipping=GREETINGS) is None
        assert not node.task.done()
        assert node.complaints()[-1] == PEER_BANNED.message

    in_world(check)


def test_a_flood_of_gossip_does_not_hold_up_answers() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        payloads = [str(number).encode() for number in range(100)]

        for payload in payloads:
            await connection.send(encode(Message("block", payload)))
        await connection.send(encode(Request(1, "echo", b"x")))

        answer = await next_frame(connection, skipping=GREETINGS)
        assert getattr(answer, "payload", None) == b"x"
        assert node.received == payloads

    in_world(check)


def test_too_many_requests_at_once_are_refused_not_queued() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)

        for number in range(20):
            await connection.send(encode(Request(number, "never", b"")))

        refusal = await next_frame(connection, skipping=GREETINGS)
        assert getattr(refusal, "reason", None) == "too many requests at once"

    in_world(check)


def test_a_peer_that_does_not_read_is_dropped_and_stalls_nobody() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        friend = GossipNode(world, "friend", [node])
        impostor = Impostor(world)
        await friend.gossip.wait_for_peers(1)
        await impostor.link(node)  # and never read from

        payload = bytes(1024 * 1024)
        for number in range(70):
            node.gossip.publish("block", payload + bytes([number]))
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)

        assert len(friend.received) == 70
        assert node.peer_names == {friend.machine.address}

    in_world(check)


KEEP_ALIVE = dev(2_000).keep_alive


async def fate(connection: Connection) -> tuple[int, int]:
    """After how many keep-alive intervals a silent peer was asked for a sign of life, and after how many dropped."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    pings = []
    while (frame := await next_frame(connection, skipping=GREETINGS)) is not None:
        assert isinstance(frame, Ping)
        pings.append(loop.time() - began)
    (asked,) = pings
    return int(asked / KEEP_ALIVE), int((loop.time() - began) / KEEP_ALIVE)


def test_a_silent_peer_is_probed_and_dropped() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)

        assert await fate(await impostor.link(node)) == (2, 3)
        assert node.gossip.peers == ()

    in_world(check)


def test_the_end_that_dialled_probes_a_silent_link_first() -> None:
    async def check(world: World) -> None:
        impostor = Impostor(world)
        fates: list[tuple[int, int]] = []

        async def accept(connection: Connection) -> None:
            await receive_greeting(connection, impostor.own, bytes(32))
            await welcome(connection)
            fates.append(await fate(connection))

        await impostor.host.transport.listen(impostor.machine.address, 8302, accept)
        GossipNode(world, "node", direct=[impostor])
        await asyncio.sleep(3.5 * KEEP_ALIVE)

        assert fates == [(1, 2)]

    in_world(check)


@pytest.mark.parametrize("intervals", [0.9, 1.9])
def test_a_link_in_use_is_not_probed(intervals: float) -> None:
    """Timers are demand-driven: who hears something in each interval asks for nothing, and who was dialled leaves
    the asking to the dialler, who does so within two.
    """

    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        for _ in range(100):
            await connection.send(encode(Pong()))
            await asyncio.sleep(KEEP_ALIVE * intervals)
        await connection.send(encode(Ping()))

        while not isinstance(frame := await next_frame(connection), Pong):
            assert not isinstance(frame, Ping)

    in_world(check)


def test_a_peer_that_answers_probes_stays() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        friend = GossipNode(world, "friend", [node])
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        await connection.send(encode(Ping()))
        assert isinstance(await next_frame(connection, skipping=GREETINGS), Pong)

        await asyncio.sleep(300)

        assert node.peer_names == {friend.machine.address}
        assert node.gossip.connections_seen == 2

    in_world(check)


def test_goodbye_ends_a_link() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        await connection.send(encode(Goodbye("tired")))

        assert await next_frame(connection, skipping=GREETINGS) is None

    in_world(check)


def test_bad_addresses_from_a_peer_are_not_dialled() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        await connection.send(encode(Addresses((Address("10.0.0.9", 8302, "no peer id"),))))
        await asyncio.sleep(1)

        assert node.complaints() == ["$peer sent a bad address: $error"]
        assert [status.trust for status in node.gossip.trust_statuses()] == [pytest.approx(-0.2, abs=0.01)]

    in_world(check)
