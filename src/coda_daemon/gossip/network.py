"""The gossip network as one node sees it: finding peers, keeping links, spreading messages, asking for
things.

Every link begins with an exchange of addresses, and what is learnt so is dialled while there are fewer links
than wanted. So of two nodes with a common neighbour, the one that came later learns of the other, and a
connected network of up to `min_connections` nodes ends with everyone linked to everyone. A message is passed
on to every peer that is not known to have it, once.

Interface beyond the brief: `wait_until_settled`, `on_peers_changed`; `request` raises `RequestFailed`, a
ConnectionError.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from coda_daemon.gossip.frames import MAX_ADDRESSES, Address, Addresses, Goodbye, Message, Request, encode
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
from coda_daemon.gossip.seen import SeenMessages, digest
from coda_daemon.log import Log
from coda_daemon.ports import Connection, Host
from coda_daemon.profile import Profile
from coda_protocol.format_error import FormatError
from coda_protocol.libp2p_keys import Libp2pKeypair, PeerId, public_key_of_peer

MAX_KNOWN_PEERS = 1000
ENOUGH_PEERS = 5  # daemon contract A.10; in a large network that is starting, links never are quiet
GIVE_UP_AFTER = 12  # failed dials of a peer that is no seed
SEEN_CAPACITY = 4096  # messages

Serve = Callable[[Peer, str, bytes], Awaitable[bytes]]
Receive = Callable[[Peer, str, bytes], Awaitable[bool]]

__all__ = ["Gossip", "Limits", "Peer", "RequestFailed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that the command line sets (daemon contract A.2)."""

    min_connections: int = 20  # dial until there are so many
    max_connections: int = 50  # send newcomers on above
    validation_queue_size: int = 150  # messages of one peer that wait for validation


