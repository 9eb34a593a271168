"""Scripts: when their lines come, and how a log becomes one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.coda_executive.testing.test_log_engines import TESTNET

from coda_executive.engines.simulation.event_loop import run
from coda_executive.events.event import ErrorLogged, NodeInitialized
from coda_executive.interfaces.log_engine import LogRecord, Queries
from coda_executive.testing import ScriptedLogEngine, read_script

WARNING = b'{"level":"Warn","message":"late"}'


def test_lines_come_at_their_times_whatever_the_order_of_the_script() -> None:
    async def main() -> list[tuple[float, LogRecord]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[float, LogRecord]] = []
        await asyncio.sleep(100)  # times count from the attachment
        engine = ScriptedLogEngine([(9.0, "a", WARNING), (5.0, "b", NodeInitialized()), (5.0, "a", b"plain")])

        def take(records: Sequence[LogRecord]) -> None:
            seen.extend((loop.time(), record) for record in records)

        async with engine.attach(TESTNET, Queries({}), take):
            await asyncio.sleep(20)
        return [(time - 100, record) for time, record in seen]

    found = run(main)

    assert [(time, record.node, record.number, record.offset) for time, record in found] == [
        (5.0, "b", 1, 0),
        (5.0, "a", 1, 0),
        (9.0, "a", 2, 6),
    ]
    assert [record.event for _, record in found][::2] == [
        NodeInitialized(),
        ErrorLogged("Warn", "late", None),
    ]


def test_log_becomes_a_script_at_its_own_pace(tmp_path: Path) -> None:
    def stamped(time: str) -> bytes:
        return b'{"timestamp":"2024-05-01 12:00:' + time.encode() + b'Z","level":"Warn","message":"m"}'

    lines = [
        b"no time",
        stamped("00.500000"),
        stamped("02.000000"),
        b"at ?",
        stamped("01.000000"),
        stamped("03.250000"),
    ]
    log = tmp_path / "daemon.log"
    log.write_bytes(b"\n".join(lines) + b"\n")

    script = read_script(log, "a")

    assert script == [
        (time, "a", line) for time, line in zip((0, 0, 1.5, 1.5, 1.5, 2.75), lines, strict=True)
    ]
