"""How fast log lines become events, and how soon after being written they are delivered.

Run it as `python benchmarks/bench_logs.py`; bars: issue 2, a line is delivered within 10 ms of being written (p99).
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from coda_executive.config.node_id import NodeId
from coda_executive.events.parse import Parser
from coda_executive.interfaces.log_engine import LogRecord, Queries
from coda_executive.interfaces.testnet import Testnet
from coda_executive.log_engines.file_tail import FileTail
from coda_executive.observation.history import HistoryWriter
from coda_executive.observation.router import Router
from coda_protocol.log_message import Source, encode_log_message
from coda_protocol.structured_events import BLOCK_RECEIVED, BY_NAME, Level

_LINES = 100_000
_LATENCY_LINES = 1000
_EVENT_IDS = {event.name: event.id for event in BY_NAME.values()}
_FILLER = {"peer_id": "12D3Koo" + "W" * 45, "note": "x" * 350, "host": "127.0.0.1", "port": 8302}
# The writer puts the time of writing into the line; both processes read one clock, CLOCK_MONOTONIC.
_WRITER = """
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
line = sys.argv[2]
for number in range(int(sys.argv[3])):
    time.sleep(0.004)
    os.write(file, line.replace("TIME", str(time.monotonic_ns())).encode() + b"\\n")
"""


def _line(*, wanted: bool) -> bytes:
    event = BLOCK_RECEIVED if wanted else None
    return encode_log_message(
        timestamp_ns=1_714_564_805_123_456_789,
        level=Level.INFO,
        source=Source("Block_producer", 'File "src/lib/x/x.ml", line 1, characters 2-3'),
        message=event.message if event else "Nothing of interest happened on $host",
        metadata={"sender": "Local", "state_hash": "TIME", **_FILLER},
        event_id=event.id if event else None,
    )


def _encode_rate() -> str:
    began = time.perf_counter()
    for _ in range(_LINES):
        _line(wanted=True)
    return f"encode: {_LINES / (time.perf_counter() - began) / 1e3:.0f} k lines/s"


def _parse_rate(share: float) -> str:
    """Throughput where this share of the lines are wanted events."""
    every = round(1 / share)
    lines = [_line(wanted=number % every == 0) + b"\n" for number in range(_LINES)]
    chunks = [b"".join(lines[start : start + 90]) for start in range(0, _LINES, 90)]
    parser = Parser(_EVENT_IDS)
    began = time.perf_counter()
    found = sum(1 for chunk in chunks for _ in parser.parse_chunk(chunk))
    taken = time.perf_counter() - began
    size = sum(map(len, chunks))
    return (
        f"parse, {share:.1%} wanted: {_LINES / taken / 1e3:.0f} k lines/s, {size / taken / 1e6:.0f} MB/s, "
        f"{found} events of {_LINES} lines"
    )


def _testnet(node: NodeId) -> Testnet:
    return cast(Testnet, SimpleNamespace(nodes=[SimpleNamespace(id=node)]))


async def _pipeline_rate(directory: Path) -> str:
    """From a file to the history and the network's state, every line an event."""
    node, path = NodeId("node-1"), directory / "rate.log"
    path.write_bytes((_line(wanted=True) + b"\n") * _LINES)
    with HistoryWriter(directory / "history") as history:
        router = Router(history, observer=lambda _record: None)
        engine = FileTail(lambda _node: path)
        began = time.perf_counter()
        async with engine.attach(_testnet(node), Queries(_EVENT_IDS), router.deliver) as attachment:
            await attachment.drain()
        taken = time.perf_counter() - began
    return f"file to history: {_LINES / taken / 1e3:.0f} k events/s"


async def _latency(directory: Path) -> str:
    path = directory / "latency.log"
    delays: list[int] = []
    done = asyncio.Event()

    def deliver(records: Sequence[LogRecord]) -> None:
        now = time.monotonic_ns()
        delays.extend(now - int(record.event.state_hash) for record in records)  # type: ignore[union-attr]
        if len(delays) == _LATENCY_LINES:
            done.set()

    async with FileTail(lambda _node: path).attach(_testnet(NodeId("n")), Queries(_EVENT_IDS), deliver):
        line = json.dumps(json.loads(_line(wanted=True)))
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", _WRITER, path, line, str(_LATENCY_LINES)
        )
        await done.wait()
        await writer.wait()
    delays.sort()
    p50, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    return f"write to deliver: p50 {p50 / 1e6:.2f} ms, p99 {p99 / 1e6:.2f} ms, max {delays[-1] / 1e6:.2f} ms"


def run() -> list[str]:
    """One line per measurement."""
    with tempfile.TemporaryDirectory() as directory:
        return [
            _encode_rate(),
            _parse_rate(0.05),
            _parse_rate(0.001),
            _parse_rate(1),
            asyncio.run(_pipeline_rate(Path(directory))),
            asyncio.run(_latency(Path(directory))),
        ]


if __name__ == "__main__":
    print("\n".join(run()))
