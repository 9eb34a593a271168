import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from tests.coda_daemon.log_testbed import RecordingSink

from coda_daemon.log import Log
from coda_daemon.profile import Profile, dev
from coda_daemon.status_tracker import StatusTracker
from coda_executive.engines.simulation.event_loop import run

PROFILE = replace(
    dev(2000), offline_slots=8, no_gossip_warning=100.0, offline_restart=50.0, offline_shutdown=200.0
)


class Clock:
    def time_ns(self) -> int:
        return 0


@dataclass
class Redialled:
    """The one thing that the tracker asks of the network."""

    times: list[float] = field(default_factory=list)

    def redial_all(self) -> None:
        self.times.append(asyncio.get_running_loop().time())


@dataclass
class Watched:
    sink: RecordingSink
    tracker: StatusTracker
    network: Any
    watch: "asyncio.Task[None]"

    def messages(self) -> list[str]:
        return [record.message for record in self.sink.records]


def watched(*, is_seed: bool = False, profile: Profile = PROFILE) -> Watched:
    sink, network = RecordingSink(), Redialled()
    tracker = StatusTracker(Log(Clock(), [sink], pid=1), profile, slot_ms=2000, recompute=lambda: None)
    started: Any = network
    watch = asyncio.get_running_loop().create_task(tracker.watch_silence(started, is_seed=is_seed))
    return Watched(sink, tracker, network, watch)


def test_offline_node_dials_afresh_and_later_gives_up() -> None:
    """A.9: offline 8 slots after the last block, links afresh after `offline_restart`, then the end."""

    async def body() -> None:
        one = watched()
        one.tracker.heard()

        await one.watch

        assert one.network.times == [16 + 50]
        assert asyncio.get_running_loop().time() == 16 + 50 + 200
        assert one.messages() == ["Offline for too long; restarting libp2p_helper"]

    run(body)


def test_block_in_time_puts_the_end_off() -> None:
    async def body() -> None:
        one = watched()
        for _ in range(5):
            one.tracker.heard()
            await asyncio.sleep(60)
            assert one.tracker.is_offline
        assert one.network.times == []
        await asyncio.sleep(20)
        assert len(one.network.times) == 1
        one.tracker.heard()
        assert not one.tracker.is_offline
        await asyncio.sleep(60)
        assert not one.watch.done()
        one.watch.cancel()
        one.tracker.close()

    run(body)


def test_seed_dials_afresh_but_never_gives_up() -> None:
    async def body() -> None:
        one = watched(is_seed=True)
        one.tracker.heard()
        await asyncio.sleep(10_000)
        assert len(one.network.times) == 1
        assert not one.watch.done()
        one.watch.cancel()

    run(body)


@pytest.mark.parametrize(("is_seed", "lines"), [(False, 1), (True, 0)])
def test_node_that_never_hears_gossip_says_so_once_unless_it_is_a_seed(is_seed: bool, lines: int) -> None:
    async def body() -> None:
        one = watched(is_seed=is_seed)
        await asyncio.sleep(10_000)
        assert len(one.messages()) == lines
        assert all("port forwarding" in message for message in one.messages())
        assert one.network.times == []
        one.watch.cancel()

    run(body)


@pytest.mark.timeout(20)
def test_offline_is_noticed_at_once_whatever_the_instant_of_the_last_block() -> None:
    """27.001 + 16 is a little more than 43.001 in floating point, which the loop's nanoseconds do not show."""

    async def body() -> None:
        one = watched()
        await asyncio.sleep(27.001)
        one.tracker.heard()
        await asyncio.sleep(15.999)
        assert not one.tracker.is_offline
        await asyncio.sleep(0.002)
        assert one.tracker.is_offline
        one.watch.cancel()
        one.tracker.close()

    run(body)
