"""Nodes of the local engine as real processes: their life, told truly."""

import asyncio
import os
import resource
import stat
from pathlib import Path

import msgspec
import pytest
from tests.coda_executive.engines.local.testnets import (
    WAIT_SECONDS,
    Recorded,
    deploy,
    names_in,
    pid_of,
    proc,
    stub,
    until,
    wrapped,
)

from coda_executive.config.node_id import NodeId
from coda_executive.engines.local.files import make_private
from coda_executive.engines.local.guardian import process_entry
from coda_executive.errors import DeployError, EngineError
from coda_executive.events.event import (
    NodeCrashed,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.capabilities import Killable, Pausable

pytestmark = pytest.mark.real


async def test_testnet_lives_and_leaves_nothing(run_directory: Path, state: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    build = await manager.handshake()
    _, nodes = await deploy(manager, 3)
    assert not any(node.is_running for node in nodes)

    launch = await manager.launch()
    for node in nodes:
        await run.until_up(node)
    assert all(node.is_running for node in nodes)
    await manager.destroy()

    assert (build.version, build.command) == ("Commit 0123abcd on branch stub", stub("obeys"))
    assert build.event_ids == {"Block_produced": "64e2d3e86c37c09b15efdaf7470ce879"}
    assert launch.boot_allowance == 0.0
    for node in nodes:
        assert run.of(node) == [NodeStarted(fresh_state=False), NodeStopped(130, forced=False)]
    assert await manager.leaks() == ()
    assert run.processes() == []
    assert list((state / "runs").iterdir()) == []


async def test_destroy_is_idempotent_at_every_stage(run_directory: Path) -> None:
    for stage in range(4):
        run = Recorded(run_directory, stub("obeys"))
        manager = run.manager()
        if stage >= 1:
            await manager.handshake()
        if stage >= 2:
            await deploy(manager)
        if stage >= 3:
            await manager.launch()
        await manager.destroy()
        await manager.destroy()
        assert await manager.leaks() == ()


async def test_files_and_directories_are_private_and_no_descriptor_is_inherited(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    environment = proc(pid_of(node), "environ")
    arguments = proc(pid_of(node), "cmdline")
    await manager.destroy()

    home = run_directory / "nodes" / "node-1"
    modes = {
        name: stat.S_IMODE((home / name).stat().st_mode) for name in ("config", "keys", "keys/libp2p", ".")
    }
    assert modes == {"config": 0o700, "keys": 0o700, "keys/libp2p": 0o600, ".": 0o700}
    assert "fds ['0', '1', '2', '3']" in run.log(node)  # 3 is the listing's own
    assert b"PASSWORD=naughty" in environment
    assert f"HOME={home}".encode() in environment
    assert b"naughty" not in arguments
    genesis = msgspec.json.decode((home / "genesis.json").read_bytes())
    assert list(genesis["genesis"]) == ["genesis_state_timestamp"]
    assert not (home / "tmp").exists()


async def test_node_is_stopped_and_started_again_with_its_state_or_without(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    config = run_directory / "nodes" / "node-1" / "config"
    for name in ("root", ".mina-lock"):
        (config / name).write_text("state")

    await node.stop()
    await node.stop()
    await node.start()
    await node.start()
    await run.until_up(node, times=2)
    kept = names_in(config)
    await node.stop()
    await node.start(fresh_state=True)
    await run.until_up(node, times=3)
    fresh = names_in(config)
    await manager.destroy()

    assert kept == [".mina-lock", "daemon.json", "root"]
    assert fresh == ["daemon.json"]
    stopped = NodeStopped(130, forced=False)
    assert run.of(node) == [
        *(NodeStarted(fresh_state=False), stopped),
        *(NodeStarted(fresh_state=False), stopped),
        *(NodeStarted(fresh_state=True), stopped),
    ]
    assert await manager.leaks() == ()


async def test_crash_is_told_with_its_code_and_the_last_lines(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("dies"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await until(lambda: not node.is_running)
    await manager.destroy()

    started, crashed = run.of(node)
    assert started == NodeStarted(fresh_state=False)
    assert isinstance(crashed, NodeCrashed)
    assert (crashed.exit_code, crashed.signal, len(crashed.last_lines)) == (1, None, 20)
    assert crashed.last_lines[0] == "line 11"
    assert crashed.last_lines[-1] == "no peers " + "x" * 1991 + "…"
    assert await manager.leaks() == ()


async def test_signal_from_elsewhere_is_a_crash_and_one_from_the_test_is_not(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (first, second) = await deploy(manager, 2)
    assert isinstance(first, Killable)
    assert isinstance(first, Pausable)
    await manager.launch()
    await run.until_up(first)
    await run.until_up(second)

    os.kill(pid_of(first), 9)
    await second.kill()
    await until(lambda: not first.is_running)
    assert not second.is_running
    await first.start()
    await run.until_up(first, times=2)
    await manager.destroy()

    crashed = run.of(first)[1]
    assert isinstance(crashed, NodeCrashed)
    assert (crashed.exit_code, crashed.signal) == (None, "SIGKILL")
    assert run.of(second) == [NodeStarted(fresh_state=False), NodeKilled()]


async def test_daemon_that_ends_with_0_unasked_has_crashed(run_directory: Path) -> None:
    run = Recorded(run_directory, "/bin/true")
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await until(lambda: not node.is_running)
    await manager.destroy()
    assert run.of(node)[1] == NodeCrashed(0, None, ())


async def test_paused_node_is_frozen_and_can_be_resumed_or_stopped(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)

    def state_of(pid: int) -> str:
        entry = process_entry(pid)
        assert entry is not None
        return entry.state

    await node.pause()
    await until(lambda: state_of(pid_of(node)) == "T")
    assert node.is_running
    await node.resume()
    await until(lambda: state_of(pid_of(node)) == "S")
    await node.pause()
    await node.stop()
    await manager.destroy()
    assert run.of(node) == [
        NodeStarted(fresh_state=False),
        NodePaused(),
        NodeResumed(),
        NodePaused(),
        NodeStopped(130, forced=False),
    ]


@pytest.mark.parametrize("conduct", ["ignores", "wrapped", "forks"])
async def test_difficult_daemon_is_gone_after_stop_and_after_destroy(
    run_directory: Path, tmp_path: Path, conduct: str
) -> None:
    """A daemon deaf to SIGTERM, one behind a wrapper without `exec`, one that leaves a process in another
    session.
    """
    daemon = wrapped(tmp_path, stub("ignores")) if conduct == "wrapped" else stub(conduct)
    run = Recorded(run_directory, daemon)
    run.options = msgspec.structs.replace(run.options, stop_limit=0.2)
    manager = run.manager()
    _, (node, other) = await deploy(manager, 2)
    await manager.launch()
    await run.until_up(node)
    await run.until_up(other)
    before = len(run.processes())

    await node.stop()
    # What "forks" leaves has neither its label nor its session: it is known by its output.
    assert run.of(node)[1] == NodeStopped(130 if conduct == "forks" else None, forced=True)
    assert len(run.processes()) == before - (2 if conduct == "wrapped" else 1)
    await manager.destroy()

    assert await manager.leaks() == ()
    assert run.processes() == []


async def test_daemon_whose_wrapper_is_killed_does_not_live_on(run_directory: Path, tmp_path: Path) -> None:
    run = Recorded(run_directory, wrapped(tmp_path, stub("ignores")))
    run.options = msgspec.structs.replace(run.options, stop_limit=0.2)
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)

    os.kill(pid_of(node), 9)
    await until(lambda: not node.is_running and len(run.processes()) == 1)  # the guardian
    await node.start()
    await run.until_up(node, times=2)
    await manager.destroy()
    assert [type(event) for event in run.of(node)] == [NodeStarted, NodeCrashed, NodeStarted, NodeStopped]


async def test_missing_log_directory_ends_in_one_clear_error(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    (run_directory / "nodes" / "node-1" / "daemon.log").unlink()
    (run_directory / "nodes" / "node-1").rename(run_directory / "gone")
    with pytest.raises(
        DeployError, match=r"node-1 cannot be started .*: No such file or directory: .*daemon.log"
    ):
        await node.start()
    assert run.events == []
    await manager.destroy()
    assert await manager.leaks() == ()


async def test_run_directory_that_is_no_directory_is_a_deploy_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = Recorded(tmp_path / "file", stub("obeys"))
    with pytest.raises(DeployError, match="cannot make the engine's directory: Not a directory"):
        await run.manager().handshake()


async def test_guardian_killed_during_a_run_takes_the_nodes_with_it(
    run_directory: Path, tmp_path: Path
) -> None:
    run = Recorded(run_directory, wrapped(tmp_path, stub("ignores")))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    entry = process_entry(pid_of(node))
    assert entry is not None

    os.kill(entry.parent, 9)
    await until(lambda: not node.is_running)

    assert run.of(node) == [NodeStarted(fresh_state=False), NodeStopped(None, forced=True)]
    assert run.processes() == []
    with pytest.raises(EngineError, match=f"the guardian of the run, pid {entry.parent}, is gone"):
        await node.start()
    (failure,) = run.failures
    assert f"pid {entry.parent}, is gone though the run goes on" in str(failure)
    await manager.destroy()
    assert await manager.leaks() == ()


async def test_cancelled_destroy_is_finished_by_the_guardian_or_a_second_one(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("ignores"))
    run.options = msgspec.structs.replace(run.options, stop_limit=1.0)
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    task = asyncio.ensure_future(manager.destroy())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await manager.destroy()
    assert await manager.leaks() == ()
    assert run.of(node)[1] == NodeStopped(None, forced=True)


async def test_ports_of_many_nodes_are_all_different(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    first = await manager.sites([NodeId(f"node-{number}") for number in range(50)])
    later = await manager.sites([NodeId("late")])
    ports = [
        port
        for site in (*first.values(), *later.values())
        for port in (site.client_port, site.rest_port, site.external_port)
    ]
    await manager.destroy()
    assert len(set(ports)) == 153
    assert await manager.leaks() == ()


async def test_journal_that_cannot_be_written_is_one_error_and_the_run_goes_on(run_directory: Path) -> None:
    """A disk that is full: nothing is started that the journal does not know of."""
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (first, second) = await deploy(manager, 2)
    await first.start()
    await run.until_up(first)
    entry = process_entry(pid_of(first))
    assert entry is not None
    unlimited = resource.prlimit(entry.parent, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    with pytest.raises(DeployError, match=r"node-2 cannot be started .*: File too large in the guardian"):
        await second.start()
    resource.prlimit(entry.parent, resource.RLIMIT_FSIZE, unlimited)
    assert first.is_running
    await second.start()
    await run.until_up(second)
    await manager.destroy()
    assert await manager.leaks() == ()


async def test_runs_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    runs = [Recorded(tmp_path / f"run-{number}", stub("obeys")) for number in range(10)]

    async def whole_run(run: Recorded) -> set[int]:
        make_private(run.directory / "nodes")
        manager = run.manager()
        await manager.handshake()
        testnet, nodes = await deploy(manager, 3)
        await manager.launch()
        for node in nodes:
            await run.until_up(node)
        everybody_is_up.release()
        async with asyncio.timeout(WAIT_SECONDS):
            await last_one.wait()
        await manager.destroy()
        return {planned.site.rest_port for planned in testnet.plan.nodes}

    everybody_is_up = asyncio.Semaphore(0)
    last_one = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(whole_run(run)) for run in runs]
        for _ in runs:
            await everybody_is_up.acquire()
        last_one.set()
    assert len(set().union(*(task.result() for task in tasks))) == 30
    for run in runs:
        assert (
            sorted(type(event).__name__ for _, event in run.events)
            == ["NodeStarted"] * 3 + ["NodeStopped"] * 3
        )
