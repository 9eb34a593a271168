"""A node in memory: its life is a task that runs the daemon's script."""

import asyncio
import json
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum, auto
from functools import partial
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import PlannedCompanion, PlannedNode, Role
from coda_executive.engines.simulation.node_log import NodeLog
from coda_executive.errors import DeployError, RequestFailed
from coda_executive.events.event import (
    CompanionCrashed,
    CompanionStarted,
    CompanionStopped,
    LifecycleEvent,
    NodeCrashed,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.archive import NodeArchive
from coda_executive.testing.fake_archive import FakeArchive
from coda_executive.testing.fake_client import FakeClient
from coda_executive.testing.fake_faults import FakeFaults
from coda_executive.testing.fake_process import Conduct, FakeProcess

ANSWER_SECONDS = 30.0
STOP_SECONDS = 10.0
_PROVING_TIME = "CODA_PROVING_MS"

Publish = Callable[[NodeId, LifecycleEvent], None]


class _End(StrEnum):
    BY_ITSELF = auto()
    ASKED = auto()
    FORCED = auto()
    KILLED = auto()


class FakeNode(FakeFaults):
    """Satisfies Node and every ability. `conducts` are the daemons that there are, by name; None is the run's own.

    A pause holds back the client's answers, not the script. Its companions start and end with it, and do nothing;
    SNARK workers whose proving time is no number crash at once, as the reference daemon's do.
    """

    archive_type: type[FakeArchive] = FakeArchive

    def __init__(
        self,
        planned: PlannedNode,
        conducts: Mapping[str | None, Conduct],
        log: NodeLog,
        publish: Publish,
        true_ns: Callable[[], int],
    ) -> None:
        super().__init__(true_ns)
        self.planned = planned
        self.state: dict[str, Any] = {}
        self.genesis_ms = 0
        self._conducts = conducts
        self._daemon: str | None = planned.daemon
        self._log = log
        self._publish = publish
        self._process: FakeProcess | None = None
        self._living: asyncio.Task[int] | None = None
        self._end = _End.BY_ITSELF
        self._is_retired = False
        self._lost: set[str] = set()  # companions that crashed
        self._archive: FakeArchive | None = None
        for companion in planned.companions:
            if companion.outlives_node:
                address = planned.site.archive_address or ""
                self._archive = self.archive_type(companion.id, address, partial(publish, planned.id))
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self.client = FakeClient(planned.id, self._reached)
        self.client.answers |= {
            "createAccount": self._create_account,
            "trackedAccounts": lambda _given: [{"publicKey": key} for key in self._wallet()],
            "genesisConstants": lambda _given: {"genesisTimestamp": _moment(self.genesis_ms)},
        }

    def __repr__(self) -> str:
        paused = "" if self._unpaused.is_set() else ", paused"
        return f"<FakeNode {self.id} {'running' if self.is_running else 'stopped'}{paused}>"

    @property
    def id(self) -> NodeId:
        return self.planned.id

    @property
    def role(self) -> Role:
        return self.planned.role

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def node_id_json(self) -> str:
        return json.dumps({"fake": self.id})

    @property
    def archive(self) -> NodeArchive | None:
        """Satisfies Archived."""
        return self._archive

    async def start(self, *, fresh_state: bool = False) -> None:
        if self._process is not None:
            return
        if self._is_retired:
            raise DeployError(f"{self.id} was destroyed and cannot be started again; spawn another node")
        if fresh_state:
            self.state.clear()
        await self.start_archive()
        process = FakeProcess(self.planned, self.state, self.genesis_ms, self._log.write, self.clock_ns)
        self._process, self._end = process, _End.BY_ITSELF
        self._publish(self.id, NodeStarted(fresh_state))
        self._living = asyncio.create_task(self._live(process), name=f"{self.id}: daemon")
        self._living.add_done_callback(self._ended)
        self._start_companions()

    async def start_archive(self) -> None:
        if self._archive is not None:
            await self._archive.start()

    async def stop_archive(self) -> None:
        if self._archive is not None:
            await self._archive.stop()

    def _start_companions(self) -> None:
        for companion in self._mortals():
            self._publish(self.id, CompanionStarted(companion.id))
            if not companion.environment.get(_PROVING_TIME, "0").isdecimal():
                self._lose(companion)

    def _lose(self, companion: PlannedCompanion) -> None:
        self._lost.add(companion.id)
        why = f"{_PROVING_TIME} is no number"
        self._publish(self.id, CompanionCrashed(companion.id, 1, None, (why,)))

    def _stop_companions(self) -> None:
        is_asked = self._end is _End.ASKED
        for companion in self._mortals():
            if companion.id not in self._lost:
                code = 0 if is_asked else None
                self._publish(self.id, CompanionStopped(companion.id, code, forced=not is_asked))
        self._lost.clear()

    def _mortals(self) -> list[PlannedCompanion]:
        return [companion for companion in self.planned.companions if not companion.outlives_node]

    async def retire(self) -> None:
        """Stop for good, with its archive."""
        self._is_retired = True
        await self.stop()
        await self.stop_archive()

    async def stop(self) -> None:
        if self._process is not None and self._living is not None:
            self._end = _End.ASKED
            self._process.asked.set()
            await asyncio.wait([self._living], timeout=STOP_SECONDS)
            if not self._living.done():
                await self._end_by_force(_End.FORCED)

    async def kill(self) -> None:
        await self._end_by_force(_End.KILLED)

    async def pause(self) -> None:
        if self._process is not None and self._unpaused.is_set():
            self._unpaused.clear()
            self._publish(self.id, NodePaused())

    async def resume(self) -> None:
        if self._process is not None and not self._unpaused.is_set():
            self._unpaused.set()
            self._publish(self.id, NodeResumed())

    async def upgrade(self, daemon: str | None) -> None:
        if daemon not in self._conducts:
            raise DeployError(
                f"no fake daemon is named {daemon!r}; there are {sorted(filter(None, self._conducts))}"
            )
        self._daemon = self.planned.daemon if daemon is None else daemon

    async def _live(self, process: FakeProcess) -> int:
        try:
            return await self._conducts[self._daemon](process)
        except Exception:  # noqa: BLE001  the border to the script: its bug is a crash, as an interpreter's would be
            self._log.write(traceback.format_exc().rstrip())
            return 1

    def _ended(self, living: asyncio.Task[int]) -> None:
        self._process = None
        self._unpaused.set()
        event = self._last_event(None if living.cancelled() else living.result())
        self._log.flush()
        self._publish(self.id, event)
        self._stop_companions()

    def _last_event(self, exit_code: int | None) -> LifecycleEvent:
        match self._end:
            case _End.ASKED:
                return NodeStopped(exit_code, forced=False)
            case _End.FORCED:
                return NodeStopped(None, forced=True)
            case _End.KILLED:
                return NodeKilled()
            case _End.BY_ITSELF:
                return NodeCrashed(exit_code, None, self._log.last_lines)

    async def _end_by_force(self, end: _End) -> None:
        if self._process is not None and self._living is not None:
            self._end = end
            self._living.cancel()
            await asyncio.wait([self._living])

    async def _reached(self) -> None:
        """Return once the node can answer. Raises RequestFailed."""
        if self._process is None or not self._process.is_listening:
            raise RequestFailed(f"{self.id} does not run, or its script has not called listen", definite=True)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._unpaused.wait()
        except TimeoutError as error:
            raise RequestFailed(
                f"{self.id} did not answer in {ANSWER_SECONDS:g} s", definite=False
            ) from error

    def _wallet(self) -> list[str]:
        keys: list[str] = self.state.setdefault("wallet", [])
        return keys

    def _create_account(self, _given: dict[str, Any]) -> dict[str, str]:
        if self.disk_is_full:
            raise RequestFailed(f"{self.id}: no space left on device", definite=True)
        key = f"B62fake{len(self._wallet())}"
        self._wallet().append(key)
        return {"publicKey": key}


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
