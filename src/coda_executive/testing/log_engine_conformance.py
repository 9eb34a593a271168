"""The promises of `interfaces.log_engine`, on lines that the kit itself writes: the pleasant and the odd ones."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import OtherEvent, UnreadableLine
from coda_executive.interfaces.log_engine import Attachment, LogEngine, LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet
from coda_executive.testing.promises import clause, promise
from coda_executive.testing.records import compare, expected_records
from coda_protocol.structured_events import BY_NAME

EVENT_IDS = {name: event.id for name, event in BY_NAME.items()}
NODES = (NodeId("a"), NodeId("b"))


@dataclass(frozen=True)
class LogBench:
    """A log engine, and how nodes `a` and `b` of its testnet write.

    `write` appends bytes to a node's log as its process would. `rotations` are the ways in which its log can be
    rotated, by name; none for an engine that follows no files.
    """

    engine: LogEngine
    testnet: Testnet
    write: Callable[[NodeId, bytes], None]
    rotations: Mapping[str, Callable[[NodeId], None]] = field(default_factory=dict)

    @asynccontextmanager
    async def attached(self, records: list[LogRecord]) -> AsyncIterator[Attachment]:
        async with self.engine.attach(self.testnet, Queries(EVENT_IDS), records.extend) as attachment:
            yield attachment


class LogEngineConformance:
    """Inherit, say how a bench is made, and pytest runs every clause.

    `splits_lines` is for engines that are handed whole lines, where nobody can write half of one.
    """

    seconds = 30.0
    capabilities: tuple[type, ...] = ()
    splits_lines = False

    def open_log(self, directory: Path) -> LogBench:
        """A bench in an empty directory; called on the loop of `run`."""
        raise NotImplementedError

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run(main())

    def play(
        self, body: Callable[[Any, LogBench], Awaitable[None]], directory: Path, _needs: tuple[type, ...]
    ) -> None:
        async def main() -> None:
            try:
                async with asyncio.timeout(self.seconds):
                    await body(self, self.open_log(directory))
            except TimeoutError as error:
                raise AssertionError(f"the clause was not done within {self.seconds:g} s") from error

        self.run(main)

    @clause()
    async def test_lines_written_before_the_attachment_are_delivered(self, bench: LogBench) -> None:
        records: list[LogRecord] = []
        bench.write(NODES[0], _line("the first"))
        async with bench.attached(records) as attachment:
            bench.write(NODES[0], _line("the second"))
            await attachment.drain()
        _check(records, {NODES[0]: _line("the first") + _line("the second")})

    @clause()
    async def test_each_line_comes_once_in_order_with_its_place(self, bench: LogBench) -> None:
        records: list[LogRecord] = []
        texts = {node: b"".join(_line(f"{node} says {count}") for count in range(200)) for node in NODES}
        async with bench.attached(records) as attachment:
            for node, text in texts.items():
                for piece in _pieces(text, 97):
                    bench.write(node, piece)
                    await asyncio.sleep(0)
            await attachment.drain()
        _check(records, texts)

    @clause()
    async def test_lines_come_without_being_asked_for(self, bench: LogBench) -> None:
        arrived: asyncio.Future[Sequence[LogRecord]] = asyncio.get_running_loop().create_future()
        async with bench.engine.attach(bench.testnet, Queries(EVENT_IDS), arrived.set_result):
            bench.write(NODES[0], _line("now"))
            _check([*await arrived], {NODES[0]: _line("now")})

    @clause()
    async def test_unfinished_line_is_drained_and_is_whole_once_it_is(self, bench: LogBench) -> None:
        """Nothing is judged by its first half when the second is there."""
        if self.splits_lines:
            return
        records: list[LogRecord] = []
        only_the_newline_comes_later, whole = _line("the first"), _line("all is well")
        async with bench.attached(records) as attachment:
            bench.write(NODES[1], only_the_newline_comes_later[:-1])
            await attachment.drain()
            await attachment.drain()
            promise(len(records) == 1, f"drained twice, an unfinished line came {len(records)} times")
            bench.write(NODES[1], b"\n")
            await attachment.drain()
            _check(records, {NODES[1]: only_the_newline_comes_later})
            records.clear()
            bench.write(NODES[0], whole[:20])
            await attachment.drain()
            promise(
                [record.number for record in records] == [1] and isinstance(records[0].event, UnreadableLine),
                f"drain delivers an unfinished last line too, found {records}",
            )
            records.clear()
            bench.write(NODES[0], whole[20:] + _line("next"))
            await attachment.drain()
        _check(records, {NODES[0]: whole + _line("next")})

    @clause()
    async def test_odd_lines_lose_none_of_their_neighbours(self, bench: LogBench) -> None:
        records: list[LogRecord] = []
        odd = (
            b"\n",
            b"  \n",
            b"\xff\xfe no text\n",
            b"\x00\x00\n",
            b"{}\n",
            b"[]\n",
            b"null\n",
            b'{"level": "Warn", "message": "cut o\n',
            b'{"level":"Warn","message":"a"}{"level":"Warn","message":"b"}\n',
            b"[" * 5000 + b"\n",
            b'{"level":"Warn","message":"' + b"x" * 100_000 + b'"}\n',
            b'Traceback (most recent call last):\n  File "x"\n',
            _line("with a carriage return").replace(b"\n", b"\r\n"),
        )
        text = b"".join(part + _line(f"after {index}") for index, part in enumerate(odd))
        async with bench.attached(records) as attachment:
            for piece in _pieces(text, 4099):
                bench.write(NODES[0], piece)
                await asyncio.sleep(0)
            await attachment.drain()
        _check(records, {NODES[0]: text})

    @clause()
    async def test_log_is_followed_through_every_kind_of_rotation(self, bench: LogBench) -> None:
        for rotate in bench.rotations.values():
            node = NODES[0]
            records: list[LogRecord] = []
            before = b"".join(_line(f"before {count}") for count in range(50))
            after = b"".join(_line(f"after {count}") for count in range(10))
            async with bench.attached(records) as attachment:
                bench.write(node, before)
                await attachment.drain()
                places = len(records)
                rotate(node)
                bench.write(node, after)
                await attachment.drain()
            compare(
                [record.event for record in expected_records(node, after, EVENT_IDS)],
                [record.event for record in records[places:]],
                node,
            )
            numbers = [record.number for record in records[places:]]
            first = records[places - 1].number + 1
            promise(
                numbers == list(range(first, first + 10)), f"numbers go on over a rotation, found {numbers}"
            )

    @clause()
    async def test_flood_of_equal_lines_arrives_whole(self, bench: LogBench) -> None:
        records: list[LogRecord] = []
        text = _line("again") * 10_000
        async with bench.attached(records) as attachment:
            bench.write(NODES[0], text)
            await attachment.drain()
        _check(records, {NODES[0]: text})

    @clause()
    async def test_events_are_known_by_the_ids_of_the_build(self, bench: LogBench) -> None:
        records: list[LogRecord] = []
        event = BY_NAME["Starting_transition_frontier_controller"]
        foreign = OtherEvent("0" * 32, None)
        async with bench.attached(records) as attachment:
            for event_id in (event.id, foreign.event_id):
                bench.write(
                    NODES[0], b'{"level":"Info","message":"m","event_id":"' + event_id.encode() + b'"}\n'
                )
            await attachment.drain()
        kinds = [type(record.event).__name__ for record in records]
        promise(kinds == ["NodeInitialized", "OtherEvent"], f"a known and an unknown event came as {kinds}")
        promise(records[1].event == foreign, f"an unknown id is kept, found {records[1].event}")

    @clause()
    async def test_error_of_who_takes_records_ends_the_block(self, bench: LogBench) -> None:
        def refuse(_records: Sequence[LogRecord]) -> None:
            raise KeyError("full")

        try:
            async with bench.engine.attach(bench.testnet, Queries(EVENT_IDS), refuse) as attachment:
                bench.write(NODES[0], _line("one"))
                await attachment.drain()
                await asyncio.sleep(self.seconds)
        except KeyError:
            return
        except BaseExceptionGroup as group:
            promise(group.subgroup(KeyError), f"deliver raised KeyError, the block {group!r}")

    @clause()
    async def test_end_of_the_block_leaves_no_task_and_its_error_as_it_is(self, bench: LogBench) -> None:
        before = len(asyncio.all_tasks())
        try:
            async with bench.attached([]):
                _fail()
        except ZeroDivisionError:
            pass
        except BaseExceptionGroup as group:
            promise(False, f"the block's own error became {group!r}")
        promise(len(asyncio.all_tasks()) == before, f"tasks live on: {asyncio.all_tasks()}")


def _fail() -> None:
    raise ZeroDivisionError


def _line(text: str) -> bytes:
    return b'{"timestamp":"2024-05-01 12:00:00.000000Z","level":"Warn","message":"' + text.encode() + b'"}\n'


def _pieces(text: bytes, size: int) -> list[bytes]:
    return [text[begin : begin + size] for begin in range(0, len(text), size)]


def _check(records: list[LogRecord], written: Mapping[NodeId, bytes]) -> None:
    for node, text in written.items():
        found = [record for record in records if record.node == node]
        compare(expected_records(node, text, EVENT_IDS), found, node)
