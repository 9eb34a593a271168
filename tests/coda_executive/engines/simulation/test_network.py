"""Channels and HTTP between simulated machines."""

import asyncio
import contextvars
import errno
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop, run, running_loop
from coda_executive.engines.simulation.http import SimulatedHttp, SimulatedHttpTransport
from coda_executive.engines.simulation.network import (
    FRAME_LIMIT,
    WINDOW,
    Machine,
    Network,
    SimulatedConnection,
    SimulatedTransport,
)
from coda_executive.engines.simulation.process import Process
from coda_executive.interfaces.client import HttpReply


class Side:
    """A machine with one process on it; `printed` is what it printed."""

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.printed: list[str] = []
        self.network = network
        self.machine: Machine = network.join(name, address)
        self.process = Process(name, self.printed.append)
        self.transport = SimulatedTransport(network, self.machine, self.process)
        self.http = SimulatedHttp(self.machine, self.process)
        self.accepted: asyncio.Queue[SimulatedConnection] = asyncio.Queue()

    async def accept(self, port: int = 8302, host: str = "0.0.0.0") -> None:
        async def accepted(connection: SimulatedConnection) -> None:
            self.accepted.put_nowait(connection)
            await asyncio.get_running_loop().create_future()

        await self.transport.listen(host, port, accepted)

    def end(self) -> None:
        self.machine.reset()
        self.network.loop.end(self.process)


Body = Callable[[Side, Side], Awaitable[Any]]


def between(body: Body, *, jitter_ns: int = 0, random_order: bool = False) -> Any:
    async def main() -> Any:
        network = Network(running_loop(), seed=1, latency_ns=50_000_000, jitter_ns=jitter_ns)
        a, b = Side(network, "a", "10.0.0.1"), Side(network, "b", "10.0.0.2")
        try:
            return await body(a, b)
        finally:
            a.end()
            b.end()

    loop = SimulatedEventLoop()
    loop.audit()
    if random_order:
        loop.pick_ready_by(Random(3))
    return run(main, loop=loop)


async def connected(a: Side, b: Side) -> tuple[SimulatedConnection, SimulatedConnection]:
    await b.accept()
    near = await a.transport.connect("10.0.0.2", 8302)
    return near, await b.accepted.get()


def now() -> float:
    return asyncio.get_running_loop().time()


def test_connecting_takes_a_round_trip_and_a_frame_half_of_one() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        assert now() == 0.1
        await near.send(b"hello")
        assert await far.receive() == b"hello"
        assert now() == pytest.approx(0.15)
        assert (near.remote_host, far.remote_host) == ("10.0.0.2", "10.0.0.1")

    between(body)


@pytest.mark.parametrize("random_order", [False, True])
def test_frames_arrive_in_order_whatever_the_jitter(random_order: bool) -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        for number in range(200):
            await near.send(str(number).encode())
        assert [await far.receive() for _ in range(200)] == [str(number).encode() for number in range(200)]

    between(body, jitter_ns=1_000_000_000, random_order=random_order)


def test_a_closed_side_reads_nothing_and_the_other_reads_all_that_was_sent_and_then_the_end() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        await near.send(b"last words")
        near.close()
        near.close()
        assert await near.receive() is None
        assert await far.receive() == b"last words"
        assert await far.receive() is None
        for end in (near, far):
            with pytest.raises(ConnectionError):
                await end.send(b"too late")

    between(body)


def test_a_reader_who_waits_is_woken_by_its_own_close() -> None:
    async def body(a: Side, b: Side) -> None:
        near, _ = await connected(a, b)
        reading = asyncio.ensure_future(near.receive())
        await asyncio.sleep(1)
        near.close()
        assert await reading is None

    between(body)


def test_a_sender_waits_while_its_peer_does_not_read() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        await near.send(bytes(WINDOW))
        sending = asyncio.ensure_future(near.send(b"more"))
        await asyncio.sleep(10)
        assert not sending.done()
        assert len(await far.receive() or b"") == WINDOW
        await sending
        assert await far.receive() == b"more"

    between(body)


def test_a_frame_is_taken_at_once_while_the_peer_reads_and_not_when_it_does_not() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        assert near.offer(bytes(WINDOW))
        assert not near.offer(b"too much")
        assert len(await far.receive() or b"") == WINDOW
        assert near.offer(b"again")
        assert await far.receive() == b"again"
        far.close()
        assert await near.receive() is None
        with pytest.raises(ConnectionResetError):
            near.offer(b"too late")

    between(body)


