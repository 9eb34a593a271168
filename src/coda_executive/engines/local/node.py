"""One node: a daemon's process, its directory and its log."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from coda_executive.config.daemon_args import CONFIG_DIRECTORY
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import PlannedNode, Role
from coda_executive.engines.local.companion import LocalCompanion
from coda_executive.engines.local.files import explained, place
from coda_executive.engines.local.guarded import GuardedProcess, last_lines
from coda_executive.engines.local.handshake import daemon_command
from coda_executive.engines.local.links import LinkedNode, LinkProxies
from coda_executive.engines.local.process import Command, Guardian, ProcessEnd
from coda_executive.engines.local.told import size_of, until_told
from coda_executive.errors import DeployError
from coda_executive.events.event import (
    LifecycleEvent,
    NodeCrashed,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.archive import NodeArchive
from coda_executive.interfaces.client import NodeClient


class LocalNode:
    """Satisfies Node, Killable, Pausable and Upgradable. `release_ports` gives up what holds the node's ports until it
    first starts.

    What is done to it is done to its companions, but that those which outlive it are left alone when it stops
    or is killed.
    """

    def __init__(
        self,
        planned: PlannedNode,
        command: Command,
        *,
        guardian: Guardian,
        publish: Callable[[NodeId, LifecycleEvent], None],
        release_ports: Callable[[], None],
        stop_limit: float,
        ready_limit: float,
        companions: Sequence[LocalCompanion] = (),
        archive: NodeArchive | None = None,
    ) -> None:
        self._planned = planned
        self._usual_argv = command.argv
        self._process = GuardedProcess(planned.id, command, guardian, self._on_end)
        self._companions = companions
        self._archive = archive
        self._publish = publish
        self._release_ports = release_ports
        self._stop_limit = stop_limit
        self._ready_limit = ready_limit
        self._paused = False
        self._is_retired = False
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        state = "stopped" if self.pid is None else f"running, pid {self.pid}"
        return f"<LocalNode {self.id} {state}{', paused' if self._paused else ''}>"

    @property
    def id(self) -> NodeId:
        return self._planned.id

    @property
    def role(self) -> Role:
        return self._planned.role

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    @property
    def pid(self) -> int | None:
        """Of the daemon's process, which leads a session of its own; None while it is stopped."""
        return self._process.pid

    @property
    def node_id_json(self) -> str:
        return json.dumps({"pid": self.pid})

    @cached_property
    def client(self) -> NodeClient:
        from coda_executive.client.daemon_client import DaemonClient
        from coda_executive.client.http import AiohttpTransport

        site = self._planned.site
        return DaemonClient(self.id, AiohttpTransport(f"http://{site.host}:{site.rest_port}"))

    @property
    def archive(self) -> NodeArchive | None:
        """Satisfies Archived."""
        return self._archive

    async def start(self, *, fresh_state: bool = False) -> None:
        """Satisfies Node. With `fresh_state` all of the configuration directory goes, dot files too: the only
        one is the lock, and a killed daemon's would name a pid that may be somebody else's by now (daemon
        contract A.7). Keys live elsewhere.
        """
        async with self._turn:
            if self.is_running:
                return
            if self._is_retired:
                raise DeployError(f"{self.id} was destroyed and cannot be started again; spawn another node")
            await self._process.clear()  # what a crashed predecessor left may not be gone yet
            if fresh_state:
                self._empty_configuration()
            self._release_ports()
            for companion in self._companions:
                if companion.outlives_node:
                    await companion.start()
            self._paused = False
            begin = size_of(self._process.command.output)
            await self._process.start(lambda: self._publish(self.id, NodeStarted(fresh_state)))
            for companion in self._mortals():
                if companion.after is None or await self._has_told(companion.after, begin):
                    await companion.start()

    async def _has_told(self, text: str, begin: int) -> bool:
        """Whether the daemon has written it, from that byte of its log on, before it ended. Raises DeployError."""
        return await until_told(
            self.id,
            self._process.command.output,
            text,
            begin=begin,
            goes_on=lambda: self.is_running,
            limit=self._ready_limit,
        )

    async def retire(self) -> None:
        """Stop for good, with all its companions."""
        self._is_retired = True
        await self.stop()
        await self.stop_the_rest()

    async def stop(self) -> None:
        async with self._turn:
            await _all(
                self._process.stop(self._stop_limit),
                *(companion.stop(self._stop_limit) for companion in self._mortals()),
            )

    async def stop_the_rest(self) -> None:
        """Stop also the companions that outlive it."""
        async with self._turn:
            await _all(*(companion.stop(self._stop_limit) for companion in self._companions))

    async def kill(self) -> None:
        async with self._turn:
            await _all(self._process.kill(), *(companion.kill() for companion in self._mortals()))

    async def pause(self) -> None:
        """Freeze all its processes. Does nothing if it is paused or stopped."""
        async with self._turn:
            if self.is_running and not self._paused:
                await self._process.signal("SIGSTOP")
                await _all(*(companion.signal("SIGSTOP") for companion in self._companions))
                self._paused = True
                self._publish(self.id, NodePaused())

    async def resume(self) -> None:
        """Thaw them. Does nothing if it is not paused."""
        async with self._turn:
            if self.is_running and self._paused:
                await self._process.signal("SIGCONT")
                await _all(*(companion.signal("SIGCONT") for companion in self._companions))
                self._paused = False
                self._publish(self.id, NodeResumed())

    async def upgrade(self, daemon: str | None) -> None:
        words = self._usual_argv if daemon is None else self._replaced(daemon)
        self._process.command = replace(self._process.command, argv=words)
        for companion in self._companions:
            companion.upgrade(daemon)

    def lose(self) -> None:
        """The guardian is gone, and the process was killed in its place. Does nothing if it is stopped."""
        if self._process.lose():
            self._publish(self.id, NodeStopped(None, forced=True))
        for companion in self._companions:
            companion.lose()

    def _mortals(self) -> list[LocalCompanion]:
        return [companion for companion in self._companions if not companion.outlives_node]

    def _replaced(self, daemon: str) -> tuple[str, ...]:
        return (*daemon_command(daemon), "daemon", *self._planned.arguments)

    def _on_end(self, end: ProcessEnd) -> None:
        self._paused = False
        match end.asked:
            case "stop":
                event: LifecycleEvent = NodeStopped(end.code, end.forced)
            case "kill":
                event = NodeKilled()
            case _:
                event = NodeCrashed(end.code, end.signal, last_lines(self._process.command.output))
        self._publish(self.id, event)

    def _empty_configuration(self) -> None:
        directory = Path(self._planned.site.directory)
        configuration = directory / CONFIG_DIRECTORY
        with explained(f"empty the configuration directory of {self.id}"):
            for entry in configuration.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
            for file in self._planned.files:
                if Path(file.path).is_relative_to(CONFIG_DIRECTORY):
                    place(directory, file)


class LinkedLocalNode(LocalNode, LinkedNode):
    """A node behind a proxy."""

    def __init__(
        self,
        planned: PlannedNode,
        command: Command,
        *,
        guardian: Guardian,
        publish: Callable[[NodeId, LifecycleEvent], None],
        release_ports: Callable[[], None],
        stop_limit: float,
        ready_limit: float,
        companions: Sequence[LocalCompanion] = (),
        archive: NodeArchive | None = None,
        proxies: LinkProxies,
    ) -> None:
        LinkedNode.__init__(self, planned.id, proxies)
        super().__init__(
            planned,
            command,
            guardian=guardian,
            publish=publish,
            release_ports=release_ports,
            stop_limit=stop_limit,
            ready_limit=ready_limit,
            companions=companions,
            archive=archive,
        )


async def _all(*steps: Awaitable[None]) -> None:
    """Take steps side by side, and raise the first error once all are over."""
    for error in await asyncio.gather(*steps, return_exceptions=True):
        if error is not None:
            raise error
