"""The gossip network as one node sees it: finding peers, keeping links, spreading messages, asking for
things.

Every link begins with an exchange of addresses, and what is learnt so is dialled while there are fewer links
than wanted. So of two nodes with a common neighbour, the one that came later learns of the other, and a
connected network of up to `min_connections` nodes ends with everyone linked to everyone. How messages spread
over the links is `spreading`'s business; with whom there may be any is that of `gating` and `trust`.

What an attacker may cost: a bounded number of links, of handshakes under way, of known addresses, of bytes
unread and of frames handled in a second. What it breaks the rules with is its last frame for as long as a ban
lasts.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from coda_daemon.gossip.frames import MAX_ADDRESSES, Address, Addresses, Goodbye, Message, Request, encode
from coda_daemon.gossip.gating import Gating
from coda_daemon.gossip.handshake import (
    HandshakeFailed,
    Self,
    greet,
    receive_greeting,
    refuse,
    welcome,
)
from coda_daemon.gossip.link import MODULE, Link, RequestFailed
from coda_daemon.gossip.peer import Peer
from coda_daemon.gossip.rate import Rate
from coda_daemon.gossip.spreading import Control, Spreading
from coda_daemon.gossip.trust import Trust
from coda_daemon.gossip.trust_file import TrustFile
from coda_daemon.log import Log
from coda_daemon.ports import Connection, Host
from coda_daemon.profile import Profile
from coda_protocol import structured_events
from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import Libp2pKeypair, PeerId, public_key_of_peer
from coda_protocol.log_message import format_timestamp

MAX_KNOWN_PEERS = 1000
ENOUGH_PEERS = 5  # daemon contract A.10; in a large network that is starting, links never are quiet
DIALS_AT_ONE_PACE = 3  # then they come half as often
GIVE_UP_AFTER = 24  # failed dials of a peer that is no seed
MAX_INTRODUCED = 400  # addresses that one link may tell
MAX_HANDSHAKES = 128  # under way at once; the oldest makes room
COMPLAINTS = 10  # about handshakes, at once; then one a second: a stranger must not fill the disk

Serve = Callable[[Peer, str, bytes], Awaitable[bytes]]
Receive = Callable[[Peer, str, bytes], bool]

__all__ = ["Gossip", "Limits", "Peer", "RequestFailed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that the command line sets (daemon contract A.2)."""

    min_connections: int = 20  # dial until there are so many
    max_connections: int = 50  # send newcomers on above


@dataclass(frozen=True, slots=True)
class TrustStatus:
    """A peer that was blamed, as GraphQL's `trustStatus` tells it; `banned_until` in ns since the Unix epoch."""

    peer: Peer
    trust: float
    banned_until: int | None