def test_frames_are_delivered_as_they_come_until_the_end() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        taken: list[tuple[float, bytes]] = []

        def take(frame: bytes) -> float:
            taken.append((round(now(), 6), frame))
            return 2.0 if frame == b"pause" else 0.0

        await near.send(b"early")
        await asyncio.sleep(1)
        delivering = b.process.spawn(b.network.loop, far.deliver(take), "deliver")
        for frame in (b"one", b"pause", b"two"):
            await near.send(frame)
        near.close()
        await delivering
        assert taken == [(1.1, b"early"), (1.15, b"one"), (1.15, b"pause"), (3.15, b"two")]
        assert now() == pytest.approx(3.15)

    between(body)


def test_what_a_taker_raises_ends_the_delivery() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)

        def refuse(frame: bytes) -> float:
            raise ValueError(frame)

        await near.send(b"bad")
        with pytest.raises(ValueError, match="bad"):
            await far.deliver(refuse)
        sending = asyncio.ensure_future(near.send(bytes(FRAME_LIMIT + 1)))
        with pytest.raises(ConnectionAbortedError):
            await far.deliver(lambda _frame: 0.0)
        await sending

    between(body)


def test_a_frozen_process_is_delivered_to_once_it_thaws() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        taken: list[float] = []

        def take(_frame: bytes) -> float:
            taken.append(now())
            return 0.0

        b.process.spawn(b.network.loop, far.deliver(take), "deliver")
        await asyncio.sleep(1)
        b.network.loop.freeze(b.process)
        await near.send(b"one")
        await asyncio.sleep(5)
        assert taken == []
        b.network.loop.thaw(b.process)
        await asyncio.sleep(1)
        assert taken == [pytest.approx(6.1)]

    between(body)


async def taking_from_both(
    a: Side, b: Side, take: Callable[[bytes], float]
) -> tuple[SimulatedConnection, SimulatedConnection]:
    """Two connections from `a`; what comes over them at `b` is handed to one taker."""
    one, far_one = await connected(a, b)
    two = await a.transport.connect("b", 8302)
    for far in (far_one, await b.accepted.get()):
        b.process.spawn(b.network.loop, far.deliver(take), "deliver")
    await asyncio.sleep(1)
    return one, two


def test_what_comes_to_a_process_in_one_instant_comes_in_one_step() -> None:
    async def body(a: Side, b: Side) -> None:
        taken: list[tuple[bytes, int]] = []

        def take(frame: bytes) -> float:
            taken.append((frame, b.network.loop.now_ns))
            return 0.0

        one, two = await taking_from_both(a, b, take)
        for frame in (b"1", b"2"):
            assert one.offer(frame)
            assert two.offer(frame * 2)
        before = b.network.loop.steps
        await asyncio.sleep(1)
        assert [frame for frame, _ in taken] == [b"1", b"11", b"2", b"22"]
        assert len({instant for _, instant in taken}) == 1
        assert b.network.loop.steps - before <= 3, "theirs, the sleeper's timer and the sleeper"

    between(body)


def test_a_process_that_a_frame_keeps_busy_handles_the_next_of_that_instant_afterwards() -> None:
    async def body(a: Side, b: Side) -> None:
        taken: list[tuple[bytes, float]] = []
        loop = b.network.loop

        def take(frame: bytes) -> float:
            taken.append((frame, round(now(), 6)))
            loop.freeze(b.process)
            loop.call_later(2, loop.thaw, b.process, context=contextvars.Context())
            return 0.0

        one, two = await taking_from_both(a, b, take)
        start = now()
        for connection, frame in ((one, b"1"), (two, b"2"), (one, b"3")):
            assert connection.offer(frame)
        await asyncio.sleep(3)
        assert two.offer(b"4"), "it comes while the process is busy, and behind what came before"
        await asyncio.sleep(10)
        assert [(frame, round(time - start, 6)) for frame, time in taken] == [
            (b"1", 0.05),
            (b"2", 2.05),
            (b"3", 4.05),
            (b"4", 6.05),
        ]

    between(body)


