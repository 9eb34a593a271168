"""Testnets that are kept up: a lease owns them, not a process."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.engines.local.testnets import Recorded, deploy, stub, until, wrapped

from coda_executive.config.node_id import NodeId
from coda_executive.engines.local import kept
from coda_executive.engines.local.guardian import process_entry, process_table
from coda_executive.engines.local.journal import journal_paths, read_journal, socket_path
from coda_executive.engines.local.leftovers import find_leftovers, labelled_processes
from coda_executive.engines.local.manager import LocalManager
from coda_executive.errors import DeployError, EngineError
from coda_executive.interfaces.keeping import KeptTestnet

# A clean-up finds what dead runs left on the whole machine: such tests must not run beside each other.
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("leftovers")]
FIRST = NodeId("node-1")


async def keep(
    directory: Path, *, conduct: str = "obeys", lease: float = 3600.0, nodes: int = 1
) -> LocalManager:
    """A running testnet named "mine" that is nobody's."""
    run = Recorded(directory, stub(conduct))
    manager = run.manager()
    _, deployed = await deploy(manager, nodes)
    await manager.launch()
    for node in deployed:
        await run.until_up(node)
    await manager.keep_up("mine", lease)
    return manager


def only() -> KeptTestnet:
    (testnet,) = kept.kept_testnets()
    return testnet


def pid_of(name: NodeId = FIRST) -> int | None:
    return next(node.pid for node in only().nodes if node.id == name)


def is_over(directory: Path) -> Callable[[], bool]:
    return lambda: not Recorded(directory, None).processes() and not journal_paths()


async def test_a_kept_testnet_outlives_its_channel_and_is_seen(run_directory: Path) -> None:
    manager = await keep(run_directory, nodes=2)
    await manager.destroy()  # does nothing: it is not this manager's any more

    testnet = only()
    assert (testnet.name, testnet.directory, testnet.lease) == ("mine", run_directory, 3600.0)
    assert 3500 < testnet.seconds_left <= 3600
    assert sorted(node.id for node in testnet.nodes) == ["node-1", "node-2"]
    assert all(node.is_running for node in testnet.nodes)
    assert find_leftovers() == []

    kept.destroy("mine")
    assert is_over(run_directory)()
    assert kept.kept_testnets() == []
    assert not list((run_directory / "nodes").glob("*/tmp"))


async def test_nodes_are_stopped_and_started_again(run_directory: Path) -> None:
    await keep(run_directory, nodes=2)
    before = pid_of()

    kept.stop("mine", [FIRST])
    assert pid_of() is None
    assert pid_of(NodeId("node-2")) is not None
    kept.stop("mine", [FIRST])

    kept.start("mine", [FIRST])
    after = pid_of()
    assert after is not None
    assert after != before
    kept.start("mine", [FIRST])
    assert pid_of() == after
    kept.destroy("mine")


async def test_a_crashed_node_is_seen_and_can_be_started(run_directory: Path) -> None:
    await keep(run_directory)
    pid = pid_of()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until(lambda: pid_of() is None)

    kept.start("mine", [FIRST])
    assert pid_of() is not None
    kept.destroy("mine")


async def test_a_node_that_cannot_start_says_why(run_directory: Path, tmp_path: Path) -> None:
    run = Recorded(run_directory, wrapped(tmp_path, stub("obeys")))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    await manager.keep_up("mine", 3600.0)
    kept.stop("mine", [FIRST])
    (tmp_path / "wrapper.sh").unlink()

    with pytest.raises(DeployError, match=r"node-1 of testnet mine cannot be started: No such file"):
        kept.start("mine", [FIRST])
    kept.destroy("mine")


async def test_it_ends_with_its_lease(run_directory: Path) -> None:
    await keep(run_directory, conduct="ignores", lease=3600.0)
    kept.renew("mine", None)
    assert only().lease == 3600.0

    kept.renew("mine", 0.01)

    await until(is_over(run_directory))
    assert kept.kept_testnets() == []
    with pytest.raises(EngineError, match="no testnet named mine is up"):
        kept.destroy("mine")


