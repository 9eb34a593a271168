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
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from random import Random
from typing import NamedTuple

from coda_daemon.gossip.frames import Graft, Have, Message, Prune, Want, encode
from coda_daemon.gossip.link import Link
from coda_daemon.gossip.seen import SeenMessages, digest
from coda_protocol.libp2p_keys import PeerId

DEGREE = 3  # peers that a node asks
MOST_EAGER = 6  # askers that it sends whole messages to
LAZY = 1  # peers at least that are told of a message
SEEN_CAPACITY = 4096  # messages
HELD_CAPACITY = 512  # messages that can still be fetched
MAX_HELD = 16 * 1024 * 1024  # bytes of them
LATELY = 32  # frames that hold or name the latest messages; each neighbour may send one
MAX_WANTED = 64  # messages at once that one peer is asked for
WANT_PATIENCE = 2.0  # seconds until another peer is asked

Control = Graft | Prune | Have | Want
_GRAFT, _PRUNE = encode(Graft()), encode(Prune())

_Holders = set[Link]  # never iterated: links have no order that repeats


class Forms(NamedTuple):
    """What is sent of a message."""

    name: bytes
    frame: bytes  # the message, whole
    have: bytes  # the frame that tells its name


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
        self._held: dict[bytes, tuple[Forms, _Holders]] = {}  # by name, oldest first
        self._held_bytes = 0
        self._asked: dict[Link, None] = {}  # those who send us whole messages
        self._declined: dict[Link, None] = {}  # those who do not, though asked
        self._eager: dict[Link, None] = {}  # whom we send whole messages
        self._waiting: dict[Link, None] = {}  # whom we do not, though they asked
        self._others: list[Link] = []  # who did not ask
        self._wanted: dict[bytes, dict[Link, None]] = {}  # who has it, by name; the first was asked
        self._timers: dict[bytes, asyncio.TimerHandle] = {}

    def take(self, link: Link, message: Message) -> Forms | None:
        """Note a message, and that this peer has it; answers what to pass on, None if it had been taken before."""
        forms = _forms(message.topic, message.payload)
        name = forms.name
        if (held := self._held.get(name)) is not None:
            held[1].add(link)
            return None
        if not self._seen.add(name):
            return None
        holders = self._hold(forms)
        holders.add(link)
        if name in self._wanted:
            holders.update(self._wanted[name])
            self._forget_wish(name)
        return forms

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message of our own to all who are not known to have it."""
        forms = _forms(topic, payload)
        self._seen.add(forms.name)
        self._send(forms, self._links.values())

    def pass_on(self, forms: Forms) -> None:
        """Send a message that was taken to those who asked for whole ones, and tell some others of it."""
        if self._is_flooding:
            self._send(forms, self._links.values())
            return
        holders = self._send(forms, self._eager)
        for link in self._waiting:
            if link not in holders:
                link.send(forms.have)
        others, told = self._others, 0
        first = int(self._chance.random() * len(others))
        for index in range(first - len(others), first):  # all of them, beginning anywhere
            if (link := others[index]) not in holders:
                link.send(forms.have)
                told += 1
                if told == LAZY:
                    return

    def _send(self, forms: Forms, links: Iterable[Link]) -> _Holders:
        """Send a whole message; answers who had it before."""
        held = self._held.get(forms.name)
        holders = self._hold(forms) if held is None else held[1]
        frame = forms.frame
        for link in links:
            if link not in holders:
                link.send(frame)
        return holders

    def _hold(self, forms: Forms) -> _Holders:
        """Keep a message for those who fetch it, and begin to note who has it."""
        holders: _Holders = set()
        held, lately = self._held, self.lately
        held[forms.name] = forms, holders
        self._held_bytes += len(forms.frame)
        while len(held) > HELD_CAPACITY or (self._held_bytes > MAX_HELD and len(held) > 1):
            oldest, _ = held.pop(next(iter(held)))
            self._held_bytes -= len(oldest.frame)
        lately[forms.frame] = lately[forms.have] = holders
        while len(lately) > LATELY:
            del lately[next(iter(lately))]
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
                elif (held := self._held.get(frame.name)) is not None:
                    held[1].add(link)
            case Want():
                if (held := self._held.get(frame.name)) is not None:
                    whole = held[0].frame
                    link.charge(len(whole))
                    link.send(whole)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    # ---- messages that others have ----

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


def _forms(topic: str, payload: bytes) -> Forms:
    return _forms_once(topic, payload) if len(payload) <= _SMALL else _make_forms(topic, payload)


def _make_forms(topic: str, payload: bytes) -> Forms:
    name = digest(topic, payload)
    return Forms(name, encode(Message(topic, payload)), encode(Have(name)))


# The same message comes from most neighbours, and in a simulation to all nodes of one process.
_SMALL = 8192  # bytes
_forms_once = lru_cache(maxsize=128)(_make_forms)
