"""The leak check names each thing that outlived a run, and nothing else."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.coda_executive.engines.local.testnets import Recorded, deploy, pid_of, proc, stub

from coda_executive.engines.local.leaks import SHARED_MEMORY

pytestmark = pytest.mark.real


async def test_port_that_is_still_listened_on_is_named(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    testnet, _ = await deploy(manager)
    await manager.launch()
    port = testnet.plan.nodes[0].site.rest_port
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", port))
        thief.listen()
        await manager.destroy()
        findings = await manager.leaks()
        assert findings == (
            f"port {port} is still listened on",
            f"descriptor {thief.fileno()}: {os.readlink(f'/proc/self/fd/{thief.fileno()}')}",  # noqa: PTH115
        )


async def test_port_that_another_program_has_taken_since_is_not_blamed_on_the_run(
    run_directory: Path,
) -> None:
    """A port is anybody's once its node has ended; on a busy machine somebody takes it within the moment."""
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    testnet, _ = await deploy(manager)
    port = testnet.plan.nodes[0].site.rest_port
    assert manager._lease is not None
    manager._lease.give_up([port])
    program = (
        "import socket, sys; s = socket.socket(); "
        f"s.bind(('127.0.0.1', {port})); s.listen(); print('up'); sys.stdin.read()"
    )
    stranger = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-I", "-S", "-c", program), stdin=PIPE, stdout=PIPE
    )
    assert stranger.stdin is not None
    assert stranger.stdout is not None
    assert await stranger.stdout.readline() == b"up\n"
    await manager.destroy()
    blamed = [finding for finding in await manager.leaks() if finding.startswith(("port", "process"))]
    stranger.stdin.close()
    await stranger.wait()
    assert blamed == []


async def test_open_log_and_pipe_are_named_and_evidence_is_not(run_directory: Path) -> None:
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    await deploy(manager)
    log = os.open(run_directory / "nodes" / "node-1" / "daemon.log", os.O_RDONLY)
    history = os.open(run_directory / "history", os.O_CREAT | os.O_WRONLY)
    read, write = os.pipe()
    await manager.destroy()
    findings = await manager.leaks()
    for descriptor in (log, history, read, write):
        os.close(descriptor)
    assert [finding.split(":")[0] for finding in findings] == [
        f"descriptor {n}" for n in sorted((log, read, write))
    ]


async def test_memory_backed_file_of_a_node_is_named(run_directory: Path, tmp_path: Path) -> None:
    kept = Path(SHARED_MEMORY) / f"coda-test-{os.getpid()}"
    program = tmp_path / "mapper.py"
    program.write_text(
        "import mmap, os, signal\n"
        f"file = os.open({str(kept)!r}, os.O_RDWR | os.O_CREAT)\n"
        "os.truncate(file, 4096)\n"
        "mapped = mmap.mmap(file, 4096)\n"
        "print('up', os.getpid(), flush=True)\n"
        "signal.pause()\n"
    )
    run = Recorded(run_directory, f"{sys.executable} {program}")
    manager = run.manager()
    _, (node,) = await deploy(manager)
    try:
        await manager.launch()
        await run.until_up(node)
        await manager.destroy()
        assert await manager.leaks() == (f"memory-backed file {kept}",)
    finally:
        kept.unlink()


async def test_process_that_bears_the_label_of_a_run_is_named(run_directory: Path) -> None:
    """Also one that nobody knows a way to from the guardian."""
    run = Recorded(run_directory, stub("obeys"))
    manager = run.manager()
    _, (node,) = await deploy(manager)
    await manager.launch()
    await run.until_up(node)
    variables = proc(pid_of(node), "environ").split(b"\0")
    environment = dict(variable.split(b"=", 1) for variable in variables if variable)
    await manager.destroy()
    with started(environment) as stray:
        assert await manager.leaks() == (f"process {stray}: sleep 3600",)


@contextmanager
def started(environment: dict[bytes, bytes]) -> Iterator[int]:
    stray = os.posix_spawn("/bin/sleep", ["sleep", "3600"], environment)
    try:
        yield stray
    finally:
        os.kill(stray, 9)
        os.waitpid(stray, 0)