async def test_a_name_is_taken_once_and_the_second_testnet_stays_its_managers(
    run_directory: Path, tmp_path: Path
) -> None:
    await keep(run_directory)
    (tmp_path / "other" / "nodes").mkdir(parents=True)
    other = Recorded(tmp_path / "other", stub("obeys"))
    manager = other.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()

    with pytest.raises(EngineError, match="a testnet named mine is up already"):
        await manager.keep_up("mine", 60.0)
    assert node.is_running
    await manager.destroy()
    assert await manager.leaks() == ()
    kept.destroy("mine")


async def test_a_client_that_vanishes_harms_nothing(run_directory: Path) -> None:
    """Whatever it asked or half asked: the next one has the channel."""
    await keep(run_directory)
    (journal,) = journal_paths()
    rude = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(journal.parent, os.O_RDONLY)
    rude.connect(f"/proc/self/fd/{directory}/{socket_path(journal).name}")
    os.close(directory)
    rude.sendall(b'{"do": "stop", "id": 1, "key": "node-1", "limit": 5}\n{"do": "st')
    rude.close()

    await until(lambda: pid_of() is None)
    kept.start("mine", [FIRST])
    assert pid_of() is not None
    kept.destroy("mine")


async def test_a_request_that_the_guardian_does_not_know_harms_nothing(run_directory: Path) -> None:
    """As from a command of a later version."""
    await keep(run_directory)
    (found,) = kept._journals()
    with (
        kept._line(found) as line,
        pytest.raises(EngineError, match="testnet mine: its guardian cannot do this"),
    ):
        line.ask(do="dance", key="node-1")
    with kept._line(found) as line:
        assert "error" in line.try_to(do="start", key="node-9")
    assert pid_of() is not None
    kept.destroy("mine")


async def test_clients_take_turns(run_directory: Path) -> None:
    await keep(run_directory)
    seen = await asyncio.gather(*(asyncio.to_thread(kept.kept_testnets) for _ in range(8)))
    assert all(len(testnets) == 1 for testnets in seen)
    kept.destroy("mine")


@pytest.mark.parametrize("conduct", ["obeys", "ignores", "forks"])
async def test_cleanup_takes_what_a_killed_guardian_leaves(conduct: str, run_directory: Path) -> None:
    await keep(run_directory, conduct=conduct)
    (journal,) = journal_paths()
    guardian = read_journal(journal).guardian
    assert guardian is not None
    os.kill(guardian.pid, signal.SIGKILL)
    await until(lambda: not guardian.is_alive)

    assert kept.kept_testnets() == []
    (left,) = find_leftovers()
    left.remove()
    await until(is_over(run_directory))
    assert not socket_path(journal).exists()


async def test_its_ports_stay_leased(run_directory: Path) -> None:
    """Also those of a node that is stopped: it must find them when it is started again."""
    await keep(run_directory)
    kept.stop("mine", [FIRST])
    (journal,) = journal_paths()
    ports = set(read_journal(journal).ports)
    other = Recorded(run_directory.parent, stub("obeys")).manager()
    sites = await other.sites([FIRST])
    assert not ports & {sites[FIRST].client_port, sites[FIRST].rest_port, sites[FIRST].external_port}
    await other.destroy()
    kept.destroy("mine")


async def test_a_guardian_that_keeps_is_small_and_idle(run_directory: Path) -> None:
    await keep(run_directory)
    (journal,) = journal_paths()
    guardian = read_journal(journal).guardian
    assert guardian is not None
    only()
    status = Path(f"/proc/{guardian.pid}/status").read_text()
    (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(resident) < 15_000  # kB
    await until(lambda: (entry := process_entry(guardian.pid)) is not None and entry.state == "S")
    assert guardian.pid in labelled_processes(process_table())[journal.stem]
    kept.destroy("mine")
