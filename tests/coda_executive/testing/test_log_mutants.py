"""The kit refuses a log engine that breaks a promise, whichever it is, and says which."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.coda_executive.testing.broken_engines import (
    BrokenLog,
    dropping_the_first,
    late,
    misplacing,
    renumbering,
    reordering,
    repeating,
    swallowing,
)
from tests.coda_executive.testing.test_log_engines import TestFileTail as FileTailKit

from coda_executive.events.event import UnreadableLine
from coda_executive.interfaces.log_engine import Queries
from coda_executive.log_engines import file_tail
from coda_executive.log_engines.followed_file import FollowedFile
from coda_executive.testing import LogBench, LogEngineConformance

Wrap = Callable[[Any], Any]


def mangled(make_deliver: Callable[..., Any]) -> Wrap:
    return lambda engine: BrokenLog(engine, make_deliver)


def without_unreadable(deliver: Any) -> Any:
    return lambda record: None if isinstance(record.event, UnreadableLine) else deliver(record)


def without_repeats(deliver: Any) -> Any:
    seen: list[Any] = []

    def once(record: Any) -> None:
        if record.event not in seen:
            seen.append(record.event)
            deliver(record)

    return once


class Around:
    """Another log engine around a true one."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.coverage = inner, inner.coverage

    def attach(self, testnet: Any, queries: Any, deliver: Any) -> Any:
        return self.inner.attach(testnet, queries, deliver)


class WithoutQueries(Around):
    def attach(self, testnet: Any, queries: Any, deliver: Any) -> Any:
        return self.inner.attach(testnet, Queries({}), deliver)


class WithoutEnd(Around):
    """Leaves a task behind."""

    @asynccontextmanager
    async def attach(self, testnet: Any, queries: Any, deliver: Any) -> Any:
        async with self.inner.attach(testnet, queries, deliver) as attachment:
            self.left = asyncio.ensure_future(asyncio.sleep(3600))
            yield attachment


class InAGroup(Around):
    @asynccontextmanager
    async def attach(self, testnet: Any, queries: Any, deliver: Any) -> Any:
        async with self.inner.attach(testnet, queries, deliver) as attachment, asyncio.TaskGroup():
            yield attachment


class FromNowOn(Around):
    """Like `tail -f -n 0`."""

    def attach(self, testnet: Any, queries: Any, deliver: Any) -> Any:
        for node in testnet.nodes:
            path = self.inner._path_of(node.id)
            if path.exists():
                path.write_bytes(b"")
        return self.inner.attach(testnet, queries, deliver)


Patch = tuple[Any, str, Any]


def as_it_is(engine: Any) -> Any:
    return engine


async def never(_self: Any) -> None:
    await asyncio.Event().wait()


NEVER = "not done within"
MUTANTS: list[tuple[str, Wrap, tuple[Patch, ...], str]] = [
    ("written_before_the_attachment", FromNowOn, (), "should be .*the first.*each line once"),
    ("once_in_order", mangled(repeating), (), "record 2 of 200 should be"),
    ("once_in_order", mangled(renumbering), (), "number=1.*found .*number=0"),
    ("once_in_order", mangled(misplacing), (), "offset=0.*found .*offset=1"),
    ("once_in_order", mangled(reordering), (), "a says 0.*found .*a says 1"),
    ("once_in_order", mangled(dropping_the_first), (), "a says 0.*found .*a says 2"),
    ("once_in_order", mangled(late), (), "found none"),
    ("without_being_asked", as_it_is, ((file_tail._Tail, "read_news", never),), NEVER),
    (
        "unfinished_line",
        as_it_is,
        ((FollowedFile, "flush", lambda _self: []),),
        "unfinished line came 0 times",
    ),
    ("odd_lines", mangled(without_unreadable), (), "UnreadableLine"),
    (
        "kind_of_rotation",
        as_it_is,
        ((FollowedFile, "_was_replaced", lambda _self: False),),
        "should be .*after 0.*found none",
    ),
    (
        "kind_of_rotation",
        as_it_is,
        ((FollowedFile, "_was_truncated", lambda _self: False),),
        "should be .*after 0",
    ),
    ("flood_of_equal", mangled(without_repeats), (), "record 2 of 10000 .* found none"),
    ("known_by_the_ids", WithoutQueries, (), "came as .'OtherEvent'"),
    ("who_takes_records", mangled(swallowing), (), NEVER),
    ("end_of_the_block", WithoutEnd, (), "tasks live on"),
    ("end_of_the_block", InAGroup, (), "own error became"),
]
CLAUSES = [name for name in dir(LogEngineConformance) if name.startswith("test_")]


def clause_of(part: str) -> str:
    (found,) = [name for name in CLAUSES if part in name]
    return found


@pytest.mark.parametrize(
    ("part", "wrap", "patches", "reason"), MUTANTS, ids=[f"{each[0]}: {each[-1]}" for each in MUTANTS]
)
def test_log_engine_that_breaks_a_promise_is_refused_for_it(
    part: str,
    wrap: Wrap,
    patches: tuple[Patch, ...],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Kit(FileTailKit):
        seconds = 0.3 if reason == NEVER else 30.0

        def open_log(self, directory: Path) -> LogBench:
            bench = super().open_log(directory)
            return LogBench(wrap(bench.engine), bench.testnet, bench.write, bench.rotations)

    for owner, name, replacement in patches:
        monkeypatch.setattr(owner, name, replacement)

    with pytest.raises(AssertionError, match=reason):
        getattr(Kit(), clause_of(part))(tmp_path)


def test_every_clause_has_a_mutant() -> None:
    assert sorted({clause_of(each[0]) for each in MUTANTS}) == CLAUSES
