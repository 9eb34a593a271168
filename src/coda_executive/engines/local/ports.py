"""Ports for nodes: leased so that any number of runs on one machine never get the same one.

They lie below the range from which the kernel takes the ports of outgoing connections. A run's leases stand
in its journal and last as long as its lock. Until a node is started its ports are also held by bound sockets,
against programs that know nothing of leases.
"""

import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from coda_executive.engines.local.journal import (
    Journal,
    journal_paths,
    locked_if_dead,
    read_journal,
    state_lock,
)
from coda_executive.errors import DeployError

LOWEST_PORT = 10_000
SMALLEST_RANGE = 1_000


def port_range(ephemeral: str | None = None) -> range:
    """The ports that may be leased. `ephemeral` is the text of `ip_local_port_range`, the machine's own by
    default.

    Above the ephemeral range only where it begins so low that there is no room below. Raises DeployError
    without room on either side.
    """
    if ephemeral is None:
        ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    low, high = (int(number) for number in ephemeral.split())
    for candidate in (range(LOWEST_PORT, low), range(high + 1, 1 << 16)):
        if len(candidate) >= SMALLEST_RANGE:
            return candidate
    raise DeployError(
        f"net.ipv4.ip_local_port_range is {low} to {high} and leaves no {SMALLEST_RANGE} ports "
        f"outside of it above {LOWEST_PORT}; narrow it, for example to 32768 to 60999"
    )


class PortLease:
    """The ports of one run. They stay leased until the journal is removed; the sockets are given up one by
    one.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._held: dict[int, socket.socket] = {}
        self.ports: tuple[int, ...] = ()

    def take(self, count: int) -> tuple[int, ...]:
        """Lease `count` more ports and hold each by a bound socket. Raises DeployError."""
        with state_lock():
            taken = _leased_ports() | set(self.ports)
            held = _hold(count, self._candidates(), taken)
            self._held |= held
            self.ports += tuple(held)
            self._journal.note(ports=list(held))
        return tuple(held)

    def give_up(self, ports: Iterable[int]) -> None:
        """Close the sockets that hold these ports: their daemon is about to bind them. Not held is no
        error.
        """
        for port in ports:
            holder = self._held.pop(port, None)
            if holder is not None:
                holder.close()

    def close(self) -> None:
        """Close all sockets that are still held."""
        self.give_up(self.ports)

    def _candidates(self) -> Iterator[int]:
        """All ports of the range, from a place of the run's own: runs of other users, whose journals we
        cannot see, spread.
        """
        ports = port_range()
        offset = Random(f"{self._journal.label}:ports").randrange(len(ports))  # noqa: S311
        yield from ports[offset:]
        yield from ports[:offset]


def _leased_ports() -> set[int]:
    """Ports in the journals of runs that live."""
    ports: set[int] = set()
    for path in journal_paths():
        with locked_if_dead(path) as dead:
            if not dead:
                try:
                    ports.update(read_journal(path).ports)
                except FileNotFoundError:
                    continue  # it ended just now
    return ports


def _hold(count: int, candidates: Iterable[int], taken: set[int]) -> dict[int, socket.socket]:
    held: dict[int, socket.socket] = {}
    for port in candidates:
        if len(held) == count:
            break
        if port in taken:
            continue
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # All addresses, and without SO_REUSEADDR: this fails whenever any daemon's bind might, also on a
            # lingering connection. It does not listen, so nothing can connect.
            holder.bind(("0.0.0.0", port))  # noqa: S104
        except OSError:
            holder.close()
            continue
        held[port] = holder
    if len(held) < count:
        for holder in held.values():
            holder.close()
        raise DeployError(
            f"{count} free ports are needed and only {len(held)} are left in {port_range()}; "
            f"end other runs, or see what dead ones left with coda-executive cleanup --dry-run"
        )
    return held
