"""The end of a node's log as people read it."""

from collections.abc import Sequence

from coda_executive.events.parse import filled_in
from coda_protocol.log_message import LogMessage, decode_log_message, source_of

_MOST_RECORDS = 8  # before what is no record, such as a traceback
_LONGEST = 300  # characters of a line


def readable_ending(last_lines: Sequence[str]) -> tuple[str, ...]:
    """The last records as `time LEVEL module: message`, and whatever is no record as it stands.

    Of a crash the lines that are no records tell most: all of them are shown, the older records are not.
    """
    messages = [_decoded(line) for line in last_lines]
    records = [number for number, message in enumerate(messages) if message is not None]
    first = records[-_MOST_RECORDS] if len(records) > _MOST_RECORDS else 0
    shown = [
        line if message is None else _rendered(message)
        for number, (line, message) in enumerate(zip(last_lines, messages, strict=True))
        if message is None or number >= first
    ]
    return tuple(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…" for text in shown)


def _decoded(line: str) -> LogMessage | None:
    try:
        message = decode_log_message(line.encode())
    except ValueError:
        return None
    return message if message.level or message.message else None


def _rendered(message: LogMessage) -> str:
    try:
        module = source_of(message).module
    except ValueError:
        module = ""
    time = (message.timestamp or "-").partition(" ")[2] or message.timestamp or "-"
    return f"{time} {message.level.upper()} {module + ': ' if module else ''}{filled_in(message)}"
