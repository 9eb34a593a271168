"""The worker of a search: a process that makes the attempts it is told on standard input, one after another.

The first line is a Start, each further one an Attempt; each Attempt is answered by one line with its Result.
The end of the input ends the worker: so it does not outlive who started it, however that died. What makes an attempt
impossible, such as a full disk, is told in words, and ends it with `CANNOT`.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import msgspec

from coda_executive.errors import ConfigError, ExecutiveError
from coda_executive.exploration.attempt import Attempt, Attempter, Setup

CANNOT = 3  # the exit code
REMEDY = "free some space there, or set TMPDIR to a directory on another disk"


class Start(msgspec.Struct, frozen=True):
    """`scratch` is a directory for the worker alone, within `shared` that the whole search has. An attempt that takes
    longer than `limit_seconds` of real time ends the worker.
    """

    setup: Setup
    scratch: str
    shared: str
    limit_seconds: int


def main() -> None:
    """Serve until the input ends."""
    # Results go where standard output was; what a test prints must not get between them.
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    owner = os.getppid()
    scratch = Path(start.scratch)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        attempter = Attempter(start.setup, scratch)
        for line in sys.stdin.buffer:
            signal.alarm(start.limit_seconds)  # unhandled, it ends the process: a loop without end too
            result = attempter.make(msgspec.json.decode(line, type=Attempt))
            signal.alarm(0)
            replies.write(msgspec.json.encode(result) + b"\n")
    except (ExecutiveError, OSError) as error:
        remedy = "" if isinstance(error, ConfigError) else f"; {REMEDY}"
        sys.stderr.write(f"{error}{remedy}\n")
        sys.exit(CANNOT)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if os.getppid() != owner:  # it was killed: whichever worker ends last leaves nothing
            shutil.rmtree(start.shared, ignore_errors=True)


if __name__ == "__main__":
    main()
