"""How messages spread: to every peer, or over a mesh with the others told what there is (daemon contract A.2,
`-enable-flooding`).

What a node makes itself it sends to all its peers: whoever is linked to the maker has it after one hop. What it passes
on goes over the mesh. Each node asks `DEGREE` of its peers with `Graft` for whole messages at once, as Bitcoin's does
for whole blocks (BIP 152, high-bandwidth mode); so however large the network is, that many copies come to each node,
and it misses nothing until all who send them fail. A peer that sends them to `MOST_EAGER` others already answers
`Prune`, and tells the asker the messages' names with `Have`; so it does with `LAZY` of those who did not ask. They
fetch with `Want` what they lack.
"""

import asyncio
from collections.abc import Collection, Mapping
from functools import lru_cache
from random import Random
from typing import Any

from coda_daemon.gossip.frames import Graft, Have, Message, Prune, Want, encode, encode_message
from coda_daemon.gossip.link import Link
from coda_daemon.gossip.seen import SeenMessages, digest
from coda_protocol.libp2p_keys import PeerId

DEGREE = 3  # peers that a node asks
MOST_EAGER = 6  # askers that it sends whole messages to
LAZY = 1  # peers at least that are told of a message
SEEN_CAPACITY = 4096  # messages
HELD_CAPACITY = 128  # messages of which it is remembered who has them
LATELY = 32  # frames that hold or name the latest messages; each neighbour may send one
MAX_KEPT = 16 * 1024 * 1024  # bytes of messages that can still be fetched
MAX_WANTED = 64  # messages at once that one peer is asked for
WANT_PATIENCE = 2.0  # seconds until another peer is asked

Control = Graft | Prune | Have | Want
_GRAFT, _PRUNE = encode(Graft()), encode(Prune())

_Holders = set[Link]  # never iterated: links have no order that repeats


class Spreading:
    """One node's part in spreading messages. `links` is the owner's table of live links."""

    def __init__(
        self, links: Mapping[PeerId, Link], *, pinned: Collection[PeerId], is_flooding: bool, chance: Random
    ) -> None:
        """`pinned` peers are asked, and sent whole messages, whenever they are linked (`-direct-peer`)."""
        self.lately: dict[bytes, _Holders] = {}  # by frames that hold or tell the latest messages
        self._links = links
        self._pinned = pinned
        self._is_flooding = is_flooding
        self._chance = chance
        self._seen = SeenMessages(SEEN_CAPACITY)
        self._holders: dict[bytes, _Holders] = {}  # by name
        self._asked: dict[Link, None] = {}  # those who send us whole messages
        self._declined: dict[Link, None] = {}  # those who do not, though asked
        self._eager: dict[Link, None] = {}  # whom we send whole messages
        self._waiting: dict[Link, None] = {}  # whom we do not, though they asked
        self._others: list[Link] = []  # who did not ask
        self._kept: dict[bytes, bytes] = {}  # frames by name, oldest first
        self._kept_bytes = 0
        self._wanted: dict[bytes, dict[Link, None]] = {}  # who has it, by name; the first was asked
        self._timers: dict[bytes, asyncio.TimerHandle] = {}

    def take(self, link: Link, message: Message) -> bool:
        """Note a message, and that this peer has it; False if it had been taken before."""
        name = digest(message.topic, message.payload)
        is_new = self._seen.add(name)
        if is_new:
            self._note(name, encode_message(message.topic, message.payload)).update(
                self._wanted.get(name, ())
            )
            self._forget_wish(name)
        if (holders := self._holders.get(name)) is not None:
            holders.add(link)
        return is_new

    def publish(self, topic: str, payload: bytes, *, sender: PeerId | None) -> None:
        """Send a message on to those who are not known to have it; without a sender it is our own."""
        name, frame = digest(topic, payload), encode_message(topic, payload)
        holders = self._holders.get(name)
        if holders is None:
            self._seen.add(name)
            holders = self._note(name, frame)
        if sender is None or self._is_flooding:
            for link in self._links.values():
                if link not in holders and link.peer.peer_id != sender:
                    link.send(frame)
            return
        for link in self._eager:
            if link not in holders and link.peer.peer_id != sender:
                link.send(frame)
        self._tell(name, frame, holders, sender)

    def _tell(self, name: bytes, frame: bytes, holders: _Holders, sender: PeerId) -> None:
        """Tell those who wait for a place in the mesh, and some who do not, that the message is here."""
        waiting, others = self._waiting, self._others
        if not waiting and not others:
            return
        self._keep(name, frame)
        first, told = int(self._chance.random() * len(others)), 0
        for link in (*waiting, *others[first:], *others[:first]):
            if told >= LAZY and link not in waiting:
                return
            if link not in holders and link.peer.peer_id != sender:
                link.send(_have(name))
                told += 1

    def _note(self, name: bytes, frame: bytes) -> _Holders:
        """Begin to note who has a message."""
        holders: _Holders = set()
        self._holders[name] = self.lately[frame] = self.lately[_have(name)] = holders
        _keep_latest(self._holders, HELD_CAPACITY)
        _keep_latest(self.lately, LATELY)
        return holders

    def links_changed(self) -> None:
        """Ask others in place of those who are gone."""
        live = set(self._links.values())
        for table in (self._asked, self._declined, self._eager, self._waiting):
            for link in [link for link in table if link not in live]:
                del table[link]
        pinned = [link for link in self._links.values() if link.peer.peer_id in self._pinned]
        for link in pinned:
            self._eager[link] = None
        free = [
            link for link in self._links.values() if link not in self._asked and link not in self._declined
        ]
        missing = max(0, DEGREE - len(self._asked))
        chosen = free if len(free) <= missing else self._chance.sample(free, missing)
        for link in dict.fromkeys([*chosen, *(link for link in pinned if link in free)]):
            self._asked[link] = None
            link.send(_GRAFT)
        self._sort_out_others()

    def _sort_out_others(self) -> None:
        mesh = {**self._eager, **self._waiting}
        self._others = [link for link in self._links.values() if link not in mesh]

    def handle(self, link: Link, frame: Control) -> None:
        """A frame that arranges the spreading; it can do no harm but to make its sender's link busy."""
        match frame:
            case Graft():
                if link in self._eager or link in self._waiting:
                    return
                if len(self._eager) < MOST_EAGER:
                    self._eager[link] = None
                else:
                    self._waiting[link] = None
                    link.send(_PRUNE)
                self._sort_out_others()
            case Prune():
                if link in self._asked:
                    del self._asked[link]
                    self._declined[link] = None
                    self.links_changed()
            case Have():
                if frame.name not in self._seen:
                    self._wish(frame.name, link)
                elif (holders := self._holders.get(frame.name)) is not None:
                    holders.add(link)
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
        if sum(link in holders for holders in self._wanted.values()) >= MAX_WANTED:
            return
        holders = self._wanted.setdefault(name, {})
        holders[link] = None
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
            link = next(iter(holders))
            if not link.closed.is_set():
                self._ask(name, link)
                return
            del holders[link]
        self._forget_wish(name)

    def _forget_wish(self, name: bytes) -> None:
        if self._wanted.pop(name, None) is not None:
            self._timers.pop(name).cancel()


def _keep_latest(table: dict[bytes, Any], most: int) -> None:
    while len(table) > most:
        del table[next(iter(table))]


@lru_cache(maxsize=128)  # each message is told of by many nodes of one process
def _have(name: bytes) -> bytes:
    return encode(Have(name))
