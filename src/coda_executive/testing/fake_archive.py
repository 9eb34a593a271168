"""An archive in memory, beside a fake node."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from coda_executive.errors import RequestFailed
from coda_executive.events.event import CompanionStarted, CompanionStopped, LifecycleEvent
from coda_executive.interfaces.archive import Replay


class FakeArchive:
    """Satisfies NodeArchive: it holds the genesis block and hears of no other. `publish` takes what becomes of it."""

    def __init__(self, id: str, address: str, publish: Callable[[LifecycleEvent], None]) -> None:
        self.id = id
        self.address = address
        self.is_running = False
        self._publish = publish

    async def start(self) -> None:
        if not self.is_running:
            self.is_running = True
            self._publish(CompanionStarted(self.id))

    async def stop(self) -> None:
        if self.is_running:
            self.is_running = False
            self._publish(CompanionStopped(self.id, 0, forced=False))

    async def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(":memory:")) as database:
            database.execute("CREATE TABLE blocks (height, chain_status)")
            database.execute("INSERT INTO blocks VALUES (1, 'canonical')")
            try:
                return database.execute(re.sub(r"\$(\d+)", r"?\1", sql), values).fetchall()
            except sqlite3.Error as error:
                raise RequestFailed(f"{self.id} refused {sql!r}: {error}", definite=True) from error

    async def replay(self, state_hash: str) -> Replay:
        return Replay(0, 0, 0, f"{self.id} has no block {state_hash}")
