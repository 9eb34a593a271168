"""A run in which nothing can happen any more: who waits, and where."""

import asyncio
from collections.abc import Iterable, Set
from typing import Any

from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.schedulables import SimulatedTask
from coda_executive.errors import InternalError


class SimulationDeadlock(InternalError):
    """Nothing is left to do, and the run has not ended. The text names each pending task and where it
    waits.
    """


def deadlock(now: float, tasks: Iterable[SimulatedTask], frozen: Set[Process]) -> SimulationDeadlock:
    lines = [
        f"nothing is left to do at {now:.9g} s of virtual time, and the run has not ended. "
        f"Each pending task waits for something that no timer and no other task will bring:"
    ]
    for task in tasks:
        whose = "" if task.process is None else f" of {task.process.name}"
        state = ", which is frozen" if task.process in frozen else ""
        lines.append(f"  {task.get_name()}{whose}{state} waits at {_waits_at(task)}")
    return SimulationDeadlock("\n".join(lines))


def _waits_at(task: asyncio.Task[Any]) -> str:
    """The innermost await outside asyncio, and the asyncio function below it."""
    place, below = "its start", ""
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            if str(frame.f_globals.get("__name__", "")).startswith("asyncio"):
                below = f" ({frame.f_code.co_qualname})"
            else:
                place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
                below = ""
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return place + below
