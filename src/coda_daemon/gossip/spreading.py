"""How messages spread: to every peer, or over a mesh with the others told what there is (daemon contract A.2,
`-enable-flooding`).

What a node makes itself it sends to all its peers. What it passes on goes over the mesh: each node keeps `DEGREE`
links over which whole messages go both ways at once. It asks for a place there with `Graft`; a node with more than
`MOST_EAGER` of them answers `Prune`. Of its other peers some are told the message's name with `Have` and fetch it
with `Want` if they lack it. So the neighbours of who made a message have it after one hop, and the copies that nobody
needs are few.
"""

import asyncio
from collections.abc import Collection, Mapping
from functools import lru_cache
from random import Random

from coda_daemon.gossip.frames import Graft, Have, Message, Prune, Want, encode, encode_message
from coda_daemon.gossip.link import Link
from coda_daemon.gossip.seen import SeenMessages, digest
from coda_protocol.libp2p_keys import PeerId

DEGREE = 3  # links of the mesh that a node sees to
MOST_EAGER = 6  # that it takes
LAZY = 1  # further peers that are told of a message
SEEN_CAPACITY = 4096  # messages
LATELY = 32  # frames that hold or name the latest messages; each neighbour may send one
MAX_KEPT = 16 * 1024 * 1024  # bytes of messages that can still be fetched
MAX_WANTED = 64  # messages at once that one peer is asked for
WANT_PATIENCE = 2.0  # seconds until another peer is asked

Control = Graft | Prune | Have | Want
_GRAFT, _PRUNE = encode(Graft()), encode(Prune())


class Spreading:
    """One node's part in spreading messages. `links` is the owner's table of live links."""

    def __init__(
        self, links: Mapping[PeerId, Link], *, pinned: Collection[PeerId], is_flooding: bool, chance: Random
    ) -> None:
        """`pinned` peers are in the mesh whenever they are linked (`-direct-peer`)."""
        self._links = links
        self._pinned = pinned
        self._is_flooding = is_flooding
        self._chance = chance
        self._seen = SeenMessages(SEEN_CAPACITY)
        self._lately: dict[bytes, bytes] = {}  # names of the latest messages by frames that hold or tell them
        self._eager: dict[PeerId, None] = {}
        self._declined: dict[PeerId, None] = {}  # peers that pruned us
        self._kept: dict[bytes, bytes] = {}  # frames by name, oldest first
        self._kept_bytes = 0
        self._wanted: dict[bytes, dict[PeerId, None]] = {}  # who has it, by name; the first was asked
        self._timers: dict[bytes, asyncio.TimerHandle] = {}

    def take(self, link: Link, message: Message) -> bool:
        """Note a message, and that this peer has it; False if it had been taken before."""
        name = digest(message.topic, message.payload)
        link.known.add(name)
        if not self._seen.add(name):
            return False
        self._forget_wish(name)
        lately = self._lately
        lately[encode_message(message.topic, message.payload)] = name
        lately[_have(name)] = name
        while len(lately) > LATELY:
            del lately[next(iter(lately))]
        return True

    def is_repeated(self, link: Link, frame: bytes) -> bool:
        """Whether a frame holds or tells one of the latest messages again, as most do; notes that this peer has it."""
        name = self._lately.get(frame)
        if name is None:
            return False
        link.known.add(name)
        return True

    def publish(self, topic: str, payload: bytes, *, sender: PeerId | None) -> None:
        """Send a message on to those who are not known to have it; without a sender it is our own."""
        name = digest(topic, payload)
        self._seen.add(name)
        frame = encode_message(topic, payload)
        others: list[Link] = []
        to_all, eager = self._is_flooding or sender is None, self._eager
        for peer_id, link in self._links.items():
            if peer_id == sender or name in link.known:
                continue
            if to_all or peer_id in eager:
                link.send(frame)
            else:
                others.append(link)
        if others:
            self._keep(name, frame)
            have = _have(name)
            for _ in range(min(LAZY, len(others))):
                others.pop(int(self._chance.random() * len(others))).send(have)

    def links_changed(self) -> None:
        """Fill gaps in the mesh."""
        if self._is_flooding:
            return
        for table in (self._eager, self._declined):
            for peer_id in [peer_id for peer_id in table if peer_id not in self._links]:
                del table[peer_id]
        free = [peer for peer in self._links if peer not in self._eager and peer not in self._declined]
        missing = max(0, DEGREE - len(self._eager))
        chosen = free if len(free) <= missing else self._chance.sample(free, missing)
        for peer_id in dict.fromkeys([*chosen, *(peer for peer in free if peer in self._pinned)]):
            self._eager[peer_id] = None
            self._links[peer_id].send(_GRAFT)

    def handle(self, link: Link, frame: Control) -> None:
        """A frame that arranges the spreading; it can do no harm but to make its sender's link busy."""
        peer_id = link.peer.peer_id
        match frame:
            case Graft():
                if peer_id in self._eager:
                    return
                if len(self._eager) < MOST_EAGER or peer_id in self._pinned:
                    self._declined.pop(peer_id, None)
                    self._eager[peer_id] = None
                else:
                    link.send(_PRUNE)
            case Prune():
                if peer_id in self._eager and peer_id not in self._pinned:
                    del self._eager[peer_id]
                    self._declined[peer_id] = None
                    self.links_changed()
            case Have():
                link.known.add(frame.name)
                if frame.name not in self._seen:
                    self._wish(frame.name, link)
            case Want():
                if (kept := self._kept.get(frame.name)) is not None:
                    link.charge(len(kept))
                    link.send(kept)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    # ---- messages that others have ----

    def _keep(self, name: bytes, frame: bytes) -> None:
        if name in self._kept:
            return
        self._kept[name] = frame
        self._kept_bytes += len(frame)
        while self._kept_bytes > MAX_KEPT and len(self._kept) > 1:
            self._kept_bytes -= len(self._kept.pop(next(iter(self._kept))))

    def _wish(self, name: bytes, link: Link) -> None:
        """Ask this peer for a message, or remember it for when the one that was asked does not send it."""
        peer_id = link.peer.peer_id
        if sum(peer_id in holders for holders in self._wanted.values()) >= MAX_WANTED:
            return
        holders = self._wanted.setdefault(name, {})
        holders[peer_id] = None
        if len(holders) == 1:
            self._ask(name, link)

    def _ask(self, name: bytes, link: Link) -> None:
        link.send(encode(Want(name)))
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(WANT_PATIENCE, self._ask_another, name)

    def _ask_another(self, name: bytes) -> None:
        holders = self._wanted[name]
        del holders[next(iter(holders))]
        while holders:
            peer_id = next(iter(holders))
            if link := self._links.get(peer_id):
                self._ask(name, link)
                return
            del holders[peer_id]
        self._forget_wish(name)

    def _forget_wish(self, name: bytes) -> None:
        if self._wanted.pop(name, None) is not None:
            self._timers.pop(name).cancel()


@lru_cache(maxsize=128)  # each message is told of by many nodes of one process
def _have(name: bytes) -> bytes:
    return encode(Have(name))