class Gossip:
    """A node's part of the network. Construct, then `run`; all else may be called from then on.

    `serve(peer, kind, payload)` answers a request, raising RequestFailed when it cannot. `receive(peer,
    topic, payload)` judges a new message and tells whether to pass it on. Messages of one peer come in order,
    one at a time.
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
    ) -> None:
        self._host = host
        self._bind_ip = bind_ip
        # 0.0.0.0 is what test tools pass: it says nothing, so others take the address that they see.
        self._own = Self(identity, chain_id, "" if external_ip == "0.0.0.0" else external_ip, external_port)  # noqa: S104
        self._seeds = tuple(seed for seed in seeds if seed.peer_id != identity.peer_id)
        self._profile = profile
        self._log = log
        self._serve = serve
        self._receive = receive
        self._limits = limits or Limits()
        self._chance = host.chance.stream("gossip")
        self._links: dict[PeerId, Link] = {}
        self._dialling: dict[PeerId, None] = {}
        self._known: dict[PeerId, None] = {}
        self._seen = SeenMessages(SEEN_CAPACITY)
        self._changed = asyncio.Event()
        self._changed_at = 0.0
        self._listeners: list[Callable[[], None]] = []
        self._tasks: asyncio.TaskGroup | None = None
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

    def on_peers_changed(self, listener: Callable[[], None]) -> None:
        """Have a function called whenever a link begins or ends."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Accept and keep links until cancelled. Raises OSError when the port cannot be listened on."""
        self._changed_at = asyncio.get_running_loop().time()
        listener = await self._host.transport.listen(self._bind_ip, self._own.port, self._accept)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for seed in self._seeds:
                    self._learn(seed)
                try:
                    await self._probe_links()
                finally:
                    self._tasks = None  # ends the telling of changes too: links that close now tell nothing
        finally:
            listener.close()
            for link in tuple(self._links.values()):
                link.close()

    async def wait_for_peers(self, count: int) -> None:
        while len(self._links) < count:
            await self._wait_for_change()

    async def wait_until_settled(self, quiet: float) -> None:
        """Wait until every seed is linked and no link began or ended for `quiet` seconds, or there are enough links."""
        loop = asyncio.get_running_loop()
        while len(self._links) < ENOUGH_PEERS:
            is_linked = all(seed.peer_id in self._links for seed in self._seeds)
            rest = self._changed_at + quiet - loop.time()
            if is_linked and rest <= 0:
                return
            try:
                async with asyncio.timeout(rest if is_linked else None):
                    await self._wait_for_change()
            except TimeoutError:
                return

    def publish(self, topic: str, payload: bytes, *, exclude: Peer | None = None) -> None:
        """Send a message to all peers but those known to have it; `exclude` is who it came from."""
        name = digest(topic, payload)
        self._seen.add(name)
        frame = encode(Message(topic, payload))
        for link in self._links.values():
            if link.peer != exclude and name not in link.known:
                link.send(frame)

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

    async def handle_message(self, link: Link, message: Message) -> None:
        name = digest(message.topic, message.payload)
        link.known.add(name)
        if not self._seen.add(name):
            return
        try:
            is_good = await self._receive(link.peer, message.topic, message.payload)
        except Exception as error:  # noqa: BLE001  our bug must not let one message take the node down, nor stay unseen
            self._log_bug("a message", link, error)
            return
        if is_good:
            self.publish(message.topic, message.payload, exclude=link.peer)

    async def handle_request(self, link: Link, request: Request) -> bytes:
        try:
            return await self._serve(link.peer, request.kind, request.payload)
        except RequestFailed:
            raise
        except Exception as error:  # as above
            self._log_bug("a request", link, error)
            raise RequestFailed("internal error") from error

    def handle_addresses(self, link: Link, addresses: Addresses) -> None:
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

    def _learn(self, peer: Peer) -> None:
        """Begin to look after a peer's link, unless that is done already."""
        if self._tasks is None or peer.peer_id in self._known or peer.peer_id == self.peer_id:
            return
        is_seed = peer in self._seeds
        if not is_seed and len(self._known) >= MAX_KNOWN_PEERS:
            return
        self._known[peer.peer_id] = None
        self._tasks.create_task(self._look_after(peer, is_seed=is_seed), name=f"peer {peer.peer_id}")

    async def _look_after(self, peer: Peer, *, is_seed: bool) -> None:
        """Keep a link to a peer while links are wanted; forget it after too many failures."""
        failures = 0
        while is_seed or failures < GIVE_UP_AFTER:
            if link := self._links.get(peer.peer_id):
                await link.closed.wait()
                failures = 0
            elif not is_seed and len(self._links) + len(self._dialling) >= self._limits.min_connections:
                await self._wait_for_change()
                continue
            elif await self._dial(peer):
                failures = 0
            else:
                failures += 1
            longest = min(self._profile.redial_first * 2**failures, self._profile.redial_most)
            # Half of it is chance: two nodes that lost their link must not dial each other in step for ever.
            await asyncio.sleep(longest * (0.5 + self._chance.random() / 2))
        self._known.pop(peer.peer_id, None)

    async def _dial(self, peer: Peer) -> bool:
        """Make a link and serve it to its end; False if there never was one, or not for long."""
        self._dialling[peer.peer_id] = None
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self._profile.connect_limit):
                connection = await self._host.transport.connect(peer.host, peer.port)
                nonce = self._host.chance.token_bytes(32)
                await greet(connection, self._own, nonce, expected=peer.peer_id)
        except (OSError, TimeoutError) as error:
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
        await self._keep(connection, peer)
        # A peer that is full takes every link, to say so: it must not be dialled at once again.
        return loop.time() - began >= self._profile.redial_most

    async def _accept(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(self._profile.connect_limit):
                nonce = self._host.chance.token_bytes(32)
                peer = await receive_greeting(connection, self._own, nonce)
                if peer.peer_id in self._dialling and self.peer_id < peer.peer_id:
                    # Both dial at once: the dial of the smaller peer id is the one that both take.
                    await refuse(connection, "we are linking to you")
                    connection.close()
                    return
                await welcome(connection)
        except HandshakeFailed as error:
            write = self._log.faulty_peer if error.faulty else self._log.debug
            write(
                MODULE,
                "Refused a link from $address: $error",
                address=connection.remote_host,
                error=str(error),
            )
            connection.close()
            return
        except (OSError, TimeoutError) as error:
            self._log.debug(MODULE, "A link was lost in its handshake: $error", error=str(error))
            connection.close()
            return
        if self._tasks is None:  # the node is ending
            connection.close()
            return
        await self._keep(connection, peer)

    async def _keep(self, connection: Connection, peer: Peer) -> None:
        """Serve a new link until it ends. It replaces an older one to the same peer, which that peer has
        given up.
        """
        link = Link(connection, peer, self, self._log, queue_size=self._limits.validation_queue_size)
        if old := self._links.pop(peer.peer_id, None):
            old.close("the peer made a new one")
        link.send(self._addresses())
        if len(self._links) >= self._limits.max_connections:
            link.send(encode(Goodbye("too many peers")))
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

    def _addresses(self) -> bytes:
        peers = [Address(link.peer.host, link.peer.port, link.peer.peer_id) for link in self._links.values()]
        return encode(Addresses(tuple(peers[-MAX_ADDRESSES:])))

    async def _probe_links(self) -> None:
        while True:
            await asyncio.sleep(self._profile.keep_alive)
            for link in tuple(self._links.values()):
                link.probe()

    # ---- waiting for links ----

    def _notify(self) -> None:
        self._changed_at = asyncio.get_running_loop().time()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for listener in self._listeners:
            listener()

    async def _wait_for_change(self) -> None:
        await self._changed.wait()
