"""One life of a daemon of the fake engine: what its script is given to act with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from coda_executive.config.plan import PlannedNode
from coda_protocol.log_message import Source, encode_log_message
from coda_protocol.structured_events import BY_NAME, Level

INTERRUPTED = 130  # daemon contract A.8


@dataclass(slots=True)
class FakeProcess:
    """`state` is what the node keeps over its restarts; a fresh start empties it. `asked` is set when the
    daemon is asked to end.
    """

    planned: PlannedNode
    state: dict[str, Any]
    genesis_ms: int
    write_line: Callable[[str], None]
    clock_ns: Callable[[], int]
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_listening: bool = False

    def listen(self) -> None:
        """From now on the node's client is answered."""
        self.is_listening = True

    def log(self, message: str, *, level: Level = Level.INFO, **metadata: Any) -> None:
        """Write a log record without event id; keywords are its metadata."""
        self._write(message, level, metadata, None)

    def tell(self, event: str, **metadata: Any) -> None:
        """Write the structured event of that name, such as "Starting_transition_frontier_controller"."""
        known = BY_NAME[event]
        self._write(known.message, known.level, metadata, known.id)

    def _write(self, message: str, level: Level, metadata: dict[str, Any], event_id: str | None) -> None:
        line = encode_log_message(
            timestamp_ns=self.clock_ns(),
            level=level,
            source=Source("Fake", ""),
            message=message,
            metadata=metadata,
            event_id=event_id,
        )
        self.write_line(line.decode())

    async def until_genesis(self) -> None:
        rest = self.genesis_ms / 1000 - self.clock_ns() / 1e9
        await asyncio.sleep(max(0.0, rest))


Conduct = Callable[[FakeProcess], Awaitable[int]]


async def idle(process: FakeProcess) -> int:
    """A daemon that boots, is initialised at genesis, and waits to be asked to end. Of its arguments it looks
    for one only: `-no-such-flag`, which it does not know.
    """
    if "-no-such-flag" in process.planned.arguments:
        process.write_line("unknown flag -no-such-flag")
        return 1
    process.log("Mina daemon is booting up")
    process.log("This is a fake", level=Level.WARN)
    process.listen()
    initializing = asyncio.ensure_future(process.until_genesis())
    ending = asyncio.ensure_future(process.asked.wait())
    try:
        await asyncio.wait([initializing, ending], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            process.tell("Starting_transition_frontier_controller")
        await ending
    finally:
        initializing.cancel()
        ending.cancel()
    process.log("Mina process was interrupted by $signal", signal="SIGTERM")
    return INTERRUPTED
