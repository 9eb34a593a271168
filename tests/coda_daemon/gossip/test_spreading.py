"""The mesh: whole messages over few links, names over some others, and everyone gets everything once."""

import asyncio
import itertools

from tests.coda_daemon.gossip.testbed import GREETINGS, GossipNode, Impostor, in_world, next_frame
from tests.coda_daemon.worlds import World

from coda_daemon.gossip import spreading
from coda_daemon.gossip.frames import Addresses, Graft, Have, Message, Ping, Pong, Prune, Want, encode
from coda_daemon.gossip.network import Limits
from coda_daemon.gossip.seen import digest

NAME = digest("block", b"payload")
WHOLE = encode(Message("block", b"payload"))


def test_thirty_nodes_get_every_message_once_over_a_sparse_mesh() -> None:
    async def check(world: World) -> None:
        limits = Limits(min_connections=40)
        seed = GossipNode(world, "seed", limits=limits)
        nodes = [seed, *(GossipNode(world, f"node-{index}", [seed], limits=limits) for index in range(29))]
        await asyncio.sleep(20)
        assert all(len(node.gossip.peers) == 29 for node in nodes)
        meshes = [node.gossip._spreading for node in nodes]
        assert {len(mesh._asked) for mesh in meshes} == {spreading.DEGREE}
        assert sum(len(mesh._eager) for mesh in meshes) == 30 * spreading.DEGREE
        assert max(len(mesh._eager) for mesh in meshes) <= spreading.MOST_EAGER

        for index, node in enumerate(nodes):
            node.gossip.publish("block", bytes([index]))
        await asyncio.sleep(5)

        everything = [bytes([index]) for index in range(30)]
        for index, node in enumerate(nodes):
            assert sorted(node.received) == everything[:index] + everything[index + 1 :]

    in_world(check)


def test_those_whose_only_peer_sends_whole_messages_to_enough_others_get_everything_too() -> None:
    async def check(world: World) -> None:
        hub = GossipNode(world, "hub")
        leaves = [GossipNode(world, f"leaf-{index}", [hub], is_isolated=True) for index in range(12)]
        await asyncio.sleep(10)
        assert len(hub.gossip.peers) == 12
        assert all(leaf.gossip.peers == (hub.peer,) for leaf in leaves)

        leaves[0].gossip.publish("block", b"payload")
        await asyncio.sleep(1)
        assert [leaf.received for leaf in leaves[1:]] == [[b"payload"]] * 11

    in_world(check)


def test_what_the_maker_cannot_send_to_a_node_comes_from_others_at_once() -> None:
    async def check(world: World) -> None:
        seed = GossipNode(world, "seed")
        nodes = [seed, *(GossipNode(world, f"node-{index}", [seed]) for index in range(9))]
        await asyncio.sleep(10)
        for number, (maker, cut_off) in enumerate(itertools.permutations(nodes, 2)):
            link = world.network.link(maker.name, cut_off.name)
            link.cut(True)
            maker.gossip.publish("block", bytes([number]))
            await asyncio.sleep(0.5)
            assert cut_off.received[-1:] == [bytes([number])]
            link.cut(False)
            await asyncio.sleep(10)

    in_world(check)


def test_with_flooding_everyone_is_sent_whole_messages_that_others_made() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node", is_flooding=True)
        connections = []
        for index in range(spreading.MOST_EAGER + 2):
            await asyncio.sleep(0.1)
            connections.append(await Impostor(world, f"impostor-{index}").link(node))
        await (await Impostor(world, "sender").link(node)).send(WHOLE)
        for connection in connections:
            assert await next_frame(connection, skipping=GREETINGS) == Message("block", b"payload")

    in_world(check)


def test_a_message_is_not_sent_to_those_who_sent_it_or_told_that_they_have_it() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        node.is_good = False  # it does not pass on what comes
        names = ("early", "first", "second", "late", "latest", "without")
        impostors = {name: Impostor(world, name) for name in names}
        await asyncio.sleep(0.1)
        links = {name: await impostor.link(node) for name, impostor in impostors.items()}

        async def send(name: str, *frames: bytes) -> None:
            for frame in frames:
                await links[name].send(frame)
            await asyncio.sleep(0.1)

        await send("early", encode(Have(NAME)))
        await send("first", WHOLE)
        await send("second", WHOLE)
        await send(
            "first", *(encode(Message("block", bytes([number]))) for number in range(spreading.LATELY))
        )
        await send("late", encode(Have(NAME)))
        await send("latest", WHOLE)
        node.gossip.publish("block", b"payload")

        got = {}
        for name, connection in links.items():
            await connection.send(encode(Ping()))
            got[name] = await next_frame(connection, skipping=(*GREETINGS, Want))
        assert got == dict.fromkeys(names[:-1], Pong()) | {"without": Message("block", b"payload")}

    in_world(check)


