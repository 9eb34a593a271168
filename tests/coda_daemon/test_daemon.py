"""Whole daemons in virtual time: start, agreement, exit codes, what stands in their directories."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.coda_daemon.worlds import Machine, RunningDaemon, World, config_for, producer_environment

from coda_daemon.daemon import run_daemon
from coda_executive.engines.simulation.event_loop import run
from coda_executive.engines.simulation.host import SimulatedHost
from coda_protocol import structured_events
from coda_protocol.runtime_config import encode

Check = Callable[[World], Coroutine[Any, Any, None]]


def in_world(check: Check) -> None:
    async def main() -> None:
        await check(World())

    run(main)


def start_testnet(world: World, producers: int) -> list[RunningDaemon]:
    nodes = world.testnet(config_for(producers), producers)
    return [
        machine.start(*arguments, **(producer_environment(index) if index else {}))
        for index, (machine, arguments) in enumerate(nodes)
    ]


def event_names(machine: Machine) -> list[str]:
    known = structured_events.BY_ID
    return [known[line["event_id"]].name for line in machine.log if "event_id" in line]


def errors(machine: Machine) -> list[str]:
    return [str(line) for line in machine.log if line["level"] in ("Error", "Faulty_peer", "Fatal")]


def test_a_seed_and_two_producers_agree_on_a_chain() -> None:
    async def check(world: World) -> None:
        daemons = start_testnet(world, 2)
        await asyncio.sleep(42)

        chains = [await daemon.post("{ bestChain { stateHash } syncStatus }") for daemon in daemons]

        assert len(chains[0]["data"]["bestChain"]) >= 8
        assert chains[0] == chains[1] == chains[2]
        assert chains[0]["data"]["syncStatus"] == "SYNCED"
        assert [await daemon.stop() for daemon in daemons] == [130, 130, 130]
        assert [errors(daemon.machine) for daemon in daemons] == [[], [], []]

    in_world(check)


def test_start_tells_the_lines_of_the_contract_in_order() -> None:
    async def check(world: World) -> None:
        (seed, *_) = start_testnet(world, 1)
        await asyncio.sleep(4)
        await seed.stop()

        messages = [line["message"] for line in seed.machine.log]
        wanted = [
            "Mina daemon is booting up; built with commit $commit on branch $branch",
            "Booting may take several seconds, please wait",
            "Reading configuration files $config_files",
            "Starting node as a seed node",
            "Daemon will use chain id ",
            "Created GraphQL server at: http://localhost:3085/graphql",
            "Daemon ready. Clients can now connect",
            "Mina process was interrupted by $signal",
        ]
        positions = [
            next(at for at, message in enumerate(messages) if message.startswith(text)) for text in wanted
        ]
        assert positions == sorted(positions)
        assert event_names(seed.machine)[:6] == [
            "Connecting",
            "Listening",
            "Persisted_frontier_fresh_boot",
            "Persisted_frontier_dropped",
            "Persisted_frontier_loaded",
            "Starting_transition_frontier_controller",
        ]

    in_world(check)


def test_a_restarted_daemon_resumes_its_chain_and_catches_up() -> None:
    async def check(world: World) -> None:
        daemons = start_testnet(world, 2)
        await asyncio.sleep(22)
        assert await daemons[2].stop() == 130
        await asyncio.sleep(20)
        machine, arguments = daemons[2].machine, world_arguments(daemons[0].machine, daemons[2].machine)
        before = len(machine.log)

        restarted = machine.start(*arguments, **producer_environment(2))
        await asyncio.sleep(20)

        tips = [
            await daemon.post("{ bestChain(maxLength: 1) { stateHash } }")
            for daemon in (daemons[0], restarted)
        ]
        assert tips[0] == tips[1]
        resumed = [
            structured_events.BY_ID[line["event_id"]].name
            for line in machine.log[before:]
            if "event_id" in line
        ]
        assert "Transition_frontier_loaded_from_persistence" in resumed
        assert "Persisted_frontier_fresh_boot" not in resumed

    in_world(check)


def world_arguments(seed: Machine, machine: Machine) -> list[str]:
    return [
        *("-config-directory", "/node/config", "-config-file", "/node/config.json"),
        *("-libp2p-keypair", machine.identity.reveal(), "-external-ip", machine.address),
        *("-log-json", "-log-level", "Trace", "-peer", seed.multiaddress),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["-nonsense"], 1, "unknown flag -nonsense"),
        (["-rest-port"], 1, "missing argument for flag -rest-port"),
        (["-rest-port", "many"], 1, "expected an integer"),
        (["-rest-port", "0"], 1, "expected a port"),
        (["-enable-flooding", "yes"], 1, "expected true or false"),
        (["stray"], 1, "too many anonymous arguments"),
        (["-log-level", "Loud"], 14, "Received unknown log-level Loud. Expected one of:"),
        (["-seed", "-run-snark-coordinator", "B62"], 1, "Could not use -run-snark-coordinator"),
        (["-seed", "-config-file", "/missing.json"], 1, "Could not read configuration file /missing.json"),
        (["-seed", "-config-file", "/garbage.json"], 1, "Could not parse configuration file:"),
        (["-config-file", "/config.json"], 1, "No peers were given."),
        (["-config-file", "/config.json", "-peer", "/ip4/nowhere"], 1, "multiaddress"),
        (
            ["-seed", "-config-file", "/config.json", "-proof-level", "full"],
            1,
            "compile-time proof level check",
        ),
        (["-seed", "-config-file", "/config.json", "-libp2p-keypair", "a,b,c"], 1, "libp2p key pair"),
        (["-seed", "-config-file", "/config.json", "-coinbase-receiver", "B62x"], 1, "-coinbase-receiver"),
        (["-seed", "-config-file", "/config.json", "-block-producer-key", "/open"], 1, "MINA_PRIVKEY_PASS"),
        (["-seed"], 1, "genesis_state_timestamp"),
        (["-help"], 0, "-config-directory TEXT"),
    ],
)
def test_bad_use_ends_with_its_exit_code_and_says_why(arguments: list[str], code: int, text: str) -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        machine.write("/config.json", encode(config_for(1)))
        machine.write("/garbage.json", b"{")

        assert await machine.start(*arguments).task == code

        assert text in "\n".join(machine.lines)

    in_world(check)


def test_a_key_file_that_others_can_read_is_refused() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        machine.write("/config.json", encode(config_for(1)))
        machine.write("/keys/open", b"{}", mode=0o644)

        daemon = machine.start(
            *("-seed", "-config-file", "/config.json", "-block-producer-key", "/keys/open"),
            MINA_PRIVKEY_PASS="",
        )

        assert await daemon.task == 1
        assert "chmod 0600 /keys/open" in "\n".join(machine.lines)

    in_world(check)


def test_a_daemon_that_meets_nobody_gives_up() -> None:
    async def check(world: World) -> None:
        nodes = world.testnet(config_for(1), 1)
        machine, arguments = nodes[1]

        assert await machine.start(*arguments, **producer_environment(1)).task == 1

        assert any(
            line["message"]
            == "Failed to find any peers during initialization (crashing because this is not a seed node)"
            for line in machine.log
        )

    in_world(check)


def test_a_second_daemon_cannot_have_the_same_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(world: World) -> None:
        nodes = world.testnet(config_for(1), 0)
        machine, arguments = nodes[0]
        first = machine.start(*arguments)
        await asyncio.sleep(0)
        host = machine.host()
        monkeypatch.setattr(SimulatedHost, "process_is_alive", lambda _host, _pid: True)

        second = await machine.process.spawn(world.network.loop, run_daemon(arguments, host), "second")

        assert second == 1
        assert "A daemon (process id 2) is already running" in "\n".join(machine.lines)
        assert not first.task.done()

    in_world(check)


def test_a_clean_end_removes_the_lock_and_a_stale_lock_is_ignored() -> None:
    async def check(world: World) -> None:
        ((machine, arguments),) = world.testnet(config_for(1), 0)
        machine.write("/node/config/.mina-lock", b"12345\n")
        daemon = machine.start(*arguments)
        await asyncio.sleep(1)
        store = machine.host().store
        assert store.read("/node/config/.mina-lock") == f"{daemon.host.pid}\n".encode()
        assert set(json.loads(store.read("/node/config/mina.version"))) == {"commit"}

        await daemon.stop()

        assert not store.exists("/node/config/.mina-lock")
        assert b"Mina process was interrupted by $signal" in store.read("/node/config/mina.log")

    in_world(check)


def test_block_time_is_put_back_by_the_offset_but_log_lines_are_not() -> None:
    async def check(world: World) -> None:
        ((machine, arguments),) = world.testnet(config_for(1), 0)
        daemon = machine.start(*arguments, MINA_TIME_OFFSET="20")
        await asyncio.sleep(31)

        data = (await daemon.post("{ timeOffset daemonStatus { consensusTimeNow { globalSlot } } }"))["data"]

        assert data["timeOffset"] == 20
        assert data["daemonStatus"]["consensusTimeNow"]["globalSlot"] == "5"
        assert machine.log[0]["timestamp"].startswith("2030-01-01 00:00:00.")
        assert await machine.start(*arguments, MINA_TIME_OFFSET="soon").task == 1

    in_world(check)


def test_two_runs_of_one_seed_write_the_same_lines() -> None:
    def lines() -> list[list[str]]:
        kept: list[list[str]] = []

        async def check(world: World) -> None:
            daemons = start_testnet(world, 2)
            await asyncio.sleep(30)
            kept.extend(list(daemon.machine.lines) for daemon in daemons)

        in_world(check)
        return kept

    assert lines() == lines()
