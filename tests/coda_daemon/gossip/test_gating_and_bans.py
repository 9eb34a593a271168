"""With whom a node talks: the gating configuration as a partition tool, bans and their end, what a stranger can
cost.
"""

import asyncio

import pytest
from tests.coda_daemon.gossip.testbed import GREETINGS, GossipNode, Impostor, in_world, next_frame
from tests.coda_daemon.worlds import World

from coda_daemon.gossip import network
from coda_daemon.gossip import trust as trust_module
from coda_daemon.gossip.frames import Address, Addresses, Goodbye, Message, Ping, Pong, encode
from coda_daemon.gossip.gating import Gating
from coda_daemon.gossip.handshake import HandshakeFailed
from coda_daemon.gossip.link import RequestFailed
from coda_daemon.gossip.network import Limits
from coda_daemon.gossip.peer import parse_multiaddress
from coda_daemon.gossip.rate import BURST, FRAMES_PER_SECOND, Rate
from coda_daemon.gossip.trust import Trust
from coda_daemon.profile import dev
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.structured_events import PEER_BANNED

A, B = (
    parse_multiaddress(f"/ip4/10.0.0.1/tcp/1/p2p/{libp2p_keypair_from_seed(name).peer_id}") for name in "ab"
)
OPEN = Gating()


async def mesh_of(world: World, count: int) -> list[GossipNode]:
    """Nodes that are all linked to each other; the first is everyone's seed."""
    seed = GossipNode(world, "seed")
    nodes = [seed, *(GossipNode(world, f"node-{index}", [seed]) for index in range(1, count))]
    await asyncio.sleep(5)
    assert all(len(node.gossip.peers) == count - 1 for node in nodes)
    return nodes


def gate(node: GossipNode, gating: Gating, *, clean: bool = False) -> None:
    node.process.context.run(node.gossip.set_gating, gating, clean_added_peers=clean)


def test_trust_goes_before_a_ban_and_isolation_lets_nobody_else_in() -> None:
    both = Gating(isolate=True, trusted=(A,), banned=(A, B))

    assert both.refusal(A.peer_id) is None
    assert both.refusal(B.peer_id) == "banned by configuration"
    assert Gating(isolate=True).refusal(A.peer_id) == "not a trusted peer of an isolated node"
    assert OPEN.refusal(A.peer_id) is None


def test_gating_cuts_links_at_once_and_heals_when_it_is_lifted() -> None:
    """Two halves of four nodes; only one side of each pair needs to be told."""

    async def check(world: World) -> None:
        nodes = await mesh_of(world, 4)
        left, right = nodes[:2], nodes[2:]
        far = Gating(banned=tuple(node.peer for node in right))
        for node in left:
            gate(node, far)
        await asyncio.sleep(0.01)

        assert [len(node.gossip.peers) for node in nodes] == [1, 1, 1, 1]
        await asyncio.sleep(60)
        assert [len(node.gossip.peers) for node in nodes] == [1, 1, 1, 1]
        left[0].gossip.publish("block", b"left")
        right[0].gossip.publish("block", b"right")
        await asyncio.sleep(1)
        assert (left[1].received, right[1].received) == ([b"left"], [b"right"])

        for node in left:
            gate(node, OPEN)
        await asyncio.sleep(1)
        assert [len(node.gossip.peers) for node in nodes] == [3, 3, 3, 3]
        left[0].gossip.publish("block", b"healed")
        await asyncio.sleep(1)
        assert all(node.received[-1] == b"healed" for node in nodes[1:])
        assert [node.complaints() for node in nodes] == [[], [], [], []]

    in_world(check)


def test_an_isolated_node_keeps_its_trusted_peers_only() -> None:
    async def check(world: World) -> None:
        nodes = await mesh_of(world, 4)
        gate(nodes[3], Gating(isolate=True, trusted=(nodes[1].peer,)))
        await asyncio.sleep(30)

        assert nodes[3].peer_names == {nodes[1].machine.address}
        with pytest.raises(RequestFailed, match="not linked"):
            await nodes[3].gossip.request(nodes[0].peer, "echo", b"", seconds=1)

    in_world(check)


def test_a_node_that_starts_isolated_talks_to_the_peers_it_was_given() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        GossipNode(world, "other", [seed])
        node = GossipNode(world, "node", [seed], is_isolated=True)
        await asyncio.sleep(10)

        assert node.peer_names == {seed.machine.address}
        assert node.gossip.gating == Gating(isolate=True, trusted=(seed.peer,))

    in_world(check)