class Gossip:
    """A node's part of the network. Construct, then `run`; all else may be called from then on.

    `serve(peer, kind, payload)` answers a request, raising RequestFailed when it cannot. `receive(peer,
    topic, payload)` judges a new message and tells whether to pass it on.
    """

    def __init__(
        self,
        *,
        host: Host,
        identity: Libp2pKeypair,
        chain_id: str,
        bind_ip: str,
        external_ip: str,
        external_port: int,
        seeds: Sequence[Peer],
        profile: Profile,
        log: Log,
        serve: Serve,
        receive: Receive,
        limits: Limits | None = None,
        direct: Sequence[Peer] = (),
        is_flooding: bool = False,
        is_isolated: bool = False,
        trust_file: TrustFile | None = None,
    ) -> None:
        """`direct` peers are dialled for ever and always in the mesh. They and the seeds are trusted at first;
        with `is_isolated` nobody else is talked to. Without a `trust_file` bans end with the process.
        """
        self._host = host
        self._bind_ip = bind_ip
        # 0.0.0.0 is what test tools pass: it says nothing, so others take the address that they see.
        self._own = Self(identity, chain_id, "" if external_ip == "0.0.0.0" else external_ip, external_port)  # noqa: S104
        given = dict.fromkeys(peer for peer in (*seeds, *direct) if peer.peer_id != identity.peer_id)
        self._seeds = {peer.peer_id: peer for peer in given}
        self._gating = Gating(is_isolated, trusted=tuple(given))
        self._trust = Trust(ban=profile.ban)
        self._trust_file = trust_file
        self._profile = profile
        self._log = log
        self._serve = serve
        self._receive = receive
        self._limits = limits or Limits()
        self._chance = host.chance.stream("gossip")
        self._links: dict[PeerId, Link] = {}
        self._dialling: dict[PeerId, None] = {}
        self._known: dict[PeerId, None] = {}
        self._handshakes: dict[Connection, None] = {}
        self._complaints = Rate(1.0, COMPLAINTS)
        self._spreading = Spreading(
            self._links,
            pinned=frozenset(peer.peer_id for peer in direct),
            is_flooding=is_flooding,
            chance=host.chance.stream("gossip mesh"),
        )
        self.lately = self._spreading.lately
        self._changed = asyncio.Event()
        self._changed_at = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._probing: asyncio.TimerHandle | None = None
        self.connections_seen = 0

    def __repr__(self) -> str:
        return f"<Gossip {self._own.identity.peer_id} {len(self._links)} peers>"

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The linked peers, longest known first."""
        return tuple(link.peer for link in self._links.values())

    @property
    def peer_id(self) -> PeerId:
        return self._own.identity.peer_id

    @property
    def gating(self) -> Gating:
        return self._gating

    def set_gating(self, gating: Gating, *, clean_added_peers: bool) -> None:
        """Cut the links that are not allowed any more, and dial those that are again (daemon contract D.5).

        `clean_added_peers` ends the special care for seeds and added peers: they are dialled like any other.
        """
        self._gating = gating
        if clean_added_peers:
            self._seeds = {}
        self._log.info(
            MODULE,
            "Connection gating changed: isolate is $isolate, $trusted trusted peers, $banned banned peers",
            isolate=gating.isolate,
            trusted=len(gating.trusted),
            banned=len(gating.banned),
        )
        for link in tuple(self._links.values()):
            if reason := self._refusal(link.peer.peer_id):
                link.close(reason)
        self._notify()

    def add_peers(self, peers: Sequence[Peer], *, are_seeds: bool) -> None:
        """Dial peers, seeds for ever and the others until they are given up (daemon contract D.5 `addPeers`)."""
        for peer in peers:
            if are_seeds and peer.peer_id != self.peer_id:
                self._seeds[peer.peer_id] = peer
            self._learn(peer, is_wanted=True)
        self._notify()

    def blame(self, peer: Peer, action: str, penalty: float = 1.0) -> None:
        """Trust a peer less; at −1 it is banned, unless the gating configuration trusts it."""
        loop = asyncio.get_running_loop()
        until = self._trust.blame(peer, penalty, now=loop.time())
        if until is not None and self._trust_file is not None:
            now = loop.time()
            self._trust_file.write(self._trust.standings(now=now), now=now)
        if until is None or self._gating.trusts(peer.peer_id):
            return
        self._log.event(
            structured_events.PEER_BANNED,
            sender_id={"host": peer.host, "peer_id": peer.peer_id, "libp2p_port": peer.port},
            expiration=format_timestamp(self._wall_time(until)),
            action=action,
        )
        if link := self._links.get(peer.peer_id):
            link.close(f"banned for {action}")

    def trust_statuses(self) -> tuple[TrustStatus, ...]:
        """All peers that were ever blamed (daemon contract D.5)."""
        now = asyncio.get_running_loop().time()
        return tuple(
            TrustStatus(
                standing.peer,
                standing.trust,
                None if standing.banned_until is None else self._wall_time(standing.banned_until),
            )
            for standing in self._trust.standings(now=now)
        )

    def on_peers_changed(self, listener: Callable[[], None]) -> None:
        """Have a function called whenever a link begins or ends."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Accept and keep links until cancelled. Raises OSError when the port cannot be listened on."""
        self._changed_at = now = asyncio.get_running_loop().time()
        if self._trust_file is not None:
            self._trust.restore(self._trust_file.read(now=now))
        listener = await self._host.transport.listen(self._bind_ip, self._own.port, self._accept)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for seed in self._seeds.values():
                    self._learn(seed)
                self._probe_later()
                try:
                    await asyncio.get_running_loop().create_future()  # for ever
                finally:
                    self._tasks = None  # ends the telling of changes too: links that close now tell nothing
        finally:
            listener.close()
            if self._probing is not None:
                self._probing.cancel()
            self._spreading.close()
            for link in tuple(self._links.values()):
                link.close()

    async def wait_for_peers(self, count: int) -> None:
        while len(self._links) < count:
            await self._wait_for_change()

    async def wait_until_settled(self, quiet: float) -> None:
        """Wait until every seed is linked and no link began or ended for `quiet` seconds, or there are enough links."""
        loop = asyncio.get_running_loop()
        while len(self._links) < ENOUGH_PEERS:
            is_linked = all(peer_id in self._links for peer_id in self._seeds)
            rest = self._changed_at + quiet - loop.time()
            if is_linked and rest <= 0:
                return
            try:
                async with asyncio.timeout(rest if is_linked else None):
                    await self._wait_for_change()
            except TimeoutError:
                return

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message to all peers but those known to have it."""
        self._spreading.publish(topic, payload)

    async def request(self, peer: Peer, kind: str, payload: bytes, *, seconds: float) -> bytes:
        """Ask one peer. Raises RequestFailed when it is gone, cannot answer, or takes over `seconds`."""
        link = self._links.get(peer.peer_id)
        if link is None:
            raise RequestFailed(f"{peer} is not linked")
        return await link.request(kind, payload, seconds=seconds)

    def redial_all(self) -> None:
        """Drop all links; they are dialled afresh. For a node that has been offline for too long (contract
        A.9).
        """
        for link in tuple(self._links.values()):
            link.close("offline for too long")

    # ---- what comes over links ----

    def handle_message(self, link: Link, message: Message) -> None:
        forms = self._spreading.take(link, message)
        if forms is None:
            return
        try:
            is_good = self._receive(link.peer, message.topic, message.payload)
        except Exception as error:  # noqa: BLE001  our bug must not let one message take the node down, nor stay unseen
            self._log_bug("a message", link, error)
            return
        if is_good:
            self._spreading.pass_on(forms)

    async def handle_request(self, link: Link, request: Request) -> bytes:
        try:
            return await self._serve(link.peer, request.kind, request.payload)
        except RequestFailed:
            raise
        except Exception as error:  # as above
            self._log_bug("a request", link, error)
            raise RequestFailed("internal error") from error

    def handle_control(self, link: Link, frame: Control) -> None:
        self._spreading.handle(link, frame)

    def handle_addresses(self, link: Link, addresses: Addresses) -> None:
        link.introduced += len(addresses.peers)
        if link.introduced > MAX_INTRODUCED:
            return
        fresh = [address for address in addresses.peers if address.peer_id not in self._known]
        # Everyone gets the same list from a seed: in the same order, the first of it would be dialled by all.
        self._chance.shuffle(fresh)
        for address in fresh:
            try:
                public_key_of_peer(address.peer_id)
            except FormatError as error:
                self._log.faulty_peer(
                    MODULE, "$peer sent a bad address: $error", peer=str(link.peer), error=str(error)
                )
                self.blame(link.peer, "Violated_protocol", 0.2)
                return
            self._learn(Peer(address.host, address.port, PeerId(address.peer_id)))

    def _log_bug(self, what: str, link: Link, error: Exception) -> None:
        import traceback

        self._log.error(
            MODULE,
            f"Internal error while handling {what} of $peer: $error",
            peer=str(link.peer),
            error="".join(traceback.format_exception(error)),
        )

    # ---- finding peers ----

    def _refusal(self, peer_id: PeerId) -> str | None:
        """Why there must be no link to a peer; None when there may."""
        if self._gating.trusts(peer_id):
            return None
        if self._banned_until(peer_id) is not None:
            return "banned for what it did"
        return self._gating.refusal(peer_id)

    def _banned_until(self, peer_id: PeerId) -> float | None:
        return self._trust.banned_until(peer_id, now=asyncio.get_running_loop().time())

    def _learn(self, peer: Peer, *, is_wanted: bool = False) -> None:
        """Begin to look after a peer's link, unless that is done already."""
        if self._tasks is None or peer.peer_id in self._known or peer.peer_id == self.peer_id:
            return
        if peer.peer_id not in self._seeds and len(self._known) >= MAX_KNOWN_PEERS:
            return
        self._known[peer.peer_id] = None
        looking = self._look_after(peer, is_wanted=is_wanted)
        self._tasks.create_task(looking, name=f"peer {peer.peer_id}")

    async def _look_after(self, peer: Peer, *, is_wanted: bool) -> None:
        """Keep a link to a peer while links are wanted; forget it after too many failures."""
        failures = 0
        while peer.peer_id in self._seeds or failures < GIVE_UP_AFTER:
            # A seed may have moved to another address since (`addPeers`).
            target = self._seeds.get(peer.peer_id, peer)
            if link := self._links.get(peer.peer_id):
                await link.closed.wait()
                failures = 0
            elif self._refusal(peer.peer_id):
                await self._wait_for_change(until=self._banned_until(peer.peer_id))
                continue
            elif not self._has_room_for(peer.peer_id) and not is_wanted:
                await self._wait_for_change()
                continue
            elif await self._dial(target, failures=failures):
                failures, is_wanted = 0, False
            else:
                failures += 1
            longest = min(
                self._profile.redial_first * 2 ** (failures // DIALS_AT_ONE_PACE), self._profile.redial_most
            )
            # Half of it is chance: two nodes that lost their link must not dial each other in step for ever.
            await asyncio.sleep(longest * (0.5 + self._chance.random() / 2))
        self._known.pop(peer.peer_id, None)

    def _has_room_for(self, peer_id: PeerId) -> bool:
        if peer_id in self._seeds:
            return True
        return len(self._links) + len(self._dialling) < self._limits.min_connections

    async def _dial(self, peer: Peer, *, failures: int) -> bool:
        """Make a link and serve it to its end; False if there never was one, or not for long.

        `failures` is how many dials failed before; of a peer that cannot be reached, each change of pace is told.
        """
        self._dialling[peer.peer_id] = None
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self._profile.connect_limit):
                connection = await self._host.transport.connect(peer.host, peer.port)
                nonce = self._host.chance.token_bytes(32)
                await greet(connection, self._own, nonce, expected=peer.peer_id)
        except (OSError, TimeoutError) as error:
            if connection is not None or failures % DIALS_AT_ONE_PACE == 0:
                self._log.debug(
                    MODULE, "Could not link to $peer: $error", peer=str(peer), error=str(error) or "timed out"
                )
            if connection is not None:
                connection.close()
            return False
        finally:
            del self._dialling[peer.peer_id]
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._keep(connection, peer, is_dialled=True)
        # A peer that is full takes every link, to say so: it must not be dialled at once again.
        return loop.time() - began >= self._profile.redial_most

    async def _accept(self, connection: Connection) -> None:
        if len(self._handshakes) >= MAX_HANDSHAKES:
            # Who is slow in it is no good peer, and may be there to keep others out.
            next(iter(self._handshakes)).close()
        self._handshakes[connection] = None
        try:
            peer = await self._greeted(connection)
        finally:
            self._handshakes.pop(connection, None)
        if peer is None or self._tasks is None:  # the latter: the node is ending
            connection.close()
            return
        await self._keep(connection, peer, is_dialled=False)

    async def _greeted(self, connection: Connection) -> Peer | None:
        """The peer that a connection turned out to be from, and that was told to be welcome."""
        try:
            async with asyncio.timeout(self._profile.connect_limit):
                nonce = self._host.chance.token_bytes(32)
                peer = await receive_greeting(connection, self._own, nonce)
                refusal = self._refusal(peer.peer_id)
                if refusal is None and peer.peer_id in self._dialling and self.peer_id < peer.peer_id:
                    # Both dial at once: the dial of the smaller peer id is the one that both take.
                    refusal = "we are linking to you"
                if refusal is None:
                    await welcome(connection)
                    return peer
                await refuse(connection, refusal)
        except HandshakeFailed as error:
            self._complain(connection, error, is_faulty=error.faulty)
        except ConnectionAbortedError as error:
            self._complain(connection, error, is_faulty=True)
        except (OSError, TimeoutError) as error:
            self._log.debug(MODULE, "A link was lost in its handshake: $error", error=str(error))
        return None

    def _complain(self, connection: Connection, error: Exception, *, is_faulty: bool) -> None:
        # Nobody is blamed: the other side may have claimed any name.
        if not self._complaints.take(now=asyncio.get_running_loop().time()):
            return
        write = self._log.faulty_peer if is_faulty else self._log.debug
        write(
            MODULE, "Refused a link from $address: $error", address=connection.remote_host, error=str(error)
        )

    async def _keep(self, connection: Connection, peer: Peer, *, is_dialled: bool) -> None:
        """Serve a new link until it ends. It replaces an older one to the same peer, which that peer has
        given up.
        """
        if reason := self._refusal(peer.peer_id):  # the gate was shut during the handshake
            self._log.debug(MODULE, "Closing link to $peer: $reason", peer=str(peer), reason=reason)
            connection.close()
            return
        if old := self._links.pop(peer.peer_id, None):
            old.close("the peer made a new one")
        if len(self._links) >= self._limits.max_connections and not self._gating.trusts(peer.peer_id):
            await self._send_on(connection)
            return
        link = Link(connection, peer, self, self._log, is_dialled=is_dialled)
        link.send(self._addresses())
        self._links[peer.peer_id] = link
        self.connections_seen += 1
        self._log.debug(MODULE, "Linked to $peer", peer=str(peer))
        self._notify()
        self._learn(peer)
        try:
            await link.run()
        finally:
            if self._links.get(peer.peer_id) is link:
                del self._links[peer.peer_id]
                if self._tasks is not None:
                    self._notify()

    async def _send_on(self, connection: Connection) -> None:
        """Tell a newcomer for whom there is no room where to go, and give it a moment to read that."""
        self._handshakes[connection] = None
        try:
            async with asyncio.timeout(self._profile.connect_limit):
                await connection.send(self._addresses())
                await connection.send(encode(Goodbye("too many peers")))
                while await connection.receive() is not None:
                    pass  # what it says meanwhile
        except (OSError, TimeoutError):
            pass
        finally:
            self._handshakes.pop(connection, None)
            connection.close()

    def _addresses(self) -> bytes:
        peers = [Address(link.peer.host, link.peer.port, link.peer.peer_id) for link in self._links.values()]
        return encode(Addresses(tuple(peers[-MAX_ADDRESSES:])))

    def _probe_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._probing = loop.call_later(self._profile.keep_alive, self._probe_links)

    def _probe_links(self) -> None:
        for link in tuple(self._links.values()):
            link.probe()
        self._probe_later()

    # ---- waiting for links ----

    def _notify(self) -> None:
        self._changed_at = asyncio.get_running_loop().time()
        self._spreading.links_changed()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in self._listeners:
            listener()

    async def _wait_for_change(self, *, until: float | None = None) -> None:
        """Wait for the next change of the links or of who may have one; at most until a time of the loop's."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._changed.wait()

    def _wall_time(self, loop_time: float) -> int:
        """A time of the event loop as nanoseconds since the Unix epoch."""
        now = asyncio.get_running_loop().time()
        return self._host.clock.time_ns() + round((loop_time - now) * 1e9)
