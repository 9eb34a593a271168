"""The entry point by which a simulation finds this daemon: the same code as the process, on the host that it
is given.
"""

from collections.abc import Mapping, Sequence

from coda_daemon.build import commit
from coda_daemon.ports import Host
from coda_protocol.structured_events import BY_NAME


class SimulatedDaemon:
    """The reference daemon for a simulation."""

    async def run(self, arguments: Sequence[str], host: Host) -> int:
        """Run a node with what follows `coda daemon`, and return its exit code."""
        from coda_daemon.daemon import run_daemon

        return await run_daemon(arguments, host)

    async def run_beside(self, arguments: Sequence[str], host: Host) -> int:
        """Run what follows `coda`, other than a node, and return its exit code."""
        match arguments:
            case ["internal", "snark-worker", *rest]:
                from coda_daemon.snark.worker_process import run_snark_worker

                return await run_snark_worker(rest, host)
            case ["archive", *rest]:
                from coda_daemon.archive.process import run_archive

                return await run_archive(rest, host)
        host.console.err(f"a simulation does not host: coda {' '.join(arguments[:2])}")
        return 1

    def build(self) -> tuple[str, Mapping[str, str]]:
        """The version, and the ids of structured events by name."""
        return commit(), {event.name: event.id for event in BY_NAME.values()}


DAEMON = SimulatedDaemon()
