"""The executive's side of the guardian: starting it, asking it, hearing at once when a process ends."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coda_executive.engines.local import guardian
from coda_executive.engines.local.journal import GUARDIAN_LABEL, RUN_LABEL, Journal
from coda_executive.errors import DeployError, EngineError

READY_SECONDS = 20.0
SPARE_SECONDS = 2.0  # that a guardian may need over its grace to end


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: absolute paths; `environment` is the whole of it, without the run's labels."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    output: Path
    errors: Path


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """How a process ended: exactly one of `code` and `signal` is set. `asked` is "stop" or "kill" if a
    request came before.

    `forced` when SIGKILL was needed for it or what it had started. `cpu_seconds` are its own and those of its
    children that it waited for.
    """

    code: int | None
    signal: str | None
    asked: str | None
    forced: bool
    cpu_seconds: float

    def __str__(self) -> str:
        return f"exit code {self.code}" if self.signal is None else self.signal


class Guardian(asyncio.Protocol):
    """A running guardian. Make it with `start`, end it with `aclose`.

    `on_lost` is called, once, when it dies though nobody asked it to; requests then raise EngineError.
    """

    def __init__(
        self,
        journal: Journal,
        process: subprocess.Popen[bytes],
        grace: float,
        on_lost: Callable[[EngineError], None],
    ) -> None:
        self._journal = journal
        self._process = process
        self._grace = grace
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._unread = b""
        self._requests = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._on_end: dict[str, Callable[[ProcessEnd], None]] = {}
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._hung_up: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._label = ""
        self._pidfd = os.pidfd_open(process.pid)
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._pidfd, self._reap)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_lost(self) -> bool:
        return self._ended.done() or (self._transport is None and self._ready.done())

    @classmethod
    async def start(
        cls, journal: Journal, log: Path, *, grace: float, on_lost: Callable[[EngineError], None]
    ) -> "Guardian":
        """Start the guardian of a run; `grace` is the seconds that nodes get to end by themselves. Raises
        EngineError.
        """
        ours, process = _start_process(journal, log, grace)
        self = cls(journal, process, grace, on_lost)
        await self._loop.create_unix_connection(lambda: self, sock=ours)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready
        except (TimeoutError, EngineError) as error:
            await self.aclose()
            raise EngineError(f"the guardian of the run did not start: {error}; see {log}") from error
        except BaseException:
            await self.aclose()
            raise
        return self

    async def spawn(self, key: str, command: Command, on_end: Callable[[ProcessEnd], None]) -> int:
        """Start a program in a session of its own and return its pid once it runs. `on_end` is called when it
        ends.

        `key` must be free: nothing that was started under it lives. Raises DeployError when it cannot be
        started.
        """
        labels = {RUN_LABEL: self._journal.label, GUARDIAN_LABEL: self._label, guardian.NODE_LABEL: key}
        self._on_end[key] = on_end
        answer = await self._ask(
            do="spawn",
            key=key,
            argv=command.argv,
            env={**command.environment, **labels},
            cwd=str(command.directory),
            output=str(command.output),
            errors=str(command.errors),
        )
        if "error" in answer:
            self._on_end.pop(key, None)
            raise DeployError(f"{key} cannot be started with {command.argv[0]}: {answer['error']}")
        return int(answer["pid"])

    async def stop(self, key: str, *, limit: float) -> bool:
        """SIGTERM to all of a child's processes, SIGKILL after `limit` seconds; return whether that was
        needed once all are gone.
        """
        return bool((await self._ask(do="stop", key=key, limit=limit))["forced"])

    async def kill(self, key: str) -> None:
        """SIGKILL all of a child's processes and return once they are gone."""
        await self._ask(do="kill", key=key)

    async def signal(self, key: str, name: str) -> int:
        """Send a signal to all of a child's processes and return to how many."""
        return int((await self._ask(do="signal", key=key, signal=name))["count"])

    async def remove_at_end(self, path: Path) -> None:
        """Have a file or directory removed when the run ends, however it ends."""
        answer = await self._ask(do="temporary", path=str(path))
        if "error" in answer:
            raise EngineError(f"cannot write the journal {self._journal.path}: {answer['error']}")

    async def run_last(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Have a program run when all processes are gone at the end of the run; an empty one takes that back.

        Unless it exits with 0 the guardian leaves the journal to a later clean-up.
        """
        await self._ask(do="last", argv=list(argv), env=dict(environment))

    async def aclose(self) -> None:
        """End everything that was started, and the guardian. Does nothing the second time.

        If it is cancelled the guardian goes on with that alone. Raises EngineError when it does not end in
        time; it is then killed, and the journal tells what is left.
        """
        self._closing = True
        if self._transport is not None:
            self._write({"do": "close"})
        try:
            async with asyncio.timeout(
                self._grace + guardian.UNKILLABLE_SECONDS + guardian.LAST_SECONDS + SPARE_SECONDS
            ):
                await asyncio.shield(self._ended)
        except TimeoutError as error:
            self._process.kill()
            self._reap()
            raise EngineError(f"the guardian, pid {self.pid}, did not end; it was killed") from error
        finally:
            if self._transport is not None:
                self._transport.abort()
                self._transport = None

    async def keep(self, name: str, lease: float, path: Path) -> None:
        """Leave everything running until `lease` seconds have passed without use, and let go of it.

        From now on the guardian is reached by the Unix socket `path`. Raises EngineError, and all is as before.
        """
        answer = await self._ask(do="keep", name=name, lease=lease, socket=str(path))
        if "error" in answer:
            raise EngineError(f"the guardian cannot keep the testnet at {path}: {answer['error']}")
        assert self._transport is not None
        self._closing = True
        self._transport.close()
        await self._hung_up
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.returncode = 0  # nobody is to wait for it: it outlives us
        self._ended.set_result(None)

    def force(self) -> None:
        """Have everything killed without grace, and the guardian end, whether or not this process still does."""
        self._closing = True
        if self._transport is not None:
            self._write({"do": "force"})

    async def _ask(self, **request: Any) -> dict[str, Any]:
        if self._transport is None:
            raise self._lost_error()
        self._requests += 1
        answer: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._answers[self._requests] = answer
        self._write({"id": self._requests, **request})
        return await answer

    def _write(self, message: dict[str, Any]) -> None:
        assert self._transport is not None
        self._transport.write(json.dumps(message).encode() + b"\n")

    def _lost_error(self) -> EngineError:
        return EngineError(
            f"the guardian of the run, pid {self.pid}, is gone though the run goes on; was it killed? "
            f"Its nodes are killed too."
        )

    # ---- asyncio.Protocol ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._hung_up.done():
            self._hung_up.set_result(None)
        error = self._lost_error()
        if not self._ready.done():
            self._ready.set_exception(error)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        self._answers.clear()
        if not self._closing and self._label:
            self._on_lost(error)

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"id": number}:
                answer = self._answers.pop(number)
                if not answer.done():  # whoever asked may have been cancelled
                    answer.set_result(message)
            case {"exit": key, "code": code, "signal": name, "asked": asked, "forced": forced, "cpu": cpu}:
                self._on_end.pop(key)(ProcessEnd(code, name, asked, forced, cpu))
            case {"ready": pid, "start": start}:
                self._label = f"{pid}:{start}"
                if not self._ready.done():  # whoever waited may have been cancelled
                    self._ready.set_result(None)
            case _:
                raise ValueError(f"a guardian does not say this: {message}")

    def _reap(self) -> None:
        if not self._ended.done():
            self._process.wait()
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._ended.set_result(None)


def _start_process(
    journal: Journal, log: Path, grace: float
) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
    """Start the guardian's program; returns our end of its channel. Not asyncio's way: that needs a thread
    for each process.
    """
    ours, theirs = socket.socketpair()
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-E", str(guardian.__file__)),
                    *(str(theirs.fileno()), str(journal.descriptor), repr(grace)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env={RUN_LABEL: journal.label},
                pass_fds=(theirs.fileno(), journal.descriptor),
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        raise EngineError(
            f"cannot start the guardian of the run: {error.strerror}: {error.filename}"
        ) from error
    finally:
        theirs.close()
    return ours, process
