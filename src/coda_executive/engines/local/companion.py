"""A process beside a node's daemon, such as a SNARK worker."""

from collections.abc import Callable
from dataclasses import replace

from coda_executive.config.plan import PlannedCompanion
from coda_executive.engines.local.guarded import GuardedProcess, last_lines
from coda_executive.engines.local.handshake import daemon_command
from coda_executive.engines.local.process import Command, Guardian, ProcessEnd
from coda_executive.engines.local.told import size_of, until_told
from coda_executive.events.event import CompanionCrashed, CompanionStarted, CompanionStopped, LifecycleEvent

_SEPARATOR = "/"


def companion_key(node: str, companion: str) -> str:
    """What the guardian knows it by."""
    return f"{node}{_SEPARATOR}{companion}"


def node_of_key(key: str) -> str | None:
    """The node that a key's process is beside, or None for that of a node itself."""
    node, separator, _ = key.partition(_SEPARATOR)
    return node if separator else None


def name_of_key(key: str) -> str:
    return key.rpartition(_SEPARATOR)[2]


class LocalCompanion:
    """`publish` takes what becomes of it. `ready_limit` in seconds."""

    def __init__(
        self,
        node: str,
        planned: PlannedCompanion,
        command: Command,
        *,
        guardian: Guardian,
        publish: Callable[[LifecycleEvent], None],
        ready_limit: float,
    ) -> None:
        self.after = planned.after
        self._ready = planned.ready
        self._ready_limit = ready_limit
        self.outlives_node = planned.outlives_node
        self._id = planned.id
        self._arguments = planned.arguments
        self._usual_argv = command.argv
        self._process = GuardedProcess(companion_key(node, planned.id), command, guardian, self._on_end)
        self._publish = publish

    @property
    def is_running(self) -> bool:
        return self._process.pid is not None

    async def start(self) -> None:
        """Start it, if it does not run, and return once it is ready or has ended. Raises DeployError."""
        if self._process.pid is not None:
            return
        await self._process.clear()
        log = self._process.command.output
        begin = size_of(log)
        await self._process.start(lambda: self._publish(CompanionStarted(self._id)))
        if self._ready is not None:
            await until_told(
                self._id,
                log,
                self._ready,
                begin=begin,
                goes_on=lambda: self.is_running,
                limit=self._ready_limit,
            )

    def upgrade(self, daemon: str | None) -> None:
        """From its next start on it is another daemon's, or, with None, the usual one's again."""
        argv = self._usual_argv if daemon is None else (*daemon_command(daemon), *self._arguments)
        self._process.command = replace(self._process.command, argv=argv)

    async def stop(self, limit: float) -> None:
        await self._process.stop(limit)

    async def kill(self) -> None:
        await self._process.kill()

    async def signal(self, name: str) -> None:
        await self._process.signal(name)

    def lose(self) -> None:
        if self._process.lose():
            self._publish(CompanionStopped(self._id, None, forced=True))

    def _on_end(self, end: ProcessEnd) -> None:
        if end.asked is None:
            lines = last_lines(self._process.command.output)
            self._publish(CompanionCrashed(self._id, end.code, end.signal, lines))
        else:
            self._publish(CompanionStopped(self._id, end.code, end.forced))
