"""Frames that nobody ought to send, to the decoder and to a live node: no crash, no hang, no wrong accept."""

import asyncio
import random
from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.coda_daemon.gossip.testbed import GossipNode, Impostor, in_world
from tests.coda_daemon.worlds import World

from coda_daemon.gossip.frames import (
    Address,
    Addresses,
    Answer,
    Frame,
    Goodbye,
    Graft,
    Have,
    Hello,
    MalformedFrame,
    Message,
    Ping,
    Pong,
    Proof,
    Prune,
    Refusal,
    Request,
    Want,
    Welcome,
    decode,
    encode,
)
from coda_daemon.gossip.gating import Gating
from coda_daemon.gossip.handshake import HandshakeFailed
from coda_daemon.gossip.peer import parse_multiaddress
from coda_daemon.ports import Connection
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed

# What each tag may carry, told independently of the decoder: the types, and the greatest or exact sizes.
TEXT, BYTES, PORT, COUNT, NUMBER = "text", "bytes", "port", "count", "number"
NAME, REASON, NONCE, SIGNATURE, DIGEST = (TEXT, 64), (TEXT, 256), (BYTES, -32), (BYTES, 64), (BYTES, -16)
SHAPES: dict[int, list[tuple[str, int]]] = {
    0: [(COUNT, 0), NAME, NAME, NAME, (PORT, 0), NONCE],
    1: [SIGNATURE],
    2: [],
    3: [REASON],
    5: [NAME, (BYTES, 1 << 40)],
    6: [(NUMBER, 0), NAME, (BYTES, 1 << 40)],
    7: [(NUMBER, 0), (BYTES, 1 << 40)],
    8: [(NUMBER, 0), REASON],
    9: [],
    10: [],
    11: [],
    12: [],
    13: [DIGEST],
    14: [DIGEST],
}

PEER_IDS = [libp2p_keypair_from_seed(str(index)).peer_id for index in range(10)]


def is_proper(value: object, shape: tuple[str, int]) -> bool:
    kind, size = shape
    match kind, value:
        case "text", str():
            return len(value) <= size
        case "bytes", bytes():
            return len(value) == -size if size < 0 else len(value) <= size
        case "port", int():
            return 0 < value < 65536
        case "count", int():
            return 0 <= value < 65536
        case "number", int():
            return 0 <= value <= 2**62
    return False


def may_be_accepted(data: bytes) -> bool:
    value = msgspec.msgpack.decode(data)
    assert isinstance(value, list)
    tag, *fields = value
    if tag == 4:
        peers = fields[0]
        return len(peers) <= 200 and all(
            all(map(is_proper, peer, (NAME, (PORT, 0), NAME))) and len(peer) >= 3 for peer in peers
        )
    shapes = SHAPES[tag]
    return len(fields) >= len(shapes) and all(map(is_proper, fields, shapes))


def some_bytes(chance: random.Random, most: int) -> bytes:
    return chance.randbytes(chance.randint(0, most))


def some_frame(chance: random.Random) -> Frame:
    """A proper one, of every kind."""
    peer_id = chance.choice(PEER_IDS)
    name = chance.choice(["block", "echo", "bug", "", "ü" * 64])
    number = chance.choice([0, 1, 2**62, chance.randint(0, 1000)])
    makers: list[Callable[[], Frame]] = [
        lambda: Hello(chance.randint(0, 2), name, peer_id, "10.0.0.9", 8302, chance.randbytes(32)),
        lambda: Proof(some_bytes(chance, 64)),
        Welcome,
        lambda: Goodbye(name),
        lambda: Addresses((Address("10.0.0.99", 1, peer_id),) * chance.randint(0, 200)),
        lambda: Message(name, some_bytes(chance, 2000)),
        lambda: Request(number, name, some_bytes(chance, 2000)),
        lambda: Answer(number, some_bytes(chance, 2000)),
        lambda: Refusal(number, name),
        Ping,
        Pong,
        Graft,
        Prune,
        lambda: Have(chance.randbytes(16)),
        lambda: Want(chance.randbytes(16)),
    ]
    return chance.choice(makers)()


def mutated(data: bytes, chance: random.Random) -> bytes:
    buffer = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randint(0, len(buffer))
        match chance.randint(0, 5):
            case 0 if place < len(buffer):
                buffer[place] = chance.randint(0, 255)
            case 1:
                del buffer[place : place + chance.randint(1, 8)]
            case 2:
                buffer[place:place] = some_bytes(chance, 8)
            case 3:
                buffer[place:place] = buffer[: chance.randint(0, 20)]
            case 4:  # a length that promises more than there is
                buffer[place:place] = chance.choice(
                    [b"\xdd\xff\xff\xff\xff", b"\xdb\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
                )
            case 5:
                buffer[place:place] = b"\x91" * chance.choice([1, 2000])  # depth
    return bytes(buffer)


def some_data(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.1:
        return some_bytes(chance, 200)
    data = encode(some_frame(chance))
    return data if kind < 0.5 else mutated(data, chance)


def decode_all(count: int, seed: int) -> None:
    chance, accepted = random.Random(seed), 0
    for _ in range(count):
        data = some_data(chance)
        try:
            frame = decode(data)
        except MalformedFrame:
            continue
        accepted += 1
        assert may_be_accepted(data), data
        assert decode(encode(frame)) == frame
    assert count * 0.3 < accepted < count * 0.9


def frames(count: int, chance: random.Random) -> Iterator[bytes]:
    for _ in range(count):
        yield some_data(chance)


async def linked_again(impostor: Impostor, node: GossipNode) -> Connection:
    while True:
        try:
            return await impostor.link(node)
        except HandshakeFailed:  # the node dials it just now
            await asyncio.sleep(0.1)


def send_all(count: int, seed: int) -> None:
    """To a live node over real links; afterwards it serves its friend as if nothing had been."""

    async def check(world: World) -> None:
        chance = random.Random(seed)
        node = GossipNode(world, "node")
        friend = GossipNode(world, "friend", [node])
        impostor = Impostor(world)
        await friend.gossip.wait_for_peers(1)
        # Trusted, so that it is dropped and not banned: every frame is to be looked at.
        trusted = Gating(trusted=(parse_multiaddress(impostor.machine.multiaddress), friend.peer))
        node.process.context.run(node.gossip.set_gating, trusted, clean_added_peers=False)
        connection = await impostor.link(node)
        for data in frames(count, chance):
            try:
                await connection.send(data)
            except ConnectionError:
                connection = await linked_again(impostor, node)
            if chance.random() < 0.3:
                await asyncio.sleep(0.01)
        await asyncio.sleep(60)

        assert not node.task.done()
        assert await friend.gossip.request(node.peer, "echo", b"alive", seconds=5) == b"alive"
        bugs = [record.message for record in node.sink.records if "Internal error" in record.message]
        # The node's own handler raises on purpose when it is asked for "bug".
        assert set(bugs) <= {"Internal error while handling a request of $peer: $error"}
        assert friend.complaints() == []

    in_world(check)


def test_depth_is_malformed_wherever_it_is() -> None:
    for data in (b"\x91" * 100_000, b"\x92\x09" + b"\x91" * 100_000 + b"\xc0"):
        with pytest.raises(MalformedFrame):
            decode(data)


def test_a_sample_of_frames_is_decoded_or_refused() -> None:
    decode_all(5_000, seed=1)


def test_a_node_lives_through_a_sample_of_frames() -> None:
    send_all(1_000, seed=2)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_frames() -> None:
    decode_all(100_000, seed=3)
    send_all(100_000, seed=4)
