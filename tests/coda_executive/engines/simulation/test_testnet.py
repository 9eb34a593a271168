"""Nodes in virtual time: start, stop, kill, pause, crash, and what is left of them."""

import asyncio
import json
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest

from coda_executive.engines.simulation import ENGINE, daemons
from coda_executive.engines.simulation.daemons import find_daemon
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.errors import DeployError, EngineError, InternalError, RequestFailed
from coda_executive.events.event import (
    NodeCrashed,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.capabilities import Killable, Pausable
from coda_executive.interfaces.engine import RunContext
from coda_executive.interfaces.log_engine import LogRecord


def lifecycle(run: Any, node: str) -> list[Any]:
    return [event for _, name, event in run.seen if name == node and not isinstance(event, LogRecord)]


def messages(run: Any, node: str) -> list[str]:
    return [record.event.message for record in run.events(node, LogRecord)]


def log_lines(directory: Path, node: str) -> list[str]:
    return (directory / "nodes" / node / "daemon.log").read_text().splitlines()


def test_a_stop_is_asked_for_and_keeps_the_state(scenario: ModuleType, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(1)
        await node.stop()
        await node.stop()
        assert not node.is_running
        with pytest.raises(RequestFailed) as caught:
            await node.client.sync_status()
        assert caught.value.definite
        await node.start()
        await node.start()
        await asyncio.sleep(1)

    run = scenario.simulate(body, tmp_path, names=["a"])
    assert messages(run, "a") == ["start 1", "interrupted by SIGTERM", "start 2"]
    assert lifecycle(run, "a")[:3] == [NodeStarted(False), NodeStopped(130, False), NodeStarted(False)]


def test_a_fresh_state_empties_the_config_directory_and_nothing_else(
    scenario: ModuleType, tmp_path: Path
) -> None:
    class Lister(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            for directory in ("/nodes/a", "/nodes/a/config", "/nodes/a/keys"):
                scenario.log(
                    host, f"{host.store.mode(directory):o} {' '.join(host.store.list_directory(directory))}"
                )
            scenario.log(
                host, f"{host.store.mode('/nodes/a/keys/libp2p'):o} {host.environment['HOME']} {host.pid}"
            )
            return await super().run(arguments, host)  # type: ignore[no-any-return]

    async def body(run: Any) -> None:
        await asyncio.sleep(1)
        await run.testnet.node("a").stop()
        await run.testnet.node("a").start(fresh_state=True)
        await asyncio.sleep(1)

    run = scenario.simulate(body, tmp_path, daemon=Lister(), names=["a"])
    assert [message for message in messages(run, "a") if "interrupted" not in message] == [
        "700 config genesis.json keys",
        "700 version",
        "700 libp2p",
        "600 /nodes/a 1001",
        "start 1",
        "700 config genesis.json keys",
        "700 ",
        "700 libp2p",
        "600 /nodes/a 1002",
        "start 1",
    ]
    assert lifecycle(run, "a")[2] == NodeStarted(True)


def test_a_kill_lets_no_code_go_on_and_resets_connections(scenario: ModuleType, tmp_path: Path) -> None:
    class Stubborn(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            host.store.append(f"{host.environment['HOME']}/journal", b"unsynced")
            try:
                return await super().run(arguments, host)  # type: ignore[no-any-return]
            finally:
                scenario.log(host, "last words")
                await asyncio.sleep(1)
                scenario.log(host, "words from beyond")

    async def body(run: Any) -> None:
        await asyncio.sleep(5)
        loop: Any = asyncio.get_running_loop()
        before = loop.time()
        await run.testnet.node("a").kill()
        await run.testnet.node("a").kill()
        assert loop.time() == before
        assert not run.testnet.node("a").is_running
        assert {task.process.name for task in asyncio.all_tasks() if task.process} == {"b"}  # type: ignore[attr-defined]
        run.seen.append((0, "a", "killed"))
        await asyncio.sleep(5)

    run = scenario.simulate(body, tmp_path, daemon=Stubborn(), names=["a", "b"])
    assert lifecycle(run, "a")[:3] == [NodeStarted(False), NodeKilled(), "killed"]
    assert not any("words" in message for message in messages(run, "a"))
    assert any("last words" in line for line in log_lines(tmp_path, "b")), "a stop is another matter"


def test_a_paused_node_does_nothing_and_catches_up_when_resumed(scenario: ModuleType, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        await asyncio.sleep(5)
        await node.pause()
        written = len(messages(run, "a"))
        with pytest.raises(RequestFailed) as caught:
            await node.client.sync_status()
        assert not caught.value.definite
        assert asyncio.get_running_loop().time() == 35
        assert node.is_running
        assert len(messages(run, "a")) == written
        await node.resume()
        assert await node.client.sync_status() == "SYNCED"
        assert len(messages(run, "a")) > written + 10, "what was sent meanwhile was in its buffers"

    run = scenario.simulate(body, tmp_path, names=["a", "b"])
    assert lifecycle(run, "a")[:3] == [NodeStarted(False), NodePaused(), NodeResumed()]


def test_a_paused_node_is_stopped_by_force_and_can_be_killed(scenario: ModuleType, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        a, b = run.testnet.nodes
        await asyncio.sleep(1)
        await a.pause()
        await b.pause()
        await b.kill()
        await a.stop()
        assert asyncio.get_running_loop().time() == 1 + 7

    run = scenario.simulate(body, tmp_path, names=["a", "b"], stop_limit=7)
    assert lifecycle(run, "a")[2] == NodeStopped(None, forced=True)
    assert lifecycle(run, "b")[2] == NodeKilled()


def test_an_error_of_the_daemon_is_a_crash_with_the_traceback_in_its_log(
    scenario: ModuleType, tmp_path: Path
) -> None:
    class Faulty(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            left_behind = asyncio.ensure_future(scenario.ping(host, "10.0.0.9"))
            await asyncio.sleep(3)
            raise ValueError("a bug" if not left_behind.done() else "")

    async def body(run: Any) -> None:
        await asyncio.sleep(2)
        assert run.testnet.node("a").is_running
        await asyncio.sleep(2)
        assert not run.testnet.node("a").is_running
        assert log_lines(tmp_path, "a")[-1] == "ValueError: a bug", "flushed at the crash"

    run = scenario.simulate(body, tmp_path, daemon=Faulty(), names=["a"])
    [crash] = run.events("a", NodeCrashed)
    assert (crash.exit_code, crash.signal) == (1, None)
    assert crash.last_lines[0] == "Traceback (most recent call last):"
    assert crash.last_lines[-1] == "ValueError: a bug"
    assert isinstance(run.seen[-1][2], NodeCrashed), "after its last line, and once"


@pytest.mark.parametrize(("raised", "code"), [(SystemExit(3), 3), (SystemExit("no peers"), 1), (None, 99)])
def test_ending_unasked_is_a_crash_whatever_the_exit_code(
    scenario: ModuleType, tmp_path: Path, raised: BaseException | None, code: int
) -> None:
    class Quitter(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            await asyncio.sleep(1)
            if raised is not None:
                raise raised
            return 99

    run = scenario.simulate(lambda _run: asyncio.sleep(2), tmp_path, daemon=Quitter(), names=["a"])
    assert lifecycle(run, "a") == [NodeStarted(False), NodeCrashed(code, None, ())]


def test_lines_are_numbered_and_placed_over_restarts(scenario: ModuleType, tmp_path: Path) -> None:
    class Chatty(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            host.console.out('{"timestamp":"t","level":"Info","message":"plain","metadata":{}}')
            host.console.err("two\nlines")
            host.console.out("é\udcff")
            return await super().run(arguments, host)  # type: ignore[no-any-return]

    async def body(run: Any) -> None:
        await asyncio.sleep(1)
        await run.testnet.node("a").stop()
        await run.testnet.node("a").start()
        await asyncio.sleep(1)

    run = scenario.simulate(body, tmp_path, daemon=Chatty(), names=["a"])
    written = (tmp_path / "nodes" / "a" / "daemon.log").read_bytes()
    records = run.events("a", LogRecord)
    assert [record.number for record in records] == [2, 3, 4, 5, 6, 8, 9, 10, 11]
    for record in records:
        assert written.count(b"\n", 0, record.offset) == record.number - 1
        assert record.offset == 0 or written[record.offset - 1 : record.offset] == b"\n"
    assert [record.event.text for record in records[:3]] == ["two", "lines", "é\\udcff"]


def test_genesis_comes_after_the_boot_allowance_and_each_node_knows_it(
    scenario: ModuleType, tmp_path: Path
) -> None:
    class Reader(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            scenario.log(host, host.store.read("/nodes/a/genesis.json").decode())
            return await super().run(arguments, host)  # type: ignore[no-any-return]

    run = scenario.simulate(
        lambda _run: asyncio.sleep(1), tmp_path, daemon=Reader(), names=["a"], boot_allowance=2.5
    )
    assert json.loads(messages(run, "a")[0]) == {
        "genesis": {"genesis_state_timestamp": "2030-01-01T00:00:02.500Z"}
    }


def test_an_error_of_the_body_reaches_its_caller_as_it_is_and_nothing_is_left(
    scenario: ModuleType, tmp_path: Path
) -> None:
    async def body(_run: Any) -> None:
        await asyncio.sleep(1)
        raise RequestFailed("refused", definite=True)

    with pytest.raises(RequestFailed, match="refused"):
        scenario.simulate(body, tmp_path)
    assert log_lines(tmp_path, "a")[-1].endswith('"message": "interrupted by SIGTERM", "metadata": {}}')


def test_destroying_twice_and_after_half_a_deploy_is_harmless(scenario: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text("in the way of the logs")

    async def body(_run: Any) -> None:
        pytest.fail("nothing was deployed")

    with pytest.raises(EngineError, match=r"log of a cannot be written"):
        scenario.simulate(body, tmp_path)

    async def destroy(run: Any) -> None:
        await run.session.manager.destroy()
        await run.session.manager.destroy()
        assert await run.session.manager.leaks() == ()

    scenario.simulate(destroy, tmp_path / "other")


def test_the_engine_says_what_its_nodes_can(scenario: ModuleType, tmp_path: Path) -> None:
    async def body(run: Any) -> None:
        node = run.testnet.node("a")
        assert all(isinstance(node, ability) for ability in ENGINE.capabilities)
        assert repr(node) == "<SimulatedNode a 10.0.0.1 running, pid 1001>"
        assert json.loads(node.node_id_json) == {"node": "a", "address": "10.0.0.1", "pid": 1001}

    assert {Killable, Pausable} <= set(ENGINE.capabilities)
    scenario.simulate(body, tmp_path, names=["a"])


def test_an_unknown_daemon_is_told_with_those_there_are() -> None:
    with patch.object(daemons, "entry_points", lambda group: []):
        [finding] = ENGINE.check()
        with pytest.raises(DeployError, match=r"'minna'; there are: none\."):
            find_daemon("minna")
    assert not finding.ok
    assert finding.remedy is not None


async def test_it_refuses_to_run_on_another_loop(tmp_path: Path) -> None:
    context = RunContext("run", tmp_path, 1, None, lambda _node, _event: None, lambda _error: None)
    with pytest.raises(InternalError, match="its own event loop"):
        ENGINE.open(context, SimulationOptions())
