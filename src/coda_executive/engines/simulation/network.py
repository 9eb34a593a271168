"""The network between simulated nodes: channels of whole frames, in order, delayed by the link they take (see
`link`).

A machine is one node's, with an address of its own; its ports outlive no process. What is on its way when a
process ends still arrives, as it would from a kernel; then the other side sees the end.
"""

import asyncio
import contextvars
import errno
import ipaddress
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.link import (
    FIRST_CONNECT_RETRY_NS,
    FIRST_RETRY_NS,
    LONGEST_RETRY_NS,
    MOST_CONNECT_RETRIES,
    MOST_RETRIES,
    Link,
)
from coda_executive.engines.simulation.process import Process
from coda_executive.interfaces.capabilities import LinkShape

FRAME_LIMIT = 32 * 1024 * 1024  # bytes
WINDOW = 1024 * 1024  # bytes on their way or unread before `send` waits

_ANY = ("0.0.0.0", "::", "")  # noqa: S104  addresses inside the simulation
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LOOPBACK_DELAY = 50e-6  # seconds

# Deliveries belong to no process: what is in the air does not stop when its sender is frozen or dead.
_AIR = contextvars.Context()


@dataclass(slots=True)
class Listener:
    """A bound port. `serve` takes a connection, or a request where it speaks HTTP; `process` is whose it
    is.
    """

    machine: "Machine"
    process: Process
    port: int
    is_loopback: bool
    is_http: bool
    serve: Callable[[Any], Awaitable[Any]]

    def close(self) -> None:
        if self.machine.listeners.get(self.port) is self:
            del self.machine.listeners[self.port]


@dataclass(slots=True, eq=False)
class Machine:
    """A host on the network, by name and address."""

    name: str
    address: str
    listeners: dict[int, Listener] = field(default_factory=dict)
    connections: dict["SimulatedConnection", None] = field(default_factory=dict)

    def bind(
        self,
        host: str,
        port: int,
        process: Process,
        serve: Callable[[Any], Awaitable[Any]],
        *,
        is_http: bool = False,
    ) -> Listener:
        """Raises OSError: an address that is not this machine's, a port in use."""
        if host not in (*_ANY, *_LOOPBACK, self.address, self.name):
            raise OSError(errno.EADDRNOTAVAIL, f"{host} is not an address of {self.name} ({self.address})")
        if port in self.listeners:
            raise OSError(errno.EADDRINUSE, f"port {port} of {self.name} is in use")
        listener = self.listeners[port] = Listener(self, process, port, host in _LOOPBACK, is_http, serve)
        return listener

    def break_off(self, names: Collection[str]) -> None:
        """Reset the connections with some machines."""
        for connection in tuple(self.connections):
            if connection.remote in names:
                connection.reset()

    def reset(self, process: Process | None = None) -> None:
        """Close all that a process held, or that all do: what the kernel does when it ends."""
        for listener in tuple(self.listeners.values()):
            if process in (None, listener.process):
                listener.close()
        for connection in tuple(self.connections):
            if process in (None, connection.process):
                connection.close()