def test_a_taker_that_pauses_or_fails_gets_no_more_of_that_instant() -> None:
    async def body(a: Side, b: Side) -> None:
        taken: list[tuple[bytes, float]] = []
        start = 0.0

        def take(frame: bytes) -> float:
            taken.append((frame, round(now() - start, 6)))
            if frame == b"fail":
                raise ValueError(frame)
            return 2.0 if frame == b"pause" else 0.0

        one, two = await taking_from_both(a, b, take)
        start = now()
        for frames in ((b"pause", b"1"), (b"later", b"fail"), (b"later too", b"never")):
            for connection, frame in zip((one, two), frames, strict=True):
                assert connection.offer(frame)
        await asyncio.sleep(5)
        at_once = [(frame, 0.05) for frame in (b"pause", b"1", b"fail")]
        assert taken == [*at_once, (b"later", 2.05), (b"later too", 2.05)]

    between(body)


def test_a_drawn_order_reorders_what_comes_over_different_connections_and_not_over_one() -> None:
    async def body(a: Side, b: Side) -> list[bytes]:
        taken: list[bytes] = []

        def take(frame: bytes) -> float:
            taken.append(frame)
            return 0.0

        one, two = await taking_from_both(a, b, take)
        for number in range(5):
            assert one.offer(b"one %d" % number)
            assert two.offer(b"two %d" % number)
        await asyncio.sleep(1)
        return taken

    first_in_first_out, drawn = between(body), between(body, random_order=True)
    assert sorted(first_in_first_out) == sorted(drawn)
    assert first_in_first_out != drawn
    for name in (b"one", b"two"):
        of_one = [frame for frame in drawn if frame.startswith(name)]
        assert of_one == sorted(of_one)


def test_a_sender_who_waits_learns_that_the_peer_is_gone() -> None:
    async def body(a: Side, b: Side) -> None:
        near, _ = await connected(a, b)
        sending = asyncio.ensure_future(near.send(bytes(WINDOW + 1)))
        await asyncio.sleep(1)
        b.end()
        with pytest.raises(ConnectionError):
            await sending

    between(body)


def test_a_frame_over_the_limit_is_an_error_of_the_reader() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        sending = asyncio.ensure_future(near.send(bytes(FRAME_LIMIT + 1)))
        with pytest.raises(ConnectionAbortedError, match="at most 33554432 bytes"):
            await far.receive()
        await sending

    between(body)


def test_nothing_that_listens_refuses_and_no_machine_is_unreachable() -> None:
    async def body(a: Side, b: Side) -> None:
        with pytest.raises(ConnectionRefusedError):
            await a.transport.connect("10.0.0.2", 8302)
        with pytest.raises(OSError, match=r"no route from a to host 10\.0\.0\.9") as caught:
            await a.transport.connect("10.0.0.9", 8302)
        assert caught.value.errno == errno.EHOSTUNREACH

    between(body)


def test_a_dial_arrives_while_its_dialler_stands_still() -> None:
    """It is in the air by then; the dialler hears of it once it goes on."""

    async def body(a: Side, b: Side) -> None:
        loop = running_loop()
        await b.accept()
        dialling = a.process.spawn(loop, a.transport.connect("10.0.0.2", 8302), "dial")
        await asyncio.sleep(0)
        loop.freeze(a.process)

        await b.accepted.get()

        assert loop.time() == 0.05
        await asyncio.sleep(1)
        assert not dialling.done()
        loop.thaw(a.process)
        assert (await dialling).remote == "b"

    between(body)


def test_a_dial_that_is_given_up_reaches_nobody_or_is_closed_again() -> None:
    async def body(a: Side, b: Side) -> None:
        await b.accept()
        for seconds in (0.04, 0.06):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await a.transport.connect("10.0.0.2", 8302)

        accepted = await b.accepted.get()

        assert await accepted.receive() is None
        await asyncio.sleep(1)
        assert b.accepted.empty()

    between(body)


def test_a_port_is_bound_once_and_on_own_addresses_only() -> None:
    async def body(a: Side, b: Side) -> None:
        await b.accept()
        with pytest.raises(OSError, match="in use") as caught:
            await b.accept()
        assert caught.value.errno == errno.EADDRINUSE
        with pytest.raises(OSError, match="not an address") as caught:
            await b.accept(8303, "10.0.0.1")
        assert caught.value.errno == errno.EADDRNOTAVAIL

    between(body)