def test_the_seed_of_an_open_node_is_trusted_until_the_gating_says_otherwise() -> None:
    async def check(world: World) -> None:
        nodes = await mesh_of(world, 2)
        gate(nodes[1], Gating(banned=(nodes[0].peer,)))
        await asyncio.sleep(30)
        assert nodes[1].peer_names == set()

    in_world(check)


def test_cleaned_seeds_are_not_dialled_for_ever() -> None:
    async def check(world: World) -> None:
        nodes = await mesh_of(world, 2)
        gate(nodes[1], OPEN, clean=True)
        nodes[0].task.cancel()
        await asyncio.sleep(300)
        GossipNode(world, "seed", machine=nodes[0].machine)
        await asyncio.sleep(60)
        assert nodes[1].peer_names == set()

        nodes[1].process.context.run(nodes[1].gossip.add_peers, [nodes[0].peer], are_seeds=True)
        await asyncio.sleep(1)
        assert nodes[1].peer_names == {nodes[0].machine.address}

    in_world(check)


def test_an_added_peer_is_dialled_though_there_are_links_enough() -> None:
    async def check(world: World) -> None:
        stranger = GossipNode(world, "stranger", limits=Limits(min_connections=0))
        node = GossipNode(world, "node", limits=Limits(min_connections=0))
        await asyncio.sleep(0.1)
        node.process.context.run(node.gossip.add_peers, [stranger.peer], are_seeds=False)
        await asyncio.sleep(1)
        assert node.peer_names == {stranger.machine.address}

    in_world(check)


def test_trust_falls_recovers_and_bans_end() -> None:
    trust = Trust(ban=100)

    assert trust.blame(A, 0.5, now=0) is None
    assert trust.standings(now=100)[0].trust == -0.25
    assert trust.blame(A, 0.8, now=100) == 200
    assert trust.blame(A, 1, now=150) is None, "it is banned already"
    assert trust.banned_until(A.peer_id, now=199) == 200
    assert trust.banned_until(A.peer_id, now=200) is None
    assert trust.banned_until(B.peer_id, now=0) is None
    [standing] = trust.standings(now=200)
    assert (standing.peer, standing.banned_until) == (A, None)
    assert -1 < standing.trust < -0.5


def test_trust_remembers_a_bounded_number_of_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "MAX_PEERS", 1)
    trust = Trust(ban=100)
    trust.blame(A, 0.1, now=0)
    trust.blame(B, 0.1, now=1)
    assert [standing.peer for standing in trust.standings(now=1)] == [B]


def test_a_banned_peer_is_kept_out_until_its_ban_ends() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        await connection.send(b"\xc1")
        assert await next_frame(connection, skipping=GREETINGS) is None

        with pytest.raises(HandshakeFailed, match="banned for what it did"):
            await impostor.link(node)
        [status] = node.gossip.trust_statuses()
        assert status.trust == pytest.approx(-1, abs=0.01)
        assert status.banned_until is not None
        [event] = [record for record in node.sink.records if record.event_id == PEER_BANNED.id]
        assert event.metadata["sender_id"]["peer_id"] == impostor.machine.identity.peer_id
        assert event.metadata["action"] == "Decoding_failed"

        await asyncio.sleep(dev(2_000).ban)
        await impostor.link(node)
        await asyncio.sleep(0.1)
        assert len(node.gossip.peers) == 1
        assert node.gossip.trust_statuses()[0].banned_until is None

    in_world(check)


def test_a_ban_outlives_a_restart_and_ends_when_it_would_have() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        node = GossipNode(world, "node", machine=machine)
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        await (await impostor.link(node)).send(b"\xc1")
        await asyncio.sleep(0.1)
        [before] = node.gossip.trust_statuses()
        node.task.cancel()
        await asyncio.sleep(1)

        again = GossipNode(world, "node", machine=machine)
        await asyncio.sleep(0.1)

        with pytest.raises(HandshakeFailed, match="banned for what it did"):
            await impostor.link(again)
        [status] = again.gossip.trust_statuses()
        assert status.peer == before.peer
        assert status.banned_until == pytest.approx(before.banned_until, abs=1_000)
        assert status.trust == pytest.approx(-1, abs=0.01)

        await asyncio.sleep(dev(2_000).ban)
        await impostor.link(again)

    in_world(check)


