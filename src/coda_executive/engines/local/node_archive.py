"""A local node's archive, as the executive handles it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from coda_executive.client.replay_output import replay_of
from coda_executive.config.companions import archive_configuration
from coda_executive.config.plan import PlannedNode
from coda_executive.engines.local.archives import LocalArchives
from coda_executive.engines.local.companion import LocalCompanion
from coda_executive.engines.local.errand import run_errand
from coda_executive.engines.local.process import Command, Guardian
from coda_executive.interfaces.archive import Replay


class LocalNodeArchive:
    """Satisfies NodeArchive. `stop_limit` in seconds."""

    def __init__(
        self,
        planned: PlannedNode,
        companion: LocalCompanion,
        archives: LocalArchives,
        *,
        guardian: Guardian,
        command: Callable[[tuple[str, ...], Path], Command],
        stop_limit: float,
    ) -> None:
        """`command` makes one of the daemon's program from its arguments and where its output goes."""
        assert planned.site.archive_address is not None  # an archive node's
        self._address = planned.site.archive_address
        self._planned = planned
        self._companion = companion
        self._archives = archives
        self._guardian = guardian
        self._command = command
        self._stop_limit = stop_limit

    @property
    def address(self) -> str:
        return self._address

    @property
    def is_running(self) -> bool:
        return self._companion.is_running

    async def start(self) -> None:
        await self._companion.start()

    async def stop(self) -> None:
        await self._companion.stop(self._stop_limit)

    async def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        return await self._archives.rows(self._planned.id, sql, values)

    async def replay(self, state_hash: str) -> Replay:
        output = Path(self._planned.site.directory) / "replay.log"
        words = (
            *("archive", "replay", "-postgres-uri", self._archives.uri(self._planned.id)),
            *archive_configuration(self._planned),
            *("-target-state-hash", state_hash, "-log-json"),
        )
        output.unlink(missing_ok=True)
        end = await run_errand(
            self._guardian, f"{self._planned.id}/archive-replay", self._command(words, output)
        )
        return replay_of(end.code, output.read_text(errors="replace").splitlines())
