"""`run --pause-on-failure`: a failed network stays up until a key says what becomes of it."""

import asyncio
import json
import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coda_executive.config.node_id import NodeId
from coda_executive.executive.access import node_accesses
from coda_executive.executive.keeping import Keeping
from coda_executive.executive.monitor import Monitor
from coda_executive.interfaces.testnet import Testnet

RESUME, KEEP = "r", "k"


async def pause(testnet: Testnet, run_directory: Path, monitor: Monitor) -> Keeping | None:
    """Say how to query the network and wait for a key on the terminal; without one it is not held up."""
    if not sys.stdin.isatty():
        monitor.notice("not paused: there is no terminal to press a key on")
        return None
    name = run_directory.name
    with _keys(sys.stdin.fileno()) as keys:
        for line in _instructions(testnet, run_directory):
            monitor.notice(line)
        monitor.notice(
            f"paused: {RESUME} destroys the network and goes on, as Ctrl-C; {KEEP} keeps it up as testnet {name}"
        )
        while True:
            key = await keys.get()
            if key == KEEP:
                return Keeping(name)
            if key in (RESUME, ""):
                return None


def _instructions(testnet: Testnet, run_directory: Path) -> Iterator[str]:
    pids: dict[NodeId, int | None] = {
        node.id: json.loads(node.node_id_json).get("pid") for node in testnet.nodes
    }
    accesses = node_accesses(run_directory, pids)
    width = max(len(access.id) for access in accesses)
    for access in accesses:
        state = "not running" if access.pid is None else f"pid {access.pid}"
        yield f"  {access.id:<{width}}  {access.graphql}  {state}  {access.directory}"
    yield f"  coda-executive logs {run_directory} --follow"
    query = '{"query": "{ syncStatus bestChain { stateHash } }"}'
    yield f"  curl -s {accesses[0].graphql} -H 'content-type: application/json' -d '{query}'"


@contextmanager
def _keys(descriptor: int) -> Iterator["asyncio.Queue[str]"]:
    """Single keys of a terminal as they are pressed from now on, "" when it is gone; Ctrl-C stays a signal."""
    loop = asyncio.get_running_loop()
    keys: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        try:
            data = os.read(descriptor, 1)
        except OSError:
            data = b""
        if not data:
            loop.remove_reader(descriptor)
        keys.put_nowait(data.decode("ascii", "replace").lower())

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSAFLUSH)  # what was typed before was no answer
    loop.add_reader(descriptor, read)
    try:
        yield keys
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