def test_a_direct_peer_is_asked_for_whole_messages_and_sent_them_unasked_however_many_ask() -> None:
    async def check(world: World) -> None:
        direct = Impostor(world, "direct")
        node = GossipNode(world, "node", direct=[direct])
        await asyncio.sleep(0.1)
        for index in range(spreading.MOST_EAGER):
            connection = await Impostor(world, f"impostor-{index}").link(node)
            await connection.send(encode(Graft()))
        connection = await direct.link(node)
        await (await Impostor(world, "sender").link(node)).send(WHOLE)
        assert isinstance(await next_frame(connection), Addresses)
        assert isinstance(await next_frame(connection), Graft)
        assert await next_frame(connection) == Message("block", b"payload")

    in_world(check)


def test_what_a_peer_has_is_fetched_and_the_next_one_is_asked_when_it_does_not_come() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        liar, honest = Impostor(world, "liar"), Impostor(world, "honest")
        await asyncio.sleep(0.1)
        one, two = await liar.link(node), await honest.link(node)
        await one.send(encode(Have(NAME)))
        assert await next_frame(one, skipping=GREETINGS) == Want(NAME)
        await two.send(encode(Have(NAME)))
        assert await next_frame(two, skipping=GREETINGS) == Want(NAME)
        await two.send(WHOLE)
        await asyncio.sleep(0.1)

        assert node.received == [b"payload"]
        await one.send(encode(Have(NAME)))
        await one.send(encode(Ping()))
        assert isinstance(await next_frame(one, skipping=(*GREETINGS, Message, Have)), Pong), (
            "it is not asked again"
        )

    in_world(check)


def test_a_node_that_was_told_a_name_can_fetch_the_message() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        await connection.send(encode(Prune()))
        await asyncio.sleep(0.1)
        await (await Impostor(world, "sender").link(node)).send(WHOLE)

        assert await next_frame(connection, skipping=GREETINGS) == Have(NAME)
        await connection.send(encode(Want(NAME)))
        assert await next_frame(connection) == Message("block", b"payload")
        await connection.send(encode(Want(bytes(16))))
        await connection.send(encode(Ping()))
        assert isinstance(await next_frame(connection), Pong)

    in_world(check)


def test_what_a_node_makes_itself_goes_to_all_its_peers_whole() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        connections = []
        for index in range(spreading.MOST_EAGER + 2):
            await asyncio.sleep(0.1)
            connections.append(await Impostor(world, f"impostor-{index}").link(node))
        node.gossip.publish("block", b"payload")
        for connection in connections:
            assert await next_frame(connection, skipping=GREETINGS) == Message("block", b"payload")

    in_world(check)


def test_a_full_mesh_declines() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        answers = []
        for index in range(spreading.MOST_EAGER + 2):
            impostor = Impostor(world, f"impostor-{index}")
            await asyncio.sleep(0.1)
            connection = await impostor.link(node)
            await connection.send(encode(Graft()))
            await connection.send(encode(Ping()))
            answers.append(type(await next_frame(connection, skipping=GREETINGS)))
        assert answers == [Pong] * spreading.MOST_EAGER + [Prune] * 2

    in_world(check)


def test_names_of_messages_that_nobody_sends_are_forgotten() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        impostor = Impostor(world)
        await asyncio.sleep(0.1)
        connection = await impostor.link(node)
        for number in range(1000):
            await connection.send(encode(Have(number.to_bytes(16, "big"))))
        await asyncio.sleep(0.1)
        assert len(node.gossip._spreading._wanted) == spreading.MAX_WANTED
        await asyncio.sleep(10)
        assert node.gossip._spreading._wanted == {}

    in_world(check)


def test_messages_that_can_be_fetched_are_bounded() -> None:
    async def check(world: World) -> None:
        node = GossipNode(world, "node")
        held = node.gossip._spreading._held
        await asyncio.sleep(0.1)
        for number in range(spreading.HELD_CAPACITY + 10):
            node.gossip.publish("block", number.to_bytes(4, "big"))
        assert len(held) == spreading.HELD_CAPACITY
        for number in range(40):
            node.gossip.publish("block", bytes([number]) * (1 << 20))
        sizes = [len(forms.frame) for forms, _ in held.values()]
        assert spreading.MAX_HELD - 2 * (1 << 20) < sum(sizes) <= spreading.MAX_HELD
        assert node.gossip._spreading._held_bytes == sum(sizes)

    in_world(check)
