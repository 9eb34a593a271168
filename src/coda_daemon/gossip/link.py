"""One link to one peer, from the end of the handshake until it closes.

Three tasks share it: one reads, one writes, one handles gossip in the order in which it came. So a peer that
reads slowly delays only its own link, and a message that is long in validation does not hold up an answer on
the same link. A peer that sends faster than its rate allows is read more slowly.
"""

import asyncio
from collections import deque
from typing import Protocol

from coda_daemon.gossip.frames import (
    Addresses,
    Answer,
    Frame,
    Goodbye,
    Graft,
    Have,
    MalformedFrame,
    Message,
    Ping,
    Pong,
    Prune,
    Refusal,
    Request,
    Want,
    decode,
    encode,
)
from coda_daemon.gossip.peer import Peer
from coda_daemon.gossip.rate import Rate, cost
from coda_daemon.gossip.seen import SeenMessages
from coda_daemon.log import Log
from coda_daemon.ports import Connection

MODULE = "Gossip_net"
MAX_QUEUED_BYTES = 64 * 1024 * 1024  # for a peer that reads too slowly; it is dropped beyond
MAX_SERVED_AT_ONCE = 16
_PING, _PONG = encode(Ping()), encode(Pong())


class RequestFailed(ConnectionError):
    """A peer did not answer a request: gone, too slow, or unable to."""


class LinkHandler(Protocol):
    """What the network does with what comes over a link. None of these may raise on what a peer sent."""

    def is_new(self, link: "Link", message: Message) -> bool:
        """Whether a message has to be handled; notes that this peer has it."""

    async def handle_message(self, link: "Link", message: Message) -> None: ...

    async def handle_request(self, link: "Link", request: Request) -> bytes: ...

    def handle_addresses(self, link: "Link", addresses: Addresses) -> None: ...

    def handle_control(self, link: "Link", frame: Graft | Prune | Have | Want) -> None: ...

    def blame(self, peer: Peer, action: str, penalty: float = 1.0) -> None:
        """Note that a peer broke the rules."""


