"""A process beside a simulated node's daemon, on the same machine, such as a SNARK worker."""

from collections.abc import Callable

from coda_executive.config.plan import PlannedCompanion
from coda_executive.engines.simulation.daemons import SimulatedDaemon
from coda_executive.engines.simulation.host import SimulatedChance, VirtualMachine
from coda_executive.engines.simulation.hosted import End, HostedProcess, Life
from coda_executive.engines.simulation.node_log import NodeLog, until_told
from coda_executive.events.event import CompanionCrashed, CompanionStarted, CompanionStopped, LifecycleEvent


class SimulatedCompanion:
    """`publish` takes what becomes of it. Its chance is its own: another worker does not change its draws."""

    def __init__(
        self,
        planned: PlannedCompanion,
        machine: VirtualMachine,
        home: str,
        log: NodeLog,
        publish: Callable[[LifecycleEvent], None],
        new_pid: Callable[[], int],
        stop_limit: float,
    ) -> None:
        self.outlives_node = planned.outlives_node
        self._planned = planned
        self._environment = {"HOME": home, **planned.environment}
        self._log = log
        self._publish = publish
        self._new_pid = new_pid
        chance = SimulatedChance(machine.chance.seed, planned.id)
        self._process = HostedProcess(
            planned.id, machine, chance, log, stop_limit=stop_limit, ended=self._on_end
        )

    @property
    def is_running(self) -> bool:
        return self._process.pid is not None

    @property
    def id(self) -> str:
        return self._planned.id

    @property
    def after(self) -> str | None:
        return self._planned.after

    async def start(self, daemon: SimulatedDaemon) -> None:
        """Start it, if it does not run, and return once it is ready or has ended. Raises DeployError."""
        if self.is_running:
            return
        ready = self._planned.ready
        told = None if ready is None else self._log.expect(ready)
        self._process.start(
            lambda host: daemon.run_beside(self._planned.arguments, host),
            self._new_pid(),
            self._environment,
            lambda: self._publish(CompanionStarted(self.id)),
            task="main",
        )
        if ready is not None and told is not None:
            await until_told(self.id, self._log, ready, told)

    async def stop(self) -> None:
        await self._process.stop()

    async def kill(self) -> None:
        await self._process.kill()

    def pause(self) -> None:
        self._process.pause()

    def resume(self) -> None:
        self._process.resume()

    def _on_end(self, life: Life) -> None:
        self._log.expect_no_more()
        match life.end:
            case End.ASKED:
                self._publish(CompanionStopped(self.id, life.exit_code, forced=False))
            case End.FORCED | End.KILLED:
                self._publish(CompanionStopped(self.id, None, forced=True))
            case End.BY_ITSELF:
                exit_code = 1 if life.exit_code is None else life.exit_code
                self._log.flush()
                self._publish(CompanionCrashed(self.id, exit_code, None, self._log.last_lines))
