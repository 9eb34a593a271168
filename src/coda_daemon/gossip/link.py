"""One link to one peer, from the end of the handshake until it closes.

Gossip is handled as it comes, in its order and at once. A request is answered by a task of its own, and what a
slow peer leaves unread is written by another, so it delays only its own link. A peer that sends faster than its
rate allows is read more slowly.
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
from coda_daemon.gossip.rate import BYTES_PER_TOKEN, Rate
from coda_daemon.log import Log
from coda_daemon.ports import Connection

MODULE = "Gossip_net"
MAX_QUEUED_BYTES = 64 * 1024 * 1024  # for a peer that reads too slowly; it is dropped beyond
MAX_SERVED_AT_ONCE = 16
ACCOUNT = 64 * BYTES_PER_TOKEN  # bytes that are counted together
_PING, _PONG = encode(Ping()), encode(Pong())


class RequestFailed(ConnectionError):
    """A peer did not answer a request: gone, too slow, or unable to."""


class LinkHandler(Protocol):
    """What the network does with what comes over a link. None of these may raise on what a peer sent."""

    @property
    def lately(self) -> dict[bytes, set["Link"]]:
        """Encoded frames that hold or tell messages that were handled lately, and the links to those who have them."""

    def handle_message(self, link: "Link", message: Message) -> None:
        """Judge a message and pass it on, unless it was handled before; notes that this peer has it."""

    async def handle_request(self, link: "Link", request: Request) -> bytes: ...

    def handle_addresses(self, link: "Link", addresses: Addresses) -> None: ...

    def handle_control(self, link: "Link", frame: Graft | Prune | Have | Want) -> None: ...

    def blame(self, peer: Peer, action: str, penalty: float = 1.0) -> None:
        """Note that a peer broke the rules."""


class Link:
    """A live connection to an authenticated peer. `run` it, once; `closed` is set when it is over."""

    def __init__(
        self, connection: Connection, peer: Peer, handler: LinkHandler, log: Log, *, is_dialled: bool
    ) -> None:
        """`is_dialled` says that this end made the connection: it looks after it, the other end only after this one."""
        self.peer = peer
        self.closed = asyncio.Event()
        self.introduced = 0  # addresses that it told
        self._connection = connection
        self._handler = handler
        self._lately = handler.lately
        self._log = log
        self._outgoing: deque[bytes] = deque()
        self._outgoing_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._tasks: asyncio.TaskGroup | None = None
        self._writing: asyncio.Task[None] | None = None
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._next_request = 0
        self._silence = 0  # keep-alive intervals that ended since the peer was heard
        # One end's ping and its answer tell both that the other lives: the other end leaves it to it, for a time.
        self._patience = 2 if is_dialled else 3  # in such intervals
        self._rate = Rate()
        self._uncounted = 0  # bytes that are not in the rate yet

    def __repr__(self) -> str:
        return f"<Link {self.peer} {'closed' if self.closed.is_set() else 'open'}>"

    async def run(self) -> None:
        """Serve the link until either side closes it or this is cancelled. Does not raise on what the peer
        does.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                if self._outgoing:
                    self._begin_writing()
                try:
                    await self._read()
                finally:
                    self._tasks = None
                    if self._writing is not None:
                        self._writing.cancel()
                    for task in self._serving.values():
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
        try:
            # Most frames find nothing before them and room on the channel: they need no task.
            if not self._outgoing_bytes and self._connection.offer(frame):
                return
        except ConnectionError:
            self.close("it closed while we wrote")
        if self.closed.is_set():
            return
        self._outgoing.append(frame)
        self._outgoing_bytes += len(frame)
        if self._outgoing_bytes > MAX_QUEUED_BYTES:
            self.close(f"it left {self._outgoing_bytes} bytes unread")
        else:
            self._begin_writing()

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
        """Called at each keep-alive interval: a link that was silent for a whole one, or for two at the end that
        did not dial, is asked for a sign of life, and closed when it stays silent for the next. A link in use
        costs nothing.
        """
        self._silence += 1
        if self._silence == self._patience:
            self.send(_PING)
        elif self._silence > self._patience:
            self.close("it does not answer")

    def charge(self, size: int) -> float:
        """Count a frame of so many bytes against the peer's rate, and tell for how many seconds not to read from it."""
        self._uncounted += BYTES_PER_TOKEN + size
        if self._uncounted < ACCOUNT:
            return 0.0
        tokens, self._uncounted = self._uncounted / BYTES_PER_TOKEN, 0
        return self._rate.spend(tokens, now=self._loop.time())

    def _begin_writing(self) -> None:
        if self._writing is None and self._tasks is not None:
            self._writing = self._tasks.create_task(self._write(), name=f"link {self.peer.peer_id} write")

    async def _write(self) -> None:
        """Write what is queued."""
        try:
            while self._outgoing:
                frame = self._outgoing.popleft()
                await self._connection.send(frame)
                self._outgoing_bytes -= len(frame)
        except ConnectionError:
            self.close("it closed while we wrote")
        finally:
            self._writing = None

    async def _read(self) -> None:
        try:
            await self._connection.deliver(self._take)
        except MalformedFrame as error:
            self._complain("Decoding_failed", "it sent $error", error=str(error))
        except ConnectionAbortedError as error:
            self._complain("Violated_protocol", "$error", error=str(error))
        except ConnectionError as error:
            self._log.debug(MODULE, "Link to $peer broke: $error", peer=str(self.peer), error=str(error))

    def _take(self, data: bytes) -> float:
        """Handle an encoded frame; answers for how many seconds not to read on. Raises MalformedFrame."""
        self._silence = 0
        if (
            holders := self._lately.get(data)
        ) is not None:  # as with most: each neighbour sends what one has made
            holders.add(self)
            return self.charge(len(data))
        frame = decode(data)
        if isinstance(frame, Answer) and frame.id in self._waiting:
            self._handle(frame)
            return 0.0
        self._handle(frame)
        return self.charge(len(data))

    def _handle(self, frame: Frame) -> None:
        match frame:
            case Message():
                self._handler.handle_message(self, frame)
            case Ping():
                self.send(_PONG)
            case Pong():
                pass
            case Request():
                if len(self._serving) >= MAX_SERVED_AT_ONCE:
                    self.send(encode(Refusal(frame.id, "too many requests at once")))
                elif frame.id not in self._serving and self._tasks is not None:
                    task = self._tasks.create_task(self._serve(frame), name=f"serve {self.peer.peer_id}")
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