def test_loopback_is_reached_from_the_machine_itself_only() -> None:
    async def body(a: Side, b: Side) -> None:
        await b.accept(host="127.0.0.1")
        with pytest.raises(ConnectionRefusedError):
            await a.transport.connect("b", 8302)
        assert (await b.transport.connect("localhost", 8302)).remote_host == "10.0.0.2"

    between(body)


def test_a_closed_listener_keeps_what_it_accepted() -> None:
    async def body(a: Side, b: Side) -> None:
        async def accepted(connection: SimulatedConnection) -> None:
            await connection.send(await connection.receive() or b"")

        listener = await b.transport.listen("0.0.0.0", 1, accepted)
        near = await a.transport.connect("b", 1)
        listener.close()
        await near.send(b"echo")
        assert await near.receive() == b"echo"
        assert await near.receive() is None, "its task has returned"
        with pytest.raises(ConnectionRefusedError):
            await a.transport.connect("b", 1)

    between(body)


def test_an_error_of_an_accepting_task_is_told_on_the_console_and_harms_nobody_else() -> None:
    async def body(a: Side, b: Side) -> None:
        async def accepted(_connection: SimulatedConnection) -> None:
            raise ValueError("bad frame")

        await b.transport.listen("0.0.0.0", 1, accepted)
        near = await a.transport.connect("b", 1)
        assert await near.receive() is None
        assert b.printed[-1] == "ValueError: bad frame"

    between(body)


def test_what_is_in_the_air_outlives_its_sender() -> None:
    async def body(a: Side, b: Side) -> None:
        near, far = await connected(a, b)
        await near.send(b"last words")
        a.end()
        assert await far.receive() == b"last words"
        assert await far.receive() is None

    between(body)


def test_a_dead_process_can_do_nothing_more() -> None:
    async def body(a: Side, b: Side) -> None:
        near, _ = await connected(a, b)
        a.end()
        for call in (near.send(b"x"), near.receive(), a.transport.connect("b", 8302), a.accept(1)):
            with pytest.raises(asyncio.CancelledError):
                await call

    between(body)


# ---- HTTP ----


class Ok:
    status, body, headers, talk = 200, b"fine", {"content-type": "text/plain"}, None


def post(b: Side, seconds: float = 5.0) -> Awaitable[HttpReply]:
    transport = SimulatedHttpTransport(b.network, b.machine, 3085)
    return transport.post("/graphql?x=1", b"{}", content_type="application/json", seconds=seconds)


def test_a_request_reaches_the_handler_even_on_loopback() -> None:
    async def body(_a: Side, b: Side) -> None:
        seen: list[Any] = []

        async def handler(request: Any) -> Ok:
            seen.append(request)
            return Ok()

        await b.http.serve("127.0.0.1", 3085, handler)
        assert await post(b) == HttpReply(200, b"fine")
        assert now() == 0.1
        [request] = seen
        assert (request.method, request.path, request.query, request.body) == (
            "POST",
            "/graphql",
            {"x": "1"},
            b"{}",
        )
        assert request.headers["content-type"] == "application/json"

    between(body)


def test_no_server_is_a_refusal_a_silent_one_a_timeout_a_failing_one_an_answer() -> None:
    async def body(_a: Side, b: Side) -> None:
        async def silent(_request: Any) -> Ok:
            await asyncio.sleep(100)
            return Ok()

        async def failing(_request: Any) -> Ok:
            raise ValueError("no such field")

        with pytest.raises(ConnectionRefusedError):
            await post(b)
        listener = await b.http.serve("0.0.0.0", 3085, silent)
        with pytest.raises(TimeoutError):
            await post(b)
        listener.close()
        await b.http.serve("0.0.0.0", 3085, failing)
        assert (await post(b)).status == 500
        assert b.printed[-1] == "ValueError: no such field"

    between(body)


def test_a_server_that_dies_over_a_request_leaves_it_without_an_answer() -> None:
    async def body(_a: Side, b: Side) -> None:
        async def dying(_request: Any) -> Ok:
            asyncio.get_running_loop().call_later(1, b.end)
            await asyncio.sleep(100)
            return Ok()

        await b.http.serve("0.0.0.0", 3085, dying)
        with pytest.raises(ConnectionResetError, match="b ended before it had answered"):
            await post(b)

    between(body)
