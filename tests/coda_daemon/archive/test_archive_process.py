"""The archive process and the daemons that feed it, in virtual time (daemon contract G.1)."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.coda_daemon.worlds import Machine, RunningDaemon, World, config_for, producer_environment

from coda_daemon.archive.process import run_archive
from coda_executive.engines.simulation.event_loop import run, running_loop
from coda_executive.engines.simulation.host import SimulatedHost
from coda_protocol.runtime_config import encode

URI = "sqlite:///archive"
FED = ("-archive-address", "10.0.0.4:3086")


class ArchiveMachine:
    """A machine with an archive process on it, at 10.0.0.4 of a network of three nodes."""

    def __init__(self, world: World) -> None:
        self.machine: Machine = world.machine("archive")
        self.machine.write("/node/config.json", encode(config_for(2)))

    def start(self, *flags: str) -> RunningDaemon:
        host = self.machine.host({"MINA_CLIENT_TRUSTLIST": "10.0.0.0/8"})
        return self._spawned(host, ["run", "-config-file", "/node/config.json", *flags])

    async def tool(self, *arguments: str) -> int:
        """A subcommand beside the running process."""
        return await self._spawned(self.machine.host(), arguments).task

    def _spawned(self, host: SimulatedHost, arguments: Sequence[str]) -> RunningDaemon:
        arguments = [*arguments, "-log-json", "-log-level", "Trace", "-postgres-uri", URI]
        task = self.machine.process.spawn(running_loop(), run_archive(arguments, host), "archive")
        return RunningDaemon(self.machine, host, task)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        store = await self.machine.host().archive_stores.open(URI)
        return [tuple(row) for row in await store.fetch(sql)]

    @property
    def messages(self) -> list[str]:
        return [line["message"] for line in self.machine.log]


def in_world(check: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        world = World()
        await check(world)
        for machine in world._machines:
            machine._machine.archives.discard()

    run(main)


def start_network(world: World, *, fed: Sequence[int]) -> tuple[list[RunningDaemon], ArchiveMachine]:
    """A seed and two producers, of which those with these numbers feed an archive, which does not run yet."""
    nodes = world.testnet(config_for(2), 2)
    archive = ArchiveMachine(world)
    daemons = [
        machine.start(
            *arguments,
            *(FED if index in fed else ()),
            **(producer_environment(index) if index else {}),
        )
        for index, (machine, arguments) in enumerate(nodes)
    ]
    return daemons, archive


async def best_chain(daemon: RunningDaemon) -> list[str]:
    chain = (await daemon.post("{ bestChain { stateHash } }"))["data"]["bestChain"]
    return [block["stateHash"] for block in chain]


async def stop_all(daemons: Sequence[RunningDaemon]) -> None:
    for daemon in daemons:
        await daemon.stop()


def test_two_daemons_feed_one_archive_with_their_chain_and_every_block_once() -> None:
    async def check(world: World) -> None:
        daemons, archive = start_network(world, fed=[0, 1])
        process = archive.start()
        await asyncio.sleep(42)

        chain = await best_chain(daemons[0])
        stored = [row[0] for row in await archive.rows("SELECT state_hash FROM blocks ORDER BY height")]
        assert set(chain) <= set(stored)
        assert len(stored) == len(set(stored)) >= 8
        assert await archive.rows("SELECT height FROM blocks WHERE parent_id IS NULL") == [(1,)]
        assert (
            await archive.tool("replay", "-config-file", "/node/config.json", "-target-state-hash", chain[-1])
            == 0
        )
        assert await process.stop() == 0
        assert archive.messages[:2] == [
            "Starting archive process; built with commit $commit",
            "Archive process ready. Clients can now connect",
        ]
        await stop_all(daemons)

    in_world(check)


def test_an_archive_that_was_down_has_a_hole_which_another_daemon_fills() -> None:
    """What was added meanwhile is lost for good to those who fed it; a daemon that adds it later sends it again."""

    async def check(world: World) -> None:
        daemons, archive = start_network(world, fed=[1, 2])
        process = archive.start()
        await asyncio.sleep(11)
        await process.stop()
        await asyncio.sleep(20)
        process = archive.start()
        await asyncio.sleep(10)

        holes = await archive.rows("SELECT height FROM blocks WHERE parent_id IS NULL AND height > 1")
        assert len(set(holes)) == 1, "perhaps with a fork"
        told = [line for line in archive.machine.log if "has no parent here" in line["message"]]
        assert {line["metadata"]["height"] for line in told} == {height for (height,) in holes}
        lost = [line for line in daemons[1].machine.log if "Could not send block" in line["message"]]
        assert {line["level"] for line in lost} == {"Warn"}
        assert {line["metadata"]["address"] for line in lost} == {"10.0.0.4:3086"}

        late = world.machine("late")
        late.write("/node/config.json", encode(config_for(2)))
        newcomer = late.start(
            *("-config-directory", "/node/config", "-config-file", "/node/config.json"),
            *("-libp2p-keypair", late.identity.reveal(), "-external-ip", late.address),
            *("-log-json", "-log-level", "Trace", "-peer", daemons[0].machine.multiaddress, *FED),
        )
        await asyncio.sleep(10)

        assert await archive.rows("SELECT height FROM blocks WHERE parent_id IS NULL") == [(1,)]
        await stop_all([*daemons, newcomer, process])

    in_world(check)


def test_a_silent_archive_costs_a_node_nothing_but_the_blocks() -> None:
    async def check(world: World) -> None:
        daemons, archive = start_network(world, fed=[0, 1, 2])
        await asyncio.sleep(42)

        chains = [await best_chain(daemon) for daemon in daemons]
        assert chains[0] == chains[1] == chains[2]
        assert len(chains[0]) >= 8
        for daemon in daemons:
            levels = {line["level"] for line in daemon.machine.log}
            assert not levels & {"Error", "Faulty_peer", "Fatal"}
            lost = [line for line in daemon.machine.log if "Could not send block" in line["message"]]
            assert len(lost) >= 7
        assert archive.machine.lines == []
        await stop_all(daemons)

    in_world(check)


def test_strangers_are_turned_away() -> None:
    async def check(world: World) -> None:
        daemons, archive = start_network(world, fed=[1])
        host = archive.machine.host()  # trusts its own machine only
        process = archive._spawned(host, ["run", "-config-file", "/node/config.json"])
        await asyncio.sleep(11)

        assert await archive.rows("SELECT count(*) FROM blocks") == [(1,)]
        assert "Rejecting a connection from $address: it is not on the client trust list" in archive.messages
        await stop_all([*daemons, process])

    in_world(check)


def test_an_archive_deletes_what_it_was_told_not_to_keep_and_tells_prometheus() -> None:
    async def check(world: World) -> None:
        daemons, archive = start_network(world, fed=[0])
        process = archive.start("-delete-older-than", "3", "-metrics-port", "9090")
        await asyncio.sleep(31)

        heights = [row[0] for row in await archive.rows("SELECT height FROM blocks ORDER BY height")]
        assert heights[-1] - heights[0] == 3
        assert heights[-1] > 5
        await archive.tool("prune", "-height", str(heights[-1]))
        assert await archive.rows("SELECT count(*) FROM blocks") == [(1,)]
        assert await archive.tool("prune") == 1
        assert "expected one of -height, -num-blocks and -timestamp" in archive.machine.lines[-1]
        await stop_all([*daemons, process])

    in_world(check)


def test_precomputed_blocks_of_a_file_or_a_log_fill_an_archive() -> None:
    async def check(world: World) -> None:
        nodes = world.testnet(config_for(2), 2)
        archive = ArchiveMachine(world)
        flags = ("-precomputed-blocks-file", "/node/blocks", "-log-precomputed-blocks", "true")
        daemons = [
            machine.start(
                *arguments, *(flags if not index else ()), **(producer_environment(index) if index else {})
            )
            for index, (machine, arguments) in enumerate(nodes)
        ]
        await archive.start().stop()  # stores genesis
        await asyncio.sleep(42)
        chain = await best_chain(daemons[0])
        seed = daemons[0].machine
        file = seed.host().store.read("/node/blocks")
        log = "\n".join(line for line in seed.lines if line.startswith("{")).encode()

        archive.machine.write("/node/blocks", file)
        assert await archive.tool("blocks", "-file", "/node/blocks") == 0
        stored = [row[0] for row in await archive.rows("SELECT state_hash FROM blocks ORDER BY height")]
        assert set(chain) <= set(stored)
        assert await archive.rows("SELECT height FROM blocks WHERE parent_id IS NULL") == [(1,)]

        archive.machine.write("/node/log", log)
        assert await archive.tool("blocks", "-file", "/node/log") == 0
        told = archive.machine.log[-1]["metadata"]
        assert (told["new"], told["known"]) == (0, len(stored) - 1)
        assert json.loads(file.splitlines()[0])["data"]["protocol_state"]["previous_state_hash"] == stored[0]

        archive.machine.write("/node/bad", file.replace(b'"diff":"', b'"diff":"!'))
        assert await archive.tool("blocks", "-file", "/node/bad") == 1
        assert "/node/bad:1: expected a precomputed block" in archive.machine.lines[-1]
        await stop_all(daemons)

    in_world(check)