class Network:
    """All machines and the links between them, which begin alike."""

    def __init__(
        self,
        loop: SimulatedEventLoop,
        *,
        seed: int,
        latency_ns: int = 0,
        jitter_ns: int = 0,
        shape: LinkShape | None = None,
    ) -> None:
        """`latency_ns` and `jitter_ns` say the commonest shape of a link; `shape` says any."""
        self.loop = loop
        self._seed = seed
        self._shape = shape or LinkShape(latency_ns / 1e9, jitter_ns / 1e9)
        self._machines: dict[str, Machine] = {}
        self._links: dict[tuple[str, str], Link] = {}

    def join(self, name: str, address: str) -> Machine:
        ipaddress.ip_address(address)
        machine = self._machines[name] = self._machines[address] = Machine(name, address)
        return machine

    def find(self, host: str, *, seen_from: Machine) -> Machine:
        """Raises OSError for a host that there is none of."""
        if host in _LOOPBACK:
            return seen_from
        machine = self._machines.get(host)
        if machine is None:
            raise OSError(errno.EHOSTUNREACH, f"no route from {seen_from.name} to host {host}")
        return machine

    def link(self, source: str, target: str) -> Link:
        """The way from one machine to another, by name."""
        link = self._links.get((source, target))
        if link is None:
            shape = LinkShape(_LOOPBACK_DELAY) if source == target else self._shape
            link = self._links[source, target] = Link(shape, f"{self._seed}:link:{source}:{target}")
        return link

    async def travel(self, source: str, target: str) -> None:
        """Wait as long as a message without content takes. Raises TimeoutError when none gets through."""
        arrived = self.loop.create_future()
        self.carry(source, target, arrived, lambda: _resolve(arrived))
        await arrived

    def carry(
        self,
        source: str,
        target: str,
        awaited: asyncio.Future[None],
        arrived: Callable[[], None],
        retry_ns: int = FIRST_CONNECT_RETRY_NS,
    ) -> None:
        """Call `arrived` when a message without content gets to another machine. It is sent again until the future
        that stands for its sender's wait is done, which fails with TimeoutError when no attempt got through.
        """
        if awaited.done():
            return
        link, loop = self.link(source, target), self.loop
        if retry_ns > FIRST_CONNECT_RETRY_NS << MOST_CONNECT_RETRIES:
            awaited.set_exception(TimeoutError(errno.ETIMEDOUT, f"no answer from {target}"))
        elif link.passes():
            loop.call_at_ns(link.arrival_ns(loop.now_ns, 0), (arrived,), _AIR)
        else:
            again = (self.carry, source, target, awaited, arrived, retry_ns * 2)
            loop.call_at_ns(loop.now_ns + retry_ns, again, _AIR)


class SimulatedTransport:
    """The `Transport` of the daemon's ports for one process."""

    def __init__(self, network: Network, machine: Machine, process: Process) -> None:
        self._network = network
        self._machine = machine
        self._process = process

    async def listen(
        self, host: str, port: int, accepted: Callable[["SimulatedConnection"], Awaitable[None]]
    ) -> Listener:
        self._process.check()

        async def serve(connection: SimulatedConnection) -> None:
            try:
                await accepted(connection)
            except Exception:  # noqa: BLE001  the border to the daemon's code: asyncio's own server tells and goes on
                self._process.complain(traceback.format_exc())
            finally:
                connection.close()

        return self._machine.bind(host, port, self._process, serve)

    async def connect(self, host: str, port: int) -> "SimulatedConnection":
        self._process.check()
        network, here = self._network, self._machine
        there = network.find(host, seen_from=here)
        answered = network.loop.create_future()
        near: SimulatedConnection | None = None

        def knock() -> None:
            """At the other machine, without waking who dials: many dials meet a node that is down."""
            nonlocal near
            if answered.done():
                return
            listener = there.listeners.get(port)
            if listener is not None and not listener.is_http and (there is here or not listener.is_loopback):
                near = SimulatedConnection(network, here, there, self._process)
                far = SimulatedConnection(network, there, here, listener.process)
                near.other, far.other = far, near
                listener.process.spawn(network.loop, listener.serve(far), f"accepted from {here.name}")
            network.carry(there.name, here.name, answered, lambda: _resolve(answered))

        network.carry(here.name, there.name, answered, knock)
        try:
            await answered
        except (asyncio.CancelledError, TimeoutError):
            if near is not None:
                near.close()
            raise
        if near is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nothing listens on port {port} of {host}")
        return near


class _Waiters:
    """Those who wait for a change of one side of a connection."""

    __slots__ = ("_loop", "futures")

    def __init__(self, loop: SimulatedEventLoop) -> None:
        self._loop = loop
        self.futures: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        future = self._loop.create_future()
        self.futures.append(future)
        await future

    def wake(self) -> None:
        if self.futures:
            futures, self.futures = self.futures, []
            for future in futures:
                _resolve(future)


