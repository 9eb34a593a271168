"""Links with delays, loss, bandwidth and cuts, and what channels make of them."""

import asyncio
from collections.abc import Awaitable, Callable
from statistics import mean, median
from typing import Any, Literal

import pytest

from coda_executive.engines.simulation.event_loop import SimulatedEventLoop, run, running_loop
from coda_executive.engines.simulation.link import Link
from coda_executive.engines.simulation.network import Network, SimulatedConnection, SimulatedTransport
from coda_executive.engines.simulation.process import Process
from coda_executive.interfaces.capabilities import LinkShape

MILLISECOND = 1_000_000


class Pair:
    """Two machines, a and b, and a connection between them; `near` is a's end."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.machines = [network.join(name, f"10.0.0.{number}") for number, name in enumerate("ab", start=1)]
        self.processes = [Process(machine.name, print) for machine in self.machines]
        self.a, self.b = (
            SimulatedTransport(network, machine, process)
            for machine, process in zip(self.machines, self.processes, strict=True)
        )
        self.near: SimulatedConnection
        self.far: SimulatedConnection

    async def connect(self) -> None:
        accepted: asyncio.Queue[Any] = asyncio.Queue()

        async def accept(connection: Any) -> None:
            accepted.put_nowait(connection)
            await asyncio.get_running_loop().create_future()

        await self.b.listen("0.0.0.0", 8302, accept)
        self.near = await self.a.connect("10.0.0.2", 8302)
        self.far = await accepted.get()


def between(body: Callable[[Pair], Awaitable[None]], shape: LinkShape | None = None, seed: int = 1) -> None:
    async def main() -> None:
        pair = Pair(Network(running_loop(), seed=seed, shape=shape or LinkShape(delay=0.05)))
        try:
            await body(pair)
        finally:
            for process in pair.processes:
                pair.network.loop.end(process)

    loop = SimulatedEventLoop()
    loop.audit()
    run(main, loop=loop)


def now() -> float:
    return asyncio.get_running_loop().time()


def arrivals(shape: LinkShape, count: int, *, streams: str = "1:link:a:b", size: int = 0) -> list[float]:
    link = Link(shape, streams)
    return [link.arrival_ns(0, size) / 1e9 for _ in range(count)]


@pytest.mark.parametrize(
    ("spread", "low", "centre"),
    [
        ("uniform", 0.1, lambda drawn: mean(drawn) == pytest.approx(0.2, rel=0.05)),
        ("exponential", 0.1, lambda drawn: mean(drawn) == pytest.approx(0.3, rel=0.05)),
        ("lognormal", 0.1, lambda drawn: median(drawn) == pytest.approx(0.3, rel=0.05)),
    ],
)
def test_jitter_has_the_distribution_that_it_says(
    spread: Literal["uniform", "exponential", "lognormal"], low: float, centre: Callable[[Any], bool]
) -> None:
    drawn = arrivals(LinkShape(delay=0.1, jitter=0.2, spread=spread), 5000)

    assert min(drawn) >= low
    assert centre(drawn)


def test_each_link_has_streams_of_its_own_that_repeat_by_seed() -> None:
    shape = LinkShape(delay=0.1, jitter=1.0)

    assert arrivals(shape, 5) == arrivals(shape, 5)
    assert arrivals(shape, 5) != arrivals(shape, 5, streams="1:link:b:a")
    assert arrivals(shape, 5) != arrivals(shape, 5, streams="2:link:a:b")


def test_loss_takes_nothing_from_the_stream_of_delays() -> None:
    """So a fault that is left out disturbs no other link, nor this one's jitter."""
    lossy = Link(LinkShape(delay=0.1, jitter=1.0, loss=0.5), "1:link:a:b")
    for _ in range(10):
        lossy.passes()

    assert lossy.arrival_ns(0, 0) / 1e9 == arrivals(LinkShape(delay=0.1, jitter=1.0), 1)[0]


def test_a_narrow_link_sends_one_byte_after_the_other() -> None:
    drawn = arrivals(LinkShape(delay=1, bandwidth=1000), 3, size=500)

    assert drawn == [1.5, 2.0, 2.5]


def test_what_is_added_comes_on_top_and_goes_again() -> None:
    link = Link(LinkShape(delay=0.1), "1:link:a:b")

    link.shape(LinkShape(delay=0.4))
    assert link.arrival_ns(0, 0) == 500 * MILLISECOND
    link.shape(None)
    assert link.arrival_ns(0, 0) == 100 * MILLISECOND


@pytest.mark.parametrize(
    "wrong", [{"loss": 1.0}, {"loss": -0.1}, {"delay": -1.0}, {"jitter": -1.0}, {"bandwidth": 0.0}]
)
def test_a_shape_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        LinkShape(**wrong)  # type: ignore[arg-type]


def test_all_frames_arrive_in_order_over_a_link_that_loses_half_of_them() -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        for number in range(100):
            await pair.near.send(str(number).encode())
        assert [await pair.far.receive() for _ in range(100)] == [str(n).encode() for n in range(100)]
        assert now() > 1  # the lost ones were sent again after 0.2 s, 0.4 s, …

    between(body, LinkShape(delay=0.05, loss=0.5))


def test_frames_over_a_cut_link_arrive_after_it_was_mended() -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        link = pair.network.link("a", "b")
        link.cut(True)
        began = now()
        for frame in (b"one", b"two"):
            await pair.near.send(frame)
        await pair.far.send(b"the other way")
        assert await pair.near.receive() == b"the other way"
        assert now() == pytest.approx(began + 0.05)
        await asyncio.sleep(10)
        link.cut(False)
        assert [await pair.far.receive(), await pair.far.receive()] == [b"one", b"two"]
        # Attempts after 0.2, 0.6, 1.4, 3.0, 6.2 and 12.6 s: the first after the mending brings both.
        assert now() == pytest.approx(began + 12.65)

    between(body)


def test_a_sender_that_never_gets_through_finds_its_connection_reset() -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        pair.network.link("a", "b").cut(True)
        began = now()
        await pair.near.send(b"lost")
        assert await pair.near.receive() is None
        assert 800 < now() - began < 1200
        with pytest.raises(ConnectionResetError):
            await pair.near.send(b"again")
        pair.network.link("a", "b").cut(False)
        assert await pair.far.receive() is None

    between(body)


def test_a_close_over_a_cut_link_is_heard_of_after_the_mending() -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        pair.network.link("a", "b").cut(True)
        pair.near.close()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await pair.far.receive()
        pair.network.link("a", "b").cut(False)
        assert await pair.far.receive() is None

    between(body)


@pytest.mark.parametrize("direction", [("a", "b"), ("b", "a")])
def test_connecting_over_a_cut_link_times_out(direction: tuple[str, str]) -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        pair.network.link(*direction).cut(True)
        began = now()
        with pytest.raises(TimeoutError):
            await pair.a.connect("10.0.0.2", 8302)
        assert now() - began == pytest.approx(127, abs=0.2)

    between(body)


def test_a_reset_loses_what_is_on_its_way_and_ends_both_sides() -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        await pair.near.send(b"lost")
        pair.machines[1].break_off(["a"])
        assert await pair.far.receive() is None
        assert await pair.near.receive() is None
        for end in (pair.near, pair.far):
            with pytest.raises(ConnectionResetError):
                await end.send(b"x")

    between(body)


def test_machines_that_are_not_named_keep_their_connections() -> None:
    async def body(pair: Pair) -> None:
        await pair.connect()
        pair.machines[0].break_off(["c"])
        await pair.near.send(b"still there")
        assert await pair.far.receive() == b"still there"

    between(body)
