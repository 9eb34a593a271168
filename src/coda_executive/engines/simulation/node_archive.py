"""A simulated node's archive, as the executive handles it."""

from collections.abc import Callable, Sequence
from typing import Any

from coda_executive.client.replay_output import replay_of
from coda_executive.config.companions import archive_configuration
from coda_executive.config.plan import PlannedNode
from coda_executive.engines.simulation.companion import SimulatedCompanion
from coda_executive.engines.simulation.daemons import SimulatedDaemon
from coda_executive.engines.simulation.host import SimulatedChance, SimulatedHost, VirtualMachine
from coda_executive.engines.simulation.process import Process
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.archive import Replay


class SimulatedNodeArchive:
    """Satisfies NodeArchive."""

    def __init__(
        self,
        planned: PlannedNode,
        companion: SimulatedCompanion,
        machine: VirtualMachine,
        daemon: Callable[[], SimulatedDaemon],
        new_pid: Callable[[], int],
    ) -> None:
        assert planned.site.archive_address is not None  # an archive node's
        assert planned.site.archive_uri is not None
        self._address, self._uri = planned.site.archive_address, planned.site.archive_uri
        self._configuration = archive_configuration(planned)
        self._companion = companion
        self._machine = machine
        self._daemon = daemon
        self._new_pid = new_pid

    @property
    def address(self) -> str:
        return self._address

    @property
    def is_running(self) -> bool:
        return self._companion.is_running

    async def start(self) -> None:
        await self._companion.start(self._daemon())

    async def stop(self) -> None:
        await self._companion.stop()

    async def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        store = await self._machine.archives.open(self._uri)
        try:
            return await store.fetch(sql, *values)
        except OSError as error:
            raise RequestFailed(f"the archive's database refused {sql!r}: {error}", definite=True) from error

    async def replay(self, state_hash: str) -> Replay:
        lines: list[str] = []
        process = Process(f"{self._companion.id}: replay", lines.append)
        chance = SimulatedChance(self._machine.chance.seed, f"{self._companion.id}-replay")
        host = SimulatedHost(self._machine, process, self._new_pid(), {}, chance=chance)
        words = ("archive", "replay", "-postgres-uri", self._uri, *self._configuration, "-log-json")
        program = self._daemon().run_beside((*words, "-target-state-hash", state_hash), host)
        exit_code: int = await process.spawn(self._machine.network.loop, program, "main")
        return replay_of(exit_code, lines)
