"""Nothing outlives a run, whoever is killed and when."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.engines.local import owner
from tests.coda_executive.engines.local.testnets import Recorded, deploy, proc, stub, until

from coda_executive.engines.local import leftovers
from coda_executive.engines.local.guardian import process_entry, process_table, remove_tree, subtree
from coda_executive.engines.local.journal import Journal, read_journal
from coda_executive.engines.local.process import Guardian

# A clean-up finds what dead runs left on the whole machine: such tests must not run beside each other.
pytestmark = pytest.mark.xdist_group("leftovers")

ROOT = Path(owner.__file__).parents[4]
DAEMONS = ["obeys plain", "obeys wrapped", "ignores plain", "ignores wrapped", "forks plain"]
STAGES = ["deploying", "starting", "running", "destroying"]

Owner = subprocess.Popen[str]


def start_owner(stage: str, directory: Path, daemon: str) -> tuple[Owner, int]:
    """An owner that has reached its stage, and the pid of its guardian."""
    process = subprocess.Popen(
        [sys.executable, owner.__file__, stage, str(directory), *daemon.split()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    guardian = int(process.stdout.readline())
    if stage in ("running", "destroying"):
        assert process.stdout.readline() == "up\n"
    return process, guardian


def end_owner(process: Owner) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def pids_of_tree(root: int) -> list[int]:
    return subtree(process_table(), [root])


def gone(pids: list[int]) -> Callable[[], bool]:
    """Zombies count as gone: only their parent can reap them."""
    return lambda: all((entry := process_entry(pid)) is None or entry.state in "ZX" for pid in pids)


@pytest.mark.real
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("daemon", DAEMONS)
async def test_killed_executive_leaves_nothing(
    stage: str, daemon: str, run_directory: Path, state: Path
) -> None:
    """The guardian stops the nodes, removes temporary files and journal, and ends."""
    process, guardian = start_owner(stage, run_directory, daemon)
    pids = [pid for pid in pids_of_tree(process.pid) if pid != process.pid]
    assert guardian in pids
    end_owner(process)

    await until(gone(pids))
    await until(lambda: not Recorded(run_directory, None).processes())
    assert not list((state / "runs").iterdir())
    assert not list((run_directory / "nodes").glob("*/tmp"))
    assert leftovers.find_leftovers() == []


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
async def test_guardian_ignores_the_terminals_signals(number: int, run_directory: Path) -> None:
    process, guardian = start_owner("running", run_directory, "obeys plain")
    before = pids_of_tree(guardian)
    os.kill(guardian, number)
    os.kill(guardian, signal.SIGCONT)
    log = run_directory / "nodes" / "node-1" / "daemon.log"
    os.kill(process.pid, signal.SIGKILL)
    await until(gone(before))
    assert "interrupted" in log.read_text()  # the node was stopped in peace
    end_owner(process)


@pytest.mark.real
async def test_guardian_asked_to_end_by_sigterm_stops_the_nodes(run_directory: Path, state: Path) -> None:
    """As at a shutdown of the machine, when everybody gets SIGTERM."""
    process, guardian = start_owner("running", run_directory, "obeys plain")
    pids = pids_of_tree(guardian)
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(guardian, signal.SIGTERM)
    await until(gone(pids))
    assert not list((state / "runs").iterdir())
    end_owner(process)


@pytest.mark.real
@pytest.mark.parametrize("daemon", DAEMONS)
@pytest.mark.parametrize("first", ["guardian", "executive"])
async def test_cleanup_finishes_when_executive_and_guardian_are_killed(
    daemon: str, first: str, run_directory: Path, state: Path
) -> None:
    process, guardian = start_owner("running", run_directory, daemon)
    pids = pids_of_tree(guardian)
    os.kill(process.pid, signal.SIGSTOP)  # it must not do the guardian's work
    for pid in (guardian, process.pid) if first == "guardian" else (process.pid, guardian):
        os.kill(pid, signal.SIGKILL)
    end_owner(process)
    await until(gone([guardian]))

    (left,) = leftovers.find_leftovers()
    assert left.directory == str(run_directory)
    assert leftovers.find_leftovers(older_than=3600) == []
    left.remove()

    assert gone(pids)()
    assert leftovers.find_leftovers() == []
    assert not list((state / "runs").iterdir())
    assert not list((run_directory / "nodes").glob("*/tmp"))


@pytest.mark.real
async def test_cleanup_does_not_touch_a_run_that_lives(
    run_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)

    assert leftovers.find_leftovers() == []
    with monkeypatch.context() as elsewhere:
        (tmp_path / "other").mkdir()
        elsewhere.setenv("XDG_RUNTIME_DIR", str(tmp_path / "other"))
        assert leftovers.find_leftovers() == []  # its journal cannot be seen from here, its guardian can
    assert node.is_running
    await manager.destroy()


@pytest.mark.real
async def test_guardian_whose_start_was_cancelled_ends_without_a_word(run_directory: Path) -> None:
    """Ctrl-C comes while the guardian is on its way up: that it is ready then nobody waits for."""
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(str(context)))
    journal = Journal.create("cancelled", run_directory)
    start = asyncio.create_task(
        Guardian.start(journal, run_directory / "log", grace=1.0, on_lost=lambda _error: None)
    )
    for _ in range(20):  # turns: enough to be connected, too few for Python to start
        await asyncio.sleep(0)
    start.cancel()

    with pytest.raises(asyncio.CancelledError):
        await start
    journal.remove()

    assert complaints == []


@pytest.mark.real
async def test_processes_of_a_dead_run_are_found_without_its_journal(
    run_directory: Path, state: Path
) -> None:
    process, guardian = start_owner("running", run_directory, "ignores wrapped")
    pids = pids_of_tree(guardian)
    os.kill(process.pid, signal.SIGSTOP)
    os.kill(guardian, signal.SIGKILL)
    end_owner(process)
    (journal,) = (state / "runs").iterdir()
    journal.unlink()
    await until(gone([guardian]))

    (left,) = leftovers.find_leftovers()
    assert left.journal is None
    assert "stub_daemon.py ignores daemon" in "\n".join(left.things)
    left.remove()
    assert gone(pids)()


@pytest.mark.real
async def test_guardian_is_small_and_idle(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, nodes = await deploy(manager, 3)
    await manager.launch()
    for node in nodes:
        await run.until_up(node)
    assert manager._guardian is not None
    pid = manager._guardian.pid
    resident = next(line for line in proc(pid, "status").splitlines() if line.startswith(b"VmRSS"))
    await until(lambda: proc(pid, "stat").split()[2] == b"S")
    asleep = [voluntary_switches(pid) for _ in range(2)]
    await asyncio.sleep(0.2)
    asleep.append(voluntary_switches(pid))
    await manager.destroy()
    assert int(resident.split()[1]) < 15 * 1024
    assert len(set(asleep)) == 1


def voluntary_switches(pid: int) -> bytes:
    return next(line for line in proc(pid, "status").splitlines() if line.startswith(b"voluntary"))


def test_torn_journal_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text(
        '{"label": "a-run.1", "directory": "/d", "boot": "b"}\n{"ports": [1, 2]}\n{"node": "node-1", "pi'
    )
    content = read_journal(path)
    assert (content.label, content.ports, content.processes) == ("a-run.1", [1, 2], [])


def test_removing_a_tree_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("")
    tree = tmp_path / "tree" / "inner"
    tree.mkdir(parents=True)
    (tree / "file").write_text("")
    (tree / "link").symlink_to(tmp_path / "kept")
    remove_tree(str(tmp_path / "tree"))
    remove_tree(str(tmp_path / "tree"))
    assert [path.name for path in tmp_path.rglob("*") if "runtime" not in path.parts] == ["kept", "file"]
