"""What makes tasks and timers one simulated process: they can be frozen, thawed and ended together.

Membership travels in a context variable, so all that a process starts belongs to it: its tasks, its timers,
the callbacks of its futures. Who acts on a process from outside (network, manager) does so in the context of
its own.
"""

import asyncio
import contextlib
import contextvars
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from coda_protocol.log_message import EncodedLine

PROCESS: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("PROCESS", default=None)

WriteLog = Callable[[EncodedLine], None]

# Closing a coroutine that awaits in its clean-up takes one attempt for each such await.
_CLOSE_ATTEMPTS = 100


class Process:
    """A simulated process; `write_line` takes what it prints, `write_log` what of it is encoded already.
    Once it `is_gone`, no code of it runs any more.
    """

    __slots__ = (
        "_spawned",
        "_write_line",
        "context",
        "is_frozen",
        "is_gone",
        "mail",
        "name",
        "set_aside",
        "take_log",
        "tasks",
    )

    def __init__(
        self, name: str, write_line: Callable[[str], None], write_log: WriteLog | None = None
    ) -> None:
        self.name = name
        self._write_line = write_line
        self.take_log = write_log or (lambda line: write_line(line.text.decode()))
        self.is_gone = False
        self.is_frozen = False
        self.mail: dict[int, list[Any]] = {}  # connections by the instant at which a frame comes over each
        self.set_aside: list[Any] = []  # handles that fell due while it was frozen
        # What of them is pending, by number; weakly, as asyncio holds them.
        self.tasks: dict[int, weakref.ref[asyncio.Task[Any]]] = {}
        self.context = contextvars.Context()
        self.context.run(PROCESS.set, self)
        self._spawned: dict[asyncio.Task[Any], None] = {}  # the loop itself holds tasks weakly

    def check(self) -> None:
        """Called by every port: raises CancelledError in what little code still runs after the process is
        gone.
        """
        if self.is_gone:
            raise asyncio.CancelledError

    def write(self, line: str) -> None:
        """A line on the process's standard output or error; nothing once it is gone."""
        if not self.is_gone:
            self._write_line(line)

    def write_log(self, line: EncodedLine) -> None:
        """The same with a line of a log."""
        if not self.is_gone:
            self.take_log(line)

    def complain(self, text: str) -> None:
        """Several lines on standard error, such as a traceback."""
        for line in text.splitlines():
            self.write(line)

    def spawn(self, loop: asyncio.AbstractEventLoop, code: Awaitable[Any], name: str) -> asyncio.Task[Any]:
        """Start a task of the process from outside of it."""
        # A coroutine is closed with its task, also before its first step; around it another one would not be.
        coroutine = code if isinstance(code, Coroutine) else _awaited(code)
        task = loop.create_task(coroutine, name=f"{self.name}: {name}", context=self.context.copy())
        self._spawned[task] = None
        task.add_done_callback(self._forget, context=contextvars.Context())
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._spawned.pop(task, None)

    def __repr__(self) -> str:
        return f"<Process {self.name}{' gone' if self.is_gone else ''}>"


async def _awaited(code: Awaitable[Any]) -> Any:
    return await code


class Guarded(Coroutine[Any, Any, Any]):
    """A coroutine of a process: once that is gone, its next step closes it, and its task counts as cancelled.

    Closing runs `finally` blocks up to their first await; the ports of a dead process do nothing by then.
    """

    __slots__ = ("_coroutine", "_number", "_process", "_send")

    def __init__(self, coroutine: Any, process: Process, number: int) -> None:
        """`number` is the task's."""
        self._coroutine = coroutine
        self._process = process
        self._number = number
        self._send = coroutine.send

    def send(self, value: Any) -> Any:
        if self._process.is_gone:
            self._end()
        try:
            return self._send(value)
        except BaseException:  # StopIteration too: it has ended
            self._process.tasks.pop(self._number, None)
            raise

    def throw(self, *error: Any) -> Any:
        if self._process.is_gone:
            self._end()
        try:
            return self._coroutine.throw(*error)
        except BaseException:
            self._process.tasks.pop(self._number, None)
            raise

    def close(self) -> None:
        self._coroutine.close()

    def _end(self) -> None:
        for _ in range(_CLOSE_ATTEMPTS):
            # Nobody is left to hear how the clean-up of a dead process fails. An await in a `finally` shows
            # as RuntimeError; the next attempt ends that await too.
            with contextlib.suppress(Exception, asyncio.CancelledError, GeneratorExit):
                self._coroutine.close()
                break
        raise asyncio.CancelledError

    def __await__(self) -> Generator[Any, Any, Any]:
        steps: Generator[Any, Any, Any] = self._coroutine.__await__()
        return steps

    # What tracebacks, reprs and the deadlock report ask a coroutine for.
    @property
    def cr_frame(self) -> Any:
        return getattr(self._coroutine, "cr_frame", None)

    @property
    def cr_await(self) -> Any:
        return getattr(self._coroutine, "cr_await", None)

    @property
    def __name__(self) -> str:
        return str(getattr(self._coroutine, "__qualname__", type(self._coroutine).__qualname__))
