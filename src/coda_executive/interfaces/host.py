"""The machine that nodes run on, where an engine can tell how busy it is. Optional, as the abilities of nodes are."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

# Beyond these a run is slow because its machine is.
MUCH_WAITING = 40.0  # per cent of the time
MUCH_DELAY = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class HostLoad:
    """How busy it is now: the load of the last minute; the parts of the last 10 s, in per cent, in which some process
    waited for a processor or for memory (None where the kernel does not say); free memory in MiB; and by how many
    seconds this process was woken too late at worst in the last minute.
    """

    cores: int
    load: float
    waiting_for_cpu: float | None
    waiting_for_memory: float | None
    free_memory_mib: int | None
    own_delay: float

    @property
    def is_overloaded(self) -> bool:
        return (
            (self.waiting_for_cpu or 0.0) > MUCH_WAITING
            or (self.waiting_for_memory or 0.0) > MUCH_WAITING / 2
            or self.own_delay > MUCH_DELAY
        )

    def __str__(self) -> str:
        waits = [
            f"{part:.0f}% of the time some process waited for {what}"
            for part, what in ((self.waiting_for_cpu, "a processor"), (self.waiting_for_memory, "memory"))
            if part is not None
        ]
        free = [] if self.free_memory_mib is None else [f"{self.free_memory_mib} MiB free"]
        busy = "overloaded: " if self.is_overloaded else ""
        told = [f"load {self.load:.1f} on {self.cores} cores", *waits, *free]
        return f"{busy}{', '.join(told)}; the executive was woken up to {self.own_delay:.2f} s late"


@runtime_checkable
class HostObserver(Protocol):
    """A manager that can tell how busy the machine of its nodes is."""

    def host_load(self) -> HostLoad: ...
