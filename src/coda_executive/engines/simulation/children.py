"""Processes that a simulated daemon starts beside itself, on its own machine and in the same loop."""

import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coda_executive.engines.simulation.process import Process

if TYPE_CHECKING:
    import asyncio

    from coda_executive.engines.simulation.host import SimulatedHost


class SimulatedChild:
    """A `Child` of the daemon's ports."""

    def __init__(self, host: "SimulatedHost", process: Process, exit_code: "asyncio.Future[int]") -> None:
        self._host = host
        self._process = process
        self._exit_code = exit_code

    async def ended(self) -> int:
        import asyncio

        return await asyncio.shield(self._exit_code)

    def terminate(self) -> None:
        # Signals come from outside of a process: what follows from this one is not its parent's doing.
        contextvars.Context().run(self._host.interrupt, "SIGTERM")


class SimulatedChildren:
    """A `Children` of the daemon's ports: each child is `program`, with a host of its own on the same machine."""

    def __init__(
        self, make_host: Callable[[Process, Mapping[str, str]], "SimulatedHost"], parent: Process, loop: Any
    ) -> None:
        self._make_host = make_host
        self._parent = parent
        self._loop = loop

    async def start(
        self,
        arguments: Sequence[str],
        program: Callable[["SimulatedHost"], Awaitable[int]],
        environment: Mapping[str, str] | None = None,
    ) -> SimulatedChild:
        process = Process(
            f"{self._parent.name}: {' '.join(arguments[:2])}", self._parent.write, self._parent.write_log
        )
        host = self._make_host(process, environment or {})
        exit_code: asyncio.Future[int] = self._loop.create_future()

        async def run() -> None:
            code = 1
            try:
                code = await program(host)
            finally:
                process.is_gone = True
                if not exit_code.done():
                    exit_code.set_result(code)

        process.spawn(self._loop, run(), "main")
        return SimulatedChild(host, process, exit_code)
