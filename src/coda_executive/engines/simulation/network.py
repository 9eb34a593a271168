"""The network between simulated nodes: channels of whole frames, in order, delayed by the link they take.

A machine is one node's, with an address of its own; its ports outlive no process. What is on its way when a
process ends still arrives, as it would from a kernel; then the other side sees the end.
"""

import asyncio
import contextvars
import errno
import ipaddress
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop
from coda_executive.engines.simulation.process import Process

FRAME_LIMIT = 32 * 1024 * 1024  # bytes
WINDOW = 1024 * 1024  # bytes on their way or unread before `send` waits

_ANY = ("0.0.0.0", "::", "")  # noqa: S104  addresses inside the simulation
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LOOPBACK_DELAY_NS = 50_000

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

    def reset(self) -> None:
        """Close all that a process held: what its kernel does when it ends."""
        self.listeners.clear()
        for connection in tuple(self.connections):
            connection.close()


class Network:
    """All machines and the links between them. A link's delay is the latency plus a part of the jitter, from
    the link's own stream.
    """

    def __init__(self, loop: SimulatedEventLoop, *, seed: int, latency_ns: int, jitter_ns: int) -> None:
        self.loop = loop
        self._seed = seed
        self._latency_ns = latency_ns
        self._jitter_ns = jitter_ns
        self._machines: dict[str, Machine] = {}
        self._streams: dict[tuple[str, str], Random] = {}

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

    def delay_ns(self, source: str, target: str) -> int:
        """Of the next message from one machine to another, by name, in nanoseconds."""
        if source == target:
            return _LOOPBACK_DELAY_NS
        if self._jitter_ns == 0:
            return self._latency_ns
        stream = self._streams.get((source, target))
        if stream is None:
            stream = self._streams[source, target] = Random(f"{self._seed}:link:{source}:{target}")  # noqa: S311
        return self._latency_ns + int(stream.random() * self._jitter_ns)

    async def travel(self, source: str, target: str) -> None:
        """Wait as long as a message takes."""
        arrived = self.loop.create_future()
        self.loop.call_at_ns(self.loop.now_ns + self.delay_ns(source, target), _resolve, (arrived,), _AIR)
        await arrived


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
        await network.travel(here.name, there.name)
        listener = there.listeners.get(port)
        if listener is None or listener.is_http or (listener.is_loopback and there is not here):
            await network.travel(there.name, here.name)
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nothing listens on port {port} of {host}")
        near = SimulatedConnection(network, here, there, self._process)
        far = SimulatedConnection(network, there, here, listener.process)
        near.other, far.other = far, near
        listener.process.spawn(network.loop, listener.serve(far), f"accepted from {here.name}")
        try:
            await network.travel(there.name, here.name)
        except asyncio.CancelledError:
            near.close()
            raise
        return near


class _Waiters:
    """Those who wait for a change of one side of a connection."""

    __slots__ = ("_futures", "_loop")

    def __init__(self, loop: SimulatedEventLoop) -> None:
        self._loop = loop
        self._futures: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        future = self._loop.create_future()
        self._futures.append(future)
        await future

    def wake(self) -> None:
        futures, self._futures = self._futures, []
        for future in futures:
            _resolve(future)


class SimulatedConnection:
    """One end of a channel; see `Connection` of the daemon's ports."""

    other: "SimulatedConnection"

    def __init__(self, network: Network, here: Machine, there: Machine, process: Process) -> None:
        self._network = network
        self._here = here
        self._there = there
        self._process = process
        self._inbox: deque[bytes] = deque()
        self._on_the_way: deque[bytes | None] = deque()
        self._last_arrival_ns = 0
        self._unread = 0  # bytes sent to this end and not yet received, in the air or in the inbox
        self._is_closed = False  # by this side
        self._has_ended = False  # by the other side
        self._arrivals = _Waiters(network.loop)
        self._room = _Waiters(network.loop)
        here.connections[self] = None

    @property
    def remote_host(self) -> str:
        return self._there.address

    async def send(self, frame: bytes) -> None:
        self._process.check()
        self._check_open()
        self.other._unread += len(frame)
        self._transmit(frame)
        while self.other._unread > WINDOW:
            await self._room.wait()
            self._check_open()

    async def receive(self) -> bytes | None:
        while True:
            self._process.check()
            if self._is_closed:
                return None
            if self._inbox:
                frame = self._inbox.popleft()
                self._unread -= len(frame)
                self.other._room.wake()
                if len(frame) > FRAME_LIMIT:
                    raise ConnectionAbortedError(
                        f"expected a frame of at most {FRAME_LIMIT} bytes, {self.remote_host} sent {len(frame)}"
                    )
                return frame
            if self._has_ended:
                return None
            await self._arrivals.wait()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._here.connections.pop(self, None)
        self._inbox.clear()
        self._arrivals.wake()
        self._room.wake()
        self._transmit(None)

    def _check_open(self) -> None:
        if self._is_closed or self._has_ended:
            side = "here" if self._is_closed else "by the other side"
            raise ConnectionResetError(
                errno.ECONNRESET, f"the connection to {self.remote_host} was closed {side}"
            )

    def _transmit(self, frame: bytes | None) -> None:
        network = self._network
        arrival_ns = network.loop.now_ns + network.delay_ns(self._here.name, self._there.name)
        self._last_arrival_ns = max(self._last_arrival_ns, arrival_ns)
        # Each timer delivers the oldest frame, not one of its own: ready callbacks may run in any order,
        # frames may not.
        self._on_the_way.append(frame)
        network.loop.call_at_ns(self._last_arrival_ns, self._arrive, (), _AIR)

    def _arrive(self) -> None:
        frame = self._on_the_way.popleft()
        other = self.other
        if frame is None:
            other._has_ended = True
            other._room.wake()
        elif not other._is_closed:
            other._inbox.append(frame)
        other._arrivals.wake()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
