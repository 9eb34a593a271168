"""The only place that reads the wall clock and the machine's monotonic clock.

Code that runs under an engine's loop takes its time from `loop.time()`; what is here is for names of
directories, time stamps in evidence, and the pace at which a terminal is refreshed.
"""

import time
from datetime import UTC, datetime


def wall_time() -> datetime:
    """Now, with time zone UTC."""
    return datetime.now(UTC)


def wall_time_ns() -> int:
    """Nanoseconds since the Unix epoch."""
    return time.time_ns()


def monotonic() -> float:
    """Seconds on a clock that is never set back; only differences mean anything."""
    return time.monotonic()