@pytest.mark.parametrize("damage", [b"", b"[{}]", b"\xff", b'[{"peer":[],"trust":0}]'])
def test_a_damaged_trust_file_is_told_and_replaced(damage: bytes) -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        machine.write("/node/config/trust/peers.json", damage)
        node = GossipNode(world, "node", machine=machine)
        await asyncio.sleep(0.1)

        assert node.gossip.trust_statuses() == ()
        [told] = [record for record in node.sink.records if "bans last until" in record.message]
        assert told.metadata["path"] == "/node/config/trust/peers.json"

        node.gossip.blame(A, "Decoding_failed")
        assert machine.host().store.read("/node/config/trust/peers.json").startswith(b'[{"peer":')

    in_world(check)


def test_a_trusted_peer_is_dropped_but_not_banned() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        peer = parse_multiaddress(impostor.machine.multiaddress)
        gate(node, Gating(trusted=(peer,)))
        connection = await impostor.link(node)
        await connection.send(b"\xc1")
        assert await next_frame(connection, skipping=GREETINGS) is None
        await impostor.link(node)

    in_world(check)


def test_a_large_frame_before_the_proof_costs_no_memory() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.host.transport.connect(node.machine.address, 8302)
        await connection.send(bytes(2000))

        assert await next_frame(connection) is None
        [record] = [record for record in node.sink.records if "Refused a link" in record.message]
        assert "at most 1024 bytes" in record.metadata["error"]
        assert node.gossip.trust_statuses() == (), "nobody has proved who it is"

    in_world(check)


def test_handshakes_that_hang_do_not_keep_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MAX_HANDSHAKES", 5)

    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        hanging = [await impostor.host.transport.connect(node.machine.address, 8302) for _ in range(20)]
        await asyncio.sleep(0.1)
        friend = GossipNode(world, "friend", [node])
        await asyncio.sleep(1)

        assert friend.peer_names == {node.machine.address}
        assert len([c for c in hanging if not c._has_ended]) <= 5

    in_world(check)


def test_complaints_about_strangers_do_not_fill_the_log() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        for _ in range(100):
            connection = await impostor.host.transport.connect(node.machine.address, 8302)
            await connection.send(b"\xc1")
            connection.close()
        await asyncio.sleep(1)
        assert 0 < len(node.complaints()) <= network.COMPLAINTS + 2

    in_world(check)


def test_who_is_sent_on_cannot_stay_by_ignoring_it() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node", limits=Limits(min_connections=0, max_connections=1))
        GossipNode(world, "friend", [node])
        await asyncio.sleep(1)
        impostor = Impostor(world)
        connection = await impostor.link(node)
        assert isinstance(await next_frame(connection), Addresses)
        assert await next_frame(connection) == Goodbye("too many peers")
        for _ in range(10):
            await connection.send(encode(Message("block", b"let me in")))
        assert await next_frame(connection) is None
        assert (len(node.gossip.peers), node.received) == (1, [])

    in_world(check)


def test_a_peer_tells_a_bounded_number_of_addresses() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        for batch in range(20):
            names = [libp2p_keypair_from_seed(f"{batch} {index}").peer_id for index in range(50)]
            await connection.send(encode(Addresses(tuple(Address("10.9.9.9", 1, name) for name in names))))
        await asyncio.sleep(0.1)
        assert len(node.gossip._known) <= network.MAX_INTRODUCED + 1

    in_world(check)


def test_a_bucket_pays_its_debt_with_time() -> None:
    rate = Rate(10, 20)
    assert [rate.spend(20, now=0), rate.spend(5, now=0), rate.spend(0, now=0.5)] == [0, 0.5, 0]
    assert not rate.take(now=0.5)
    assert rate.take(now=0.7)


def test_a_peer_that_floods_is_read_at_its_rate_and_others_are_not_delayed() -> None:
    """Repeated frames and small ones cost tokens all the same."""

    async def check(world: World) -> None:
        loop = asyncio.get_running_loop()
        node = GossipNode(world, "node")
        friend = GossipNode(world, "friend", [node])
        impostor = Impostor(world)
        await friend.gossip.wait_for_peers(1)
        connection = await impostor.link(node)
        began = loop.time()
        repeats = int(BURST + 10 * FRAMES_PER_SECOND)
        frame = encode(Message("block", b"again and again"))
        for _ in range(repeats):
            await connection.send(frame)
        await connection.send(encode(Ping()))
        friend.gossip.publish("block", b"news")
        await asyncio.sleep(0.1)

        assert node.received == [b"again and again", b"news"]
        while not isinstance(await next_frame(connection, skipping=GREETINGS), Pong):
            pass
        assert 9 < loop.time() - began < 12

    in_world(check)
