"""Signals to the executive take one path: cancel what is going on, destroy the testnet, tell what was
interrupted.

The second SIGINT forces: it also cancels the orderly destruction, and what owns the nodes ends them when we
are gone.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
EXIT_INTERRUPTED = 130


@dataclass(slots=True)
class Interruption:
    """What has arrived so far: the name of the first signal, how many SIGINT, and whether destruction was
    forced.
    """

    signal_name: str | None = None
    count: int = 0
    forced: bool = False


@contextmanager
def interruptible(notice: Callable[[str], None]) -> Iterator[Interruption]:
    """Hold the signal handlers for the length of a block in the current task; `notice` is told in one line
    what happens.

    The first signal cancels the task, a second SIGINT cancels it again (it is then destroying), a third ends
    the process at once.
    """
    interruption = Interruption()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task is not None

    def handle(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if interruption.signal_name is None:
            interruption.signal_name, interruption.count = name, 1
            notice(f"{name}: stopping the testnet; a second Ctrl-C forces")
            loop.call_soon_threadsafe(task.cancel)
        elif number == signal.SIGINT:
            interruption.count += 1
            if interruption.count > 2:
                os._exit(EXIT_INTERRUPTED)
            interruption.forced = True
            notice("forced: leaving the nodes to be killed")
            loop.call_soon_threadsafe(task.cancel)

    # Not loop.add_signal_handler: the simulation's loop has none, and both take a call from a signal handler.
    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
