"""The tiny daemon as the simulation finds daemons: by an entry point's object."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.tiny_daemon import daemon, words


class TinyDaemon:
    def __init__(self, patience: daemon.Patience | None = None) -> None:
        self._patience = patience or daemon.Patience()

    def build(self) -> tuple[str, Mapping[str, str]]:
        return words.VERSION, {name: event[0] for name, event in words.EVENTS.items()}

    async def run(self, arguments: Sequence[str], host: Any) -> int:
        return await daemon.run(arguments, host, self._patience)

    async def run_beside(self, arguments: Sequence[str], host: Any) -> int:
        if list(arguments[:2]) == ["internal", "snark-worker"]:
            return await daemon.work(arguments[2:], host)
        host.console.err(f"tiny has no {' '.join(arguments[:2])}")
        return 1
