"""A log in memory, for tests of those who write to it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coda_protocol.log_message import EncodedLine, decode_log_message, metadata_of
from coda_protocol.structured_events import Level, StructuredEvent


@dataclass(frozen=True)
class WrittenLine:
    """A line as its reader sees it."""

    line: bytes
    time_ns: int
    level: Level
    message: str
    event_id: str | None
    metadata: dict[str, Any]


@dataclass
class RecordingSink:
    """Takes all lines."""

    records: list[WrittenLine] = field(default_factory=list)
    level: Level = Level.TRACE

    def taker(self, message: str, event_id: str | None) -> Any:
        del message, event_id
        return self._take

    def _take(self, line: EncodedLine) -> None:
        read = decode_log_message(line.text)
        microseconds = round(datetime.fromisoformat(read.timestamp or "").timestamp() * 1e6)
        self.records.append(
            WrittenLine(
                line.text,
                microseconds * 1000,
                Level.of_text(read.level),
                read.message,
                read.event_id,
                metadata_of(read),
            )
        )

    def messages(self, level: Level = Level.TRACE) -> list[str]:
        return [record.message for record in self.records if record.level >= level]

    def events(self, *wanted: StructuredEvent) -> list[str]:
        """Messages of structured events in order; of the wanted ones only, if any are named."""
        ids = {event.id: event.name for event in wanted}
        return [
            ids.get(record.event_id, record.message)
            for record in self.records
            if record.event_id is not None and (not ids or record.event_id in ids)
        ]

    def complaints(self) -> list[str]:
        return [
            f"{record.message} {record.metadata}" for record in self.records if record.level >= Level.ERROR
        ]