class Link:
    """A live connection to an authenticated peer. `run` it, once; `closed` is set when it is over."""

    def __init__(
        self, connection: Connection, peer: Peer, handler: LinkHandler, log: Log, *, queue_size: int
    ) -> None:
        self.peer = peer
        self.closed = asyncio.Event()
        self.known = SeenMessages(64)  # messages that this peer has: it sent them, or said so
        self.introduced = 0  # addresses that it told
        self._connection = connection
        self._handler = handler
        self._log = log
        self._outgoing: deque[bytes] = deque()
        self._outgoing_bytes = 0
        self._has_outgoing = asyncio.Event()
        self._gossip: asyncio.Queue[Message] = asyncio.Queue(queue_size)
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._next_request = 0
        self._was_heard = True  # since the last keep-alive interval began
        self._is_probed = False
        self._rate = Rate()

    def __repr__(self) -> str:
        return f"<Link {self.peer} {'closed' if self.closed.is_set() else 'open'}>"

    async def run(self) -> None:
        """Serve the link until either side closes it or this is cancelled. Does not raise on what the peer
        does.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            async with asyncio.TaskGroup() as group:
                name = f"link {self.peer.peer_id}"
                tasks.append(group.create_task(self._write(), name=f"{name} write"))
                tasks.append(group.create_task(self._handle_gossip(), name=f"{name} gossip"))
                try:
                    await self._read(group)
                finally:
                    for task in (*tasks, *self._serving.values()):
                        task.cancel()
        finally:
            self.close()

    def close(self, reason: str = "") -> None:
        """End the link; the peer is told a reason if its side still reads. Idempotent."""
        if self.closed.is_set():
            return
        self.closed.set()
        if reason:
            self._log.debug(MODULE, "Closing link to $peer: $reason", peer=str(self.peer), reason=reason)
        self._connection.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RequestFailed(f"the link to {self.peer} closed"))

    def send(self, frame: bytes) -> None:
        """Queue an encoded frame. A peer that has let too much pile up is dropped instead."""
        if self.closed.is_set():
            return
        try:
            # Most frames find nothing before them and room on the channel: they need no task to wake up.
            if not self._outgoing_bytes and self._connection.offer(frame):
                return
        except ConnectionError:
            self.close("it closed while we wrote")
            return
        self._outgoing.append(frame)
        self._outgoing_bytes += len(frame)
        self._has_outgoing.set()
        if self._outgoing_bytes > MAX_QUEUED_BYTES:
            self.close(f"it left {self._outgoing_bytes} bytes unread")

    async def request(self, kind: str, payload: bytes, *, seconds: float) -> bytes:
        """Ask the peer and return its answer. Raises RequestFailed."""
        if self.closed.is_set():
            raise RequestFailed(f"the link to {self.peer} is closed")
        number, self._next_request = self._next_request, self._next_request + 1
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self.send(encode(Request(number, kind, payload)))
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            raise RequestFailed(f"{self.peer} did not answer {kind!r} within {seconds:g} s") from None
        finally:
            del self._waiting[number]

    def probe(self) -> None:
        """Called at each keep-alive interval: a link that was silent for a whole one is asked for a sign of
        life, and closed when it stays silent for the next. A link in use costs nothing.
        """
        if self._was_heard:
            self._was_heard = False
        elif self._is_probed:
            self.close("it does not answer")
        else:
            self._is_probed = True
            self.send(_PING)

    def charge(self, size: int) -> float:
        """Count so many bytes against the peer's rate, and tell for how many seconds not to read from it."""
        return self._rate.spend(cost(size), now=asyncio.get_running_loop().time())

    async def _write(self) -> None:
        try:
            while True:
                while self._outgoing:
                    frame = self._outgoing.popleft()
                    await self._connection.send(frame)
                    self._outgoing_bytes -= len(frame)
                self._has_outgoing.clear()
                await self._has_outgoing.wait()
        except ConnectionError:
            self.close("it closed while we wrote")

    async def _read(self, group: asyncio.TaskGroup) -> None:
        try:
            while (data := await self._connection.receive()) is not None:
                self._was_heard, self._is_probed = True, False
                frame = decode(data)
                was_asked_for = isinstance(frame, Answer) and frame.id in self._waiting
                self._take(frame, group)
                if not was_asked_for and (pause := self.charge(len(data))) > 0:
                    await asyncio.sleep(pause)
        except MalformedFrame as error:
            self._complain("Decoding_failed", "it sent $error", error=str(error))
        except ConnectionAbortedError as error:
            self._complain("Violated_protocol", "$error", error=str(error))
        except ConnectionError as error:
            self._log.debug(MODULE, "Link to $peer broke: $error", peer=str(self.peer), error=str(error))

    def _take(self, frame: Frame, group: asyncio.TaskGroup) -> None:
        match frame:
            case Message():
                if not self._handler.is_new(self, frame):
                    return
                try:
                    self._gossip.put_nowait(frame)
                except asyncio.QueueFull:
                    self._log.debug(
                        MODULE, "Dropping gossip of $peer: too much of it is queued", peer=str(self.peer)
                    )
            case Request():
                if len(self._serving) >= MAX_SERVED_AT_ONCE:
                    self.send(encode(Refusal(frame.id, "too many requests at once")))
                elif frame.id not in self._serving:
                    task = group.create_task(self._serve(frame), name=f"serve {self.peer.peer_id}")
                    self._serving[frame.id] = task
            case Answer():
                self._answered(frame.id).set_result(frame.payload)
            case Refusal():
                self._answered(frame.id).set_exception(
                    RequestFailed(f"{self.peer} cannot answer: {frame.reason}")
                )
            case Addresses():
                self._handler.handle_addresses(self, frame)
            case Graft() | Prune() | Have() | Want():
                self._handler.handle_control(self, frame)
            case Ping():
                self.send(_PONG)
            case Pong():
                pass
            case Goodbye():
                self.close(f"it said goodbye: {frame.reason}")
            case _:
                self._complain("Violated_protocol", "it sent a frame of the handshake")

    def _answered(self, number: int) -> asyncio.Future[bytes]:
        future = self._waiting.get(number)
        if future is None or future.done():
            # Late: whoever asked has given up. Nobody looks at this one.
            future = asyncio.get_running_loop().create_future()
            future.add_done_callback(lambda late: late.exception())
        return future

    def _complain(self, action: str, about: str, **metadata: str) -> None:
        self._log.faulty_peer(MODULE, f"Dropping $peer: {about}", peer=str(self.peer), **metadata)
        self.close()
        self._handler.blame(self.peer, action)

    async def _serve(self, request: Request) -> None:
        try:
            payload = await self._handler.handle_request(self, request)
            self.send(encode(Answer(request.id, payload)))
        except RequestFailed as error:
            self.send(encode(Refusal(request.id, str(error)[:200])))
        finally:
            self._serving.pop(request.id, None)

    async def _handle_gossip(self) -> None:
        while True:
            await self._handler.handle_message(self, await self._gossip.get())
