"""Daemons that can live in the simulation, found by entry point (group
`coda_executive.simulated_daemons`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Protocol

from coda_executive.engines.simulation.host import SimulatedHost
from coda_executive.errors import DeployError

GROUP = "coda_executive.simulated_daemons"
REFERENCE_DAEMON = "coda"


class SimulatedDaemon(Protocol):
    """What the entry point's object offers. It must take time, chance, network and files from the host
    only.
    """

    async def run(self, arguments: Sequence[str], host: SimulatedHost) -> int:
        """One life of the daemon; `arguments` follow its command. Returns the exit code."""

    async def run_beside(self, arguments: Sequence[str], host: SimulatedHost) -> int:
        """One life of another program of the daemon's, such as a SNARK worker; `arguments` follow its name, as
        "internal", "snark-worker", …
        """

    def build(self) -> tuple[str, Mapping[str, str]]:
        """Version, and structured event ids by name."""


def daemon_names() -> tuple[str, ...]:
    return tuple(sorted({entry.name for entry in _entries(entry_points)}))


@cache  # looking through all that is installed takes as long as an hour of a small network
def _entries(installed: Callable[..., EntryPoints]) -> tuple[EntryPoint, ...]:
    return tuple(installed(group=GROUP))


def find_daemon(name: str) -> SimulatedDaemon:
    """Raises DeployError with the names there are."""
    for entry in _entries(entry_points):
        if entry.name == name:
            daemon: SimulatedDaemon = entry.load()
            return daemon
    names = ", ".join(daemon_names()) or "none"
    raise DeployError(
        f"no simulated daemon is named {name!r}; there are: {names}. The simulation hosts Python daemons that are "
        f"installed with an entry point in {GROUP}; a program or an image needs another engine."
    )
