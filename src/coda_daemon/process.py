"""The daemon as a process of the operating system: the ports of `coda_daemon.ports` on real things."""

import asyncio
import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from typing import Any

from coda_daemon.archive.stores import SystemArchiveStores
from coda_daemon.files import Files
from coda_daemon.http_server import HttpServer
from coda_daemon.ports import Host
from coda_daemon.tcp import TcpTransport
from coda_protocol.log_message import EncodedLine

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SystemClock:
    """The clock of the machine."""

    def time_ns(self) -> int:
        return time.time_ns()


class SystemChance:
    """Streams seeded from the system's entropy, a seed for each process."""

    def __init__(self) -> None:
        self._seed = os.urandom(16).hex()

    def stream(self, label: str) -> Random:
        return Random(f"{self._seed}:{label}")  # noqa: S311  keys and nonces come from token_bytes

    def token_bytes(self, size: int) -> bytes:
        return os.urandom(size)


class StandardStreams:
    """Standard output and error. Each line is one write, so lines of children never cut into it."""

    def out(self, line: str) -> None:
        self._write(1, line)

    def log(self, line: EncodedLine) -> None:
        self._write_all(1, b"".join(line.pieces))

    def err(self, line: str) -> None:
        self._write(2, line)

    def _write(self, descriptor: int, line: str) -> None:
        self._write_all(descriptor, f"{line}\n".encode(errors="backslashreplace"))

    def _write_all(self, descriptor: int, rest: bytes) -> None:
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                select.select((), (descriptor,), ())
            except BrokenPipeError:
                return  # whoever read us is gone; the log files remain


class SystemChild:
    """A `ports.Child` on a process of the operating system."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ended(self) -> int:
        return await self._process.wait()

    def terminate(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()


class SystemChildren:
    """A `ports.Children`: other runs of this program, by the same interpreter."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def start(
        self,
        arguments: Sequence[str],
        program: Callable[[Host], Coroutine[Any, Any, int]],
        environment: Mapping[str, str] | None = None,
    ) -> SystemChild:
        del program  # the child finds it by its arguments
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "coda_daemon", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            env={**self._environment, **(environment or {})},
        )
        return SystemChild(process)


class EndOfStep:
    """A host's `at_end_of_step`: a step of its own after this one, for all that is asked for in it."""

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []

    def __call__(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        if len(self._calls) == 1:
            try:
                asyncio.get_running_loop().call_soon(self._run)
            except RuntimeError:  # no loop: before or after the run of the daemon
                self._run()

    def _run(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            call()


class ProcessHost:
    """A `ports.Host`. Make it inside the running loop: from then on SIGTERM and SIGINT are answered by
    `interrupted`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.clock = SystemClock()
        self.chance = SystemChance()
        self.transport = TcpTransport()
        self.http = HttpServer()
        self.store = Files()
        self.console = StandardStreams()
        self.children = SystemChildren(environment)
        self.archive_stores = SystemArchiveStores()
        self.at_end_of_step = EndOfStep()
        self.pid = os.getpid()
        self.environment = environment
        loop = asyncio.get_running_loop()
        self._signal: asyncio.Future[str] = loop.create_future()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._interrupt, number)

    def process_is_alive(self, pid: int) -> bool:
        if pid == self.pid:  # a restarted container: the last daemon had the same id
            return False
        with contextlib.suppress(ProcessLookupError):
            with contextlib.suppress(PermissionError):
                os.kill(pid, 0)
            return True
        return False

    async def interrupted(self) -> str:
        return await asyncio.shield(self._signal)

    def _interrupt(self, number: signal.Signals) -> None:
        if not self._signal.done():
            self._signal.set_result(number.name)


def run_daemon_process(arguments: Sequence[str]) -> int:
    """`coda daemon` in this process: run it and return its exit code."""
    from coda_daemon.daemon import run_daemon

    async def run() -> int:
        return await run_daemon(arguments, ProcessHost(os.environ))

    return asyncio.run(run())


def run_snark_worker_process(arguments: Sequence[str]) -> int:
    """`coda internal snark-worker` in this process: run it and return its exit code."""
    from coda_daemon.snark.worker_process import run_snark_worker

    async def run() -> int:
        return await run_snark_worker(arguments, ProcessHost(os.environ))

    return asyncio.run(run())


def run_archive_process(arguments: Sequence[str]) -> int:
    """`coda archive` in this process: run it and return its exit code."""
    from coda_daemon.archive.process import run_archive

    async def run() -> int:
        return await run_archive(arguments, ProcessHost(os.environ))

    return asyncio.run(run())
