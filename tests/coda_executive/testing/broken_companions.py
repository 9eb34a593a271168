"""Engines that break one promise each about what runs beside nodes; see `broken_engines`."""

from typing import Any

from tests.coda_executive.testing.broken_engines import Mutant, broken, nothing, silently

from coda_executive.events.event import CompanionCrashed
from coda_executive.testing import FakeEngine, FakeNode
from coda_executive.testing.fake_archive import FakeArchive
from coda_executive.testing.fake_engine import FakeNetworkManager


async def companions_first(self: Any, *, fresh_state: bool = False) -> None:
    self._start_companions()
    await FakeNode.start(self, fresh_state=fresh_state)


async def destroy_with_companions_logs(self: Any) -> None:
    await FakeNetworkManager.destroy(self)
    for path in self.context.directory.glob("nodes/*/worker*"):
        path.unlink()


def lost_without_a_reason(self: Any, companion: Any) -> None:
    self._publish(self.id, CompanionCrashed(companion.id, 1, None, ()))


def lost_with_success(self: Any, companion: Any) -> None:
    self._publish(self.id, CompanionCrashed(companion.id, 0, None, ("done",)))


def lost_twice(self: Any, companion: Any) -> None:
    FakeNode._lose(self, companion)
    FakeNode._lose(self, companion)


def lost_and_stopped(self: Any, companion: Any) -> None:
    FakeNode._lose(self, companion)
    self._lost.clear()


async def start_without_lost_workers(self: Any, *, fresh_state: bool = False) -> None:
    lost, self._start_companions = getattr(self, "was_up", False), FakeNode._start_companions.__get__(self)
    self.was_up = True
    if lost:
        self._start_companions = lambda: None
    await FakeNode.start(self, fresh_state=fresh_state)


async def late_archive(self: Any, *, fresh_state: bool = False) -> None:
    archive, self._archive = self._archive, None
    await FakeNode.start(self, fresh_state=fresh_state)
    self._archive = archive
    await self.start_archive()


async def stop_with_archive(self: Any) -> None:
    await FakeNode.stop(self)
    await self.stop_archive()


async def no_rows(self: Any, sql: str, *values: Any) -> list[Any]:
    return []


async def rows_of_anything(self: Any, sql: str, *values: Any) -> list[Any]:
    return [(1,)]


async def restart(self: Any) -> None:
    self.is_running = False
    await FakeArchive.start(self)


def broken_archive(**attributes: Any) -> FakeEngine:
    return broken(node={"archive_type": type("BrokenArchive", (FakeArchive,), attributes)})


COMPANIONS: list[Mutant] = [
    ("companion_starts", broken(node={"_start_companions": silently}), "never started beside"),
    ("companion_starts", broken(node={"start": companions_first}), "a daemon and then"),
    ("companion_starts", broken(node={"_stop_companions": silently}), "ends with its node"),
    ("companion_starts", broken(manager={"destroy": destroy_with_companions_logs}), "worker-1.log beside"),
    ("crash_of_a_companion", broken(node={"_lose": lambda self, companion: None}), "nobody was told"),
    ("crash_of_a_companion", broken(node={"_lose": lost_twice}), "once each"),
    ("crash_of_a_companion", broken(node={"_lose": lost_with_success}), "a code above 0"),
    ("crash_of_a_companion", broken(node={"_lose": lost_without_a_reason}), "without last lines"),
    ("crash_of_a_companion", broken(node={"_lose": lost_and_stopped}), "had ended before its node"),
    (
        "crash_of_a_companion",
        broken(node={"start": start_without_lost_workers}),
        "not started again with its node",
    ),
    ("archive_outlives", broken(node={"archive": None}), "has no archive"),
    ("archive_outlives", broken(node={"start_archive": nothing}), "was not started with"),
    ("archive_outlives", broken(node={"start": late_archive}), "there before its start"),
    ("archive_outlives", broken(node={"stop": stop_with_archive}), "went down with its node"),
    ("archive_outlives", broken_archive(rows=no_rows), "the genesis block alone"),
    ("archive_outlives", broken_archive(rows=rows_of_anything), "was answered"),
    ("archive_outlives", broken_archive(stop=nothing), "runs after it was stopped"),
    ("archive_outlives", broken_archive(start=restart), "told once each"),
    ("archive_outlives", broken(node={"stop_archive": nothing}), "runs after destroy"),
]
