"""The command line with one phase of a run that never ends: `held_executive.py PHASE ARGUMENTS...`.

It prints HELD once the run is inside of the phase, and stays there until it is told to end. The phase "waiting" holds
by itself: its test waits for nodes that never initialise.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from coda_executive.cli.main import run_cli
from coda_executive.engines.local.manager import LocalManager
from coda_executive.engines.local.node import LocalNode
from coda_executive.engines.local.process import Guardian
from coda_executive.log_engines.file_tail import FileTail

# Phase -> what to hold, and at which call of it: the first node is deployed or started then, the second is not.
HOLDS: dict[str, tuple[type, str, int]] = {
    "deploying": (Guardian, "remove_at_end", 3),  # the first call is the handshake's
    "starting": (LocalNode, "start", 2),
    "keeping": (LocalManager, "keep_up", 1),
    "destroying": (LocalManager, "_stop", 1),
}


def hold(kind: type, name: str, turn: int) -> None:
    original: Callable[..., Any] = getattr(kind, name)
    calls = iter(range(1, 1000))

    async def held(*arguments: Any, **options: Any) -> Any:
        if next(calls) < turn:
            return await original(*arguments, **options)
        return await for_ever()

    setattr(kind, name, held)


async def for_ever() -> None:
    print("HELD", flush=True)
    await asyncio.Event().wait()


def hold_drain() -> None:
    """The log engine's attachment is made anew by each run: hold what it hands out."""
    original = FileTail.attach

    def attach(self: FileTail, *arguments: Any) -> Any:
        context = original(self, *arguments)
        enter = context.__aenter__

        class Attached:
            async def __aenter__(self) -> Any:
                self.attachment = await enter()
                return self

            async def __aexit__(self, *error: Any) -> Any:
                return await context.__aexit__(*error)

            async def drain(self) -> None:
                await for_ever()

        return Attached()

    FileTail.attach = attach  # type: ignore[method-assign, assignment]


def main(phase: str, arguments: list[str]) -> int:
    if phase == "draining":
        hold_drain()
    elif phase in HOLDS:
        hold(*HOLDS[phase])
    return run_cli(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
