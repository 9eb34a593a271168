"""What a daemon offers beside GraphQL on its REST port, and flags whose effect is seen from outside, in virtual time
(daemon contract A.2, A.6, D.1).
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from tests.coda_daemon.worlds import Machine, RunningDaemon, World, config_for, producer_environment

from coda_daemon.profile import dev
from coda_daemon.stop_time import wait_for_stop_time
from coda_daemon.web import Request
from coda_executive.engines.simulation.event_loop import run
from coda_executive.engines.simulation.host import EPOCH_NS
from coda_protocol.slots import GlobalSlot, SlotTimes

Check = Callable[[RunningDaemon], Coroutine[Any, Any, None]]


def with_producer(check: Check, *flags: str, after: float = 42) -> None:
    """Call `check` with a producer that was started with these flags, beside a seed; genesis is at 1."""

    async def main() -> None:
        (seed, seed_arguments), (machine, arguments) = World().testnet(config_for(1), 1)
        seed.start(*seed_arguments)
        producer = machine.start(*arguments, *flags, **producer_environment(1))
        await asyncio.sleep(after)
        await check(producer)

    run(main)


async def get(machine: Machine, port: int, path: str) -> tuple[int, str]:
    listener = machine._machine.machine.listeners[port]
    reply = await listener.serve(Request("GET", path))
    return reply.status, reply.body.decode()


def values_of(exposition: str) -> dict[str, int]:
    lines = [line for line in exposition.splitlines() if not line.startswith("#")]
    return {name: int(value) for name, value in (line.split(" ") for line in lines)}


def test_metrics_are_prometheus_text() -> None:
    async def check(producer: RunningDaemon) -> None:
        status, text = await get(producer.machine, 10001, "/metrics")
        metrics = values_of(text)
        tip = (await producer.post("{ daemonStatus { blockchainLength } }"))["data"]["daemonStatus"]

        assert status == 200
        assert metrics["Coda_Transition_frontier_max_blocklength_observed"] == tip["blockchainLength"]
        assert metrics["Coda_Block_producer_blocks_produced"] == tip["blockchainLength"] - 1 > 4
        assert metrics["Coda_Network_peers"] == 1
        assert metrics["Coda_Runtime_process_uptime_ms_total"] == 42_000
        assert "# TYPE Coda_Sync_status gauge\nCoda_Sync_status 5\n" in text
        assert (await get(producer.machine, 10001, "/"))[0] == 404
        network = values_of((await get(producer.machine, 10002, "/metrics"))[1])
        assert network == {"Coda_Network_peers": 1, "Coda_Network_connections_seen": 1}

    with_producer(check, "-metrics-port", "10001", "-libp2p-metrics-port", "10002")


def test_limited_server_knows_three_queries() -> None:
    async def check(producer: RunningDaemon) -> None:
        async def ask(query: str) -> Any:
            text = (await get_graphql(producer.machine, 3095, query))[1]
            return json.loads(text)

        assert (await ask("{ version }"))["data"]["version"]
        tip = (await ask("{ daemonStatus { blockchainLength } }"))["data"]["daemonStatus"]["blockchainLength"]
        assert (await ask(f"{{ block(height: {tip}) {{ transactions {{ coinbase }} }} }}"))["data"]
        unknown = {"errors": [{"message": "Field 'bestChain' is not defined on type 'query'"}]}
        assert await ask("{ bestChain { stateHash } }") == unknown
        assert "errors" in await ask("mutation { reloadAccounts { success } }")
        assert (await producer.post("{ bestChain { stateHash } }"))["data"]

    with_producer(check, "-limited-graphql-port", "3095")


async def get_graphql(machine: Machine, port: int, query: str) -> tuple[int, str]:
    listener = machine._machine.machine.listeners[port]
    reply = await listener.serve(Request("GET", "/graphql", {"query": query}))
    return reply.status, reply.body.decode()


def test_histograms_count_blocks_and_are_in_the_status_on_demand() -> None:
    async def check(producer: RunningDaemon) -> None:
        text = """{ daemonStatus { blockchainLength metrics { blockProductionDelay } histograms {
          rpcTimings { getAncestry { impl { values } } }
          externalTransitionLatency { overflow }
          acceptedTransitionLocalLatency { values intervals { start stop } underflow overflow } } } }"""
        status = (await producer.post(text))["data"]["daemonStatus"]
        local = status["histograms"]["acceptedTransitionLocalLatency"]
        made = status["blockchainLength"] - 1

        assert (local["values"], local["underflow"], local["overflow"]) == ([made, *[0] * 9], 0, 0)
        assert local["intervals"][9] == {"start": "1800", "stop": "2000"}
        assert status["histograms"]["externalTransitionLatency"] is None  # nobody else makes blocks
        assert status["metrics"]["blockProductionDelay"] == [made, *[0] * 6]
        plain, full = [
            json.loads((await get(producer.machine, 3085, path))[1])
            for path in ("/status", "/status/performance")
        ]
        assert plain["histograms"] is None
        assert full["histograms"]["accepted_transition_local_latency"]["values"][0] == made

    with_producer(check)


@pytest.mark.parametrize(("least", "coinbases"), [("720", True), ("720.000000001", False)])
def test_block_that_earns_too_little_is_made_empty(least: str, coinbases: bool) -> None:
    async def check(producer: RunningDaemon) -> None:
        chain = (await producer.post("{ bestChain { transactions { coinbase } } }"))["data"]["bestChain"]

        assert len(chain) > 5
        found = {block["transactions"]["coinbase"] != "0" for block in chain[1:]}
        assert found == {coinbases}

    with_producer(check, "-minimum-block-reward", least)


def test_daemon_stops_with_0_when_its_stop_time_has_come() -> None:
    async def main() -> None:
        (seed, arguments) = World().testnet(config_for(1), 0)[0]
        daemon = seed.start(*arguments, "-stop-time", "1")
        await asyncio.sleep(3599)
        assert not daemon.task.done()
        assert await daemon.task == 0
        assert seed.log[-1]["message"] == "Daemon has been running for $uptime hours. Stopping now"

    run(main)


def test_only_under_the_profile_of_mainnet_a_daemon_stops_without_being_told_when() -> None:
    """Contract A.2: after 168 hours. Under `dev` a test may last as long as it likes."""

    async def main() -> None:
        world = World()
        (seed, arguments), (other, _) = world.testnet(config_for(1, slot_ms=180_000), 1)
        real, scaled = (
            seed.start(*arguments, CODA_PROFILE="mainnet"),
            other.start(*arguments, CODA_PROFILE="dev"),
        )
        await asyncio.sleep(168 * 3600 - 1)
        assert not real.task.done()
        await asyncio.sleep(2)
        assert real.task.result() == 0
        assert not scaled.task.done()

    run(main)


def test_producer_stops_only_when_it_has_no_block_to_make_soon() -> None:
    """With slots of two seconds under `dev` a moment is quiet when no block is due for forty seconds."""

    async def main() -> None:
        host = World().machine("here").host()
        wins = [GlobalSlot(slot) for slot in (1801, 1802, 1810, 1850)]
        times = SlotTimes(genesis_ms=EPOCH_NS // 1_000_000, slot_ms=2000)

        class FakeNode:
            genesis = SimpleNamespace(rules=SimpleNamespace(constants=SimpleNamespace(times=times)))
            started_ns = host.clock.time_ns()

            @property
            def next_production(self) -> Any:
                now = times.slot_at(host.clock.time_ns() // 1_000_000)
                return next((SimpleNamespace(slot=slot) for slot in wins if slot >= now), None)

        node: Any = FakeNode()
        await wait_for_stop_time(node, host.clock, 1, dev(2000))

        # The one after slot 1810 is due in 78 seconds.
        assert times.slot_at(host.clock.time_ns() // 1_000_000) == 1811

    run(main)


def test_producer_logs_its_steps_unless_told_not_to() -> None:
    def steps(*flags: str) -> int:
        found: list[int] = []

        async def check(producer: RunningDaemon) -> None:
            messages = [line["message"] for line in producer.machine.log]
            assert "Successfully produced a new block" in messages
            found.append(sum(message.startswith("Producing new block") for message in messages))

        with_producer(check, *flags, after=20)
        return found[0]

    assert steps() > 2
    assert steps("-log-block-creation", "false") == 0
