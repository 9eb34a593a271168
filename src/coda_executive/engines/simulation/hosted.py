"""A program on a virtual machine that is started, ended and perhaps started again: a daemon, or what runs beside
one.
"""

import asyncio
import contextvars
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from coda_executive.engines.simulation.host import SimulatedChance, SimulatedHost, VirtualMachine
from coda_executive.engines.simulation.node_log import NodeLog
from coda_executive.engines.simulation.process import Process

_PAUSED = "paused"

Program = Callable[[SimulatedHost], Awaitable[int]]


class End(StrEnum):
    """Why a process ended, or is about to."""

    BY_ITSELF = auto()
    ASKED = auto()
    FORCED = auto()
    KILLED = auto()


@dataclass(slots=True)
class Life:
    """One run of the program. `exited` is done once all of it is over."""

    process: Process
    host: SimulatedHost
    exited: asyncio.Future[None]
    end: End = End.BY_ITSELF
    exit_code: int | None = None
    is_paused: bool = False


class HostedProcess:
    """`ended` is called at each end of it, with the life that is over. `stop_limit` in seconds."""

    def __init__(
        self,
        name: str,
        machine: VirtualMachine,
        chance: SimulatedChance,
        log: NodeLog,
        *,
        stop_limit: float,
        ended: Callable[[Life], None],
    ) -> None:
        self._name = name
        self._machine = machine
        self._chance = chance
        self._loop = machine.network.loop
        self._log = log
        self._stop_limit = stop_limit
        self._tell_end = ended
        self._life: Life | None = None

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._life.host.pid if self._life else None

    @property
    def is_paused(self) -> bool:
        return self._life is not None and self._life.is_paused

    def start(
        self,
        program: Program,
        pid: int,
        environment: Mapping[str, str],
        started: Callable[[], None],
        *,
        task: str,
    ) -> None:
        """Start it; it must not run. `started` is called before its first step."""
        process = Process(self._name, self._log.write, self._log.write_line)
        host = SimulatedHost(self._machine, process, pid, environment, chance=self._chance)
        life = self._life = Life(process, host, self._loop.create_future())
        started()
        running = process.spawn(self._loop, self._run(life, program), task)
        running.add_done_callback(lambda _task: self._ended(life), context=contextvars.Context())

    async def stop(self) -> None:
        """SIGTERM, and the end by force after the limit. Does nothing when it does not run."""
        life = self._life
        if life is None:
            return
        if life.end is End.BY_ITSELF:
            life.end = End.ASKED
        life.host.interrupt("SIGTERM")
        try:
            async with asyncio.timeout(self._stop_limit):
                await asyncio.shield(life.exited)
        except TimeoutError:
            life.end = End.FORCED
            await self._force(life)

    async def kill(self) -> None:
        life = self._life
        if life is not None:
            life.end = End.KILLED
            await self._force(life)

    def pause(self) -> bool:
        """Freeze it: its timers, tasks and what it is sent wait until it is resumed. Whether that was news."""
        life = self._life
        if life is None or life.is_paused:
            return False
        life.is_paused = True
        life.host.halt.begin(_PAUSED)
        return True

    def resume(self) -> bool:
        """Whether it was paused."""
        life = self._life
        if life is None or not life.is_paused:
            return False
        life.is_paused = False
        life.host.halt.end(_PAUSED)
        return True

    async def _force(self, life: Life) -> None:
        self._machine.machine.reset(life.process)
        self._loop.end(life.process)
        await life.exited

    async def _run(self, life: Life, program: Program) -> None:
        """The process's main task. Nothing of the process runs after its end."""
        try:
            life.exit_code = await program(life.host)
        except SystemExit as error:
            life.exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
        except Exception:  # noqa: BLE001  the border to the daemon's code: it crashed, as an interpreter would end
            life.process.complain(traceback.format_exc())
            life.exit_code = 1
        finally:
            life.process.is_gone = True

    def _ended(self, life: Life) -> None:
        self._machine.machine.reset(life.process)
        self._loop.end(life.process)
        self._life = None
        try:
            self._tell_end(life)
        finally:
            life.exited.set_result(None)