class SimulatedConnection:
    """One end of a channel; see `Connection` of the daemon's ports."""

    other: "SimulatedConnection"

    def __init__(self, network: Network, here: Machine, there: Machine, process: Process) -> None:
        self._loop = network.loop
        self._here = here
        self._there = there
        self.process = process
        self._link = network.link(here.name, there.name)
        self._inbox: deque[bytes] = deque()
        self._held: deque[bytes | None] = deque()  # lost at least once, or behind one that was
        self._coming: deque[bytes | None] = deque()  # on their way to this end
        self._last_arrival_ns = 0  # at this end
        self._unread = 0  # bytes sent to this end and not yet received, in the air or in the inbox
        self._take: Callable[[bytes], float] | None = None  # who is handed what comes, as it comes
        self._take_at_once: Callable[[bytes], float] | None = (
            None  # the same, while nothing has to wait for it
        )
        self._delivered: asyncio.Future[None] | None = None
        self._is_pausing = False
        self._is_closed = False  # by this side
        self._has_ended = False  # by the other side
        self._arrivals = _Waiters(network.loop)
        self._room = _Waiters(network.loop)  # in this end's window
        here.connections[self] = None

    @property
    def remote_host(self) -> str:
        return self._there.address

    def offer(self, frame: bytes) -> bool:
        if self.process.is_gone or self._is_closed or self._has_ended:
            self.process.check()
            self._check_open()
        other = self.other
        unread = other._unread + len(frame)
        if unread > WINDOW:
            return False
        other._unread = unread
        if self._held or self._link.swift_ns is None:
            self._transmit(frame)
        else:
            self._put_on_the_way(frame)
        return True

    async def send(self, frame: bytes) -> None:
        self.process.check()
        self._check_open()
        self.other._unread += len(frame)
        self._transmit(frame)
        while self.other._unread > WINDOW:
            await self.other._room.wait()
            self._check_open()

    async def receive(self, limit: int = FRAME_LIMIT) -> bytes | None:
        while True:
            self.process.check()
            if self._is_closed:
                return None
            if self._inbox:
                return self._next_frame(limit)
            if self._has_ended:
                return None
            await self._arrivals.wait()

    async def deliver(self, take: Callable[[bytes], float]) -> None:
        self.process.check()
        self._delivered = self._loop.create_future()
        self._take = take
        try:
            self._hand_over()
            await self._delivered
        finally:
            self._take = self._take_at_once = None

    def _hand_over(self) -> None:
        """Give the taker what is here, as far as it wants it."""
        take, done, inbox = self._take, self._delivered, self._inbox
        if take is None or done is None or done.done():
            return
        try:
            while inbox and not self._is_pausing:
                if (pause := take(self._next_frame(FRAME_LIMIT))) > 0:
                    self._pause(pause)
        except Exception as error:  # noqa: BLE001  it is the taker's or the peer's, and goes to who waits
            self._end_delivery(error)
            return
        if self._is_closed or (self._has_ended and not inbox):
            self._end_delivery()
        elif not self._is_pausing:
            self._take_at_once = take

    def _pause(self, seconds: float) -> None:
        self._is_pausing = True
        self._take_at_once = None
        self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._is_pausing = False
        self._hand_over()

    def _end_delivery(self, error: Exception | None = None) -> None:
        self._take_at_once = None
        done = self._delivered
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def _next_frame(self, limit: int) -> bytes:
        frame = self._inbox.popleft()
        size = len(frame)
        self._unread -= size
        self._room.wake()
        if size > limit:
            raise ConnectionAbortedError(
                f"expected a frame of at most {limit} bytes, {self.remote_host} sent {size}"
            )
        return frame

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._here.connections.pop(self, None)
        self._inbox.clear()
        self._arrivals.wake()
        self._hand_over()
        self.other._room.wake()
        self._transmit(None)

    @property
    def remote(self) -> str:
        """The name of the machine at the other end."""
        return self._there.name

    def reset(self) -> None:
        """Break the connection off at both ends, with all that is on its way."""
        for end in (self, self.other):
            end._inbox.clear()
            end._break_off()

    def _break_off(self) -> None:
        """Nothing comes any more, and nothing can be sent."""
        self._has_ended = True
        self._held.clear()
        self._arrivals.wake()
        self._hand_over()
        self.other._room.wake()

    def _check_open(self) -> None:
        if self._is_closed or self._has_ended:
            side = "here" if self._is_closed else "by the other side"
            raise ConnectionResetError(
                errno.ECONNRESET, f"the connection to {self.remote_host} was closed {side}"
            )

    def _transmit(self, frame: bytes | None) -> None:
        if self._held:
            self._held.append(frame)
        elif self._link.passes():
            self._put_on_the_way(frame)
        else:
            self._held.append(frame)
            self._retry_in(FIRST_RETRY_NS, MOST_RETRIES)

    def _retry_in(self, interval_ns: int, retries: int) -> None:
        loop = self._loop
        loop.call_at_ns(loop.now_ns + interval_ns, (self._transmit_held, interval_ns, retries), _AIR)

    def _transmit_held(self, interval_ns: int, retries: int) -> None:
        """An attempt to send what was lost; the next one comes after twice the interval."""
        if self.other._is_closed or self.other._has_ended:
            self._held.clear()  # nobody will read it
        while self._held:
            if self._link.passes():
                self._put_on_the_way(self._held.popleft())
                interval_ns, retries = FIRST_RETRY_NS // 2, MOST_RETRIES + 1
            elif retries > 1 or self._held == deque([None]):
                # The end itself is told however late: it stands for the reset that a late sender would get.
                self._retry_in(min(interval_ns * 2, LONGEST_RETRY_NS), retries - 1)
                return
            else:
                self._break_off()
                self._held.append(None)
                self._retry_in(LONGEST_RETRY_NS, 1)
                return

    def _put_on_the_way(self, frame: bytes | None) -> None:
        loop, other, delay_ns = self._loop, self.other, self._link.swift_ns
        if delay_ns is None:
            arrival_ns = self._link.arrival_ns(loop.now_ns, 0 if frame is None else len(frame))
        else:
            arrival_ns = loop.now_ns + delay_ns
        if arrival_ns < other._last_arrival_ns:
            arrival_ns = other._last_arrival_ns
        else:
            other._last_arrival_ns = arrival_ns
        other._coming.append(frame)
        process = other.process
        batch = process.mail.get(arrival_ns)
        if batch is None:
            batch = [other]
            if not loop.draws_order:  # else each frame comes when its turn is drawn
                process.mail[arrival_ns] = batch
            loop.call_at_ns(arrival_ns, (_arrive, process, batch, arrival_ns), process.context)
        else:
            batch.append(other)

    def _come(self, frame: bytes | None) -> None:
        """Something arrives that is not taken at once."""
        if frame is None:
            self._has_ended = True
            self.other._room.wake()
        elif not self._is_closed and not self._has_ended:
            self._inbox.append(frame)
        if self._take is None:
            self._arrivals.wake()
        else:
            self._hand_over()


def _arrive(process: Process, batch: Sequence[SimulatedConnection], arrival_ns: int) -> None:
    """What comes to a process in one instant, in one step of its own; while it stands still, that waits.

    Each of `batch` is an end to which one frame comes: its oldest, since batches may run in any order, and frames
    may not.
    """
    process.mail.pop(arrival_ns, None)
    for count, end in enumerate(batch, 1):
        frame = end._coming.popleft()
        take = end._take_at_once
        if take is None or frame is None or len(frame) > FRAME_LIMIT:
            end._come(frame)
        else:  # as `_come`, for the many
            end._unread -= len(frame)
            if end._room.futures:
                end._room.wake()
            try:
                pause = take(frame)
            except Exception as error:  # noqa: BLE001  as in `_hand_over`
                end._end_delivery(error)
            else:
                if pause > 0:
                    end._pause(pause)
        if process.is_frozen:  # what it handled costs it time
            rest = batch[count:]
            end._loop.call_soon(_arrive, process, rest, arrival_ns, context=process.context)
            return


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
