"""One node: a daemon's process, its directory and its log."""

import asyncio
import json
import os
import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from coda_executive.config.daemon_args import CONFIG_DIRECTORY
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import PlannedNode, Role
from coda_executive.engines.local.files import explained, place
from coda_executive.engines.local.handshake import daemon_command
from coda_executive.engines.local.links import LinkedNode, LinkProxies
from coda_executive.engines.local.process import Command, Guardian, ProcessEnd
from coda_executive.events.event import (
    LifecycleEvent,
    NodeCrashed,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.interfaces.client import NodeClient

LAST_LINES = 20
LONGEST_LINE = 500  # characters
TAIL_BYTES = 1 << 18


class LocalNode:
    """Satisfies Node, Killable, Pausable and Upgradable. `release_ports` gives up what holds the node's ports until it
    first starts.
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
    ) -> None:
        self._planned = planned
        self._command = command
        self._usual_argv = command.argv
        self._guardian = guardian
        self._publish = publish
        self._release_ports = release_ports
        self._stop_limit = stop_limit
        self._pid: int | None = None
        self._starting = False
        self._early_end: ProcessEnd | None = None
        self._paused = False
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        state = "stopped" if self._pid is None else f"running, pid {self._pid}"
        return f"<LocalNode {self.id} {state}{', paused' if self._paused else ''}>"

    @property
    def id(self) -> NodeId:
        return self._planned.id

    @property
    def role(self) -> Role:
        return self._planned.role

    @property
    def is_running(self) -> bool:
        return self._pid is not None

    @property
    def pid(self) -> int | None:
        """Of the daemon's process, which leads a session of its own; None while it is stopped."""
        return self._pid

    @property
    def node_id_json(self) -> str:
        return json.dumps({"pid": self._pid})

    @cached_property
    def client(self) -> NodeClient:
        from coda_executive.client.daemon_client import DaemonClient
        from coda_executive.client.http import AiohttpTransport

        site = self._planned.site
        return DaemonClient(self.id, AiohttpTransport(f"http://{site.host}:{site.rest_port}"))

    async def start(self, *, fresh_state: bool = False) -> None:
        """Satisfies Node. With `fresh_state` all of the configuration directory goes, dot files too: the only
        one is the lock, and a killed daemon's would name a pid that may be somebody else's by now (daemon
        contract A.7). Keys live elsewhere.
        """
        async with self._turn:
            if self.is_running:
                return
            await self._guardian.kill(self.id)  # what a crashed predecessor left may not be gone yet
            if fresh_state:
                self._empty_configuration()
            self._release_ports()
            self._starting = True
            try:
                self._pid = await self._guardian.spawn(self.id, self._command, self._on_end)
            finally:
                self._starting = False
            self._paused = False
            self._publish(self.id, NodeStarted(fresh_state))
            if self._early_end is not None:
                end, self._early_end = self._early_end, None
                self._on_end(end)

    async def stop(self) -> None:
        async with self._turn:
            if self.is_running:
                await self._guardian.stop(self.id, limit=self._stop_limit)

    async def kill(self) -> None:
        async with self._turn:
            if self.is_running:
                await self._guardian.kill(self.id)

    async def pause(self) -> None:
        """Freeze all its processes. Does nothing if it is paused or stopped."""
        async with self._turn:
            if self.is_running and not self._paused:
                await self._guardian.signal(self.id, "SIGSTOP")
                self._paused = True
                self._publish(self.id, NodePaused())

    async def resume(self) -> None:
        """Thaw them. Does nothing if it is not paused."""
        async with self._turn:
            if self.is_running and self._paused:
                await self._guardian.signal(self.id, "SIGCONT")
                self._paused = False
                self._publish(self.id, NodeResumed())

    async def upgrade(self, daemon: str | None) -> None:
        words = self._usual_argv if daemon is None else self._replaced(daemon)
        self._command = replace(self._command, argv=words)

    def lose(self) -> None:
        """The guardian is gone, and the process was killed in its place. Does nothing if it is stopped."""
        if self.is_running:
            self._pid = None
            self._publish(self.id, NodeStopped(None, forced=True))

    def _replaced(self, daemon: str) -> tuple[str, ...]:
        return (*daemon_command(daemon), "daemon", *self._planned.arguments)

    def _on_end(self, end: ProcessEnd) -> None:
        if self._starting:
            self._early_end = end  # told after its start
            return
        self._pid = None
        self._paused = False
        match end.asked:
            case "stop":
                event: LifecycleEvent = NodeStopped(end.code, end.forced)
            case "kill":
                event = NodeKilled()
            case _:
                event = NodeCrashed(end.code, end.signal, last_lines(self._command.output))
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
        )


def last_lines(log: Path) -> tuple[str, ...]:
    """How a log ends: few lines, the long ones cut; nothing when it cannot be read."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            lines = deque(file.read().splitlines(), maxlen=LAST_LINES)
    except OSError:
        return ()
    texts = (line.decode("utf-8", "replace") for line in lines)
    return tuple(text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…" for text in texts)
