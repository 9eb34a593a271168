"""What some engines can besides running a test: keep a testnet up after the command that deployed it, and find
what dead runs left. Optional, as the abilities of nodes are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from coda_executive.config.node_id import NodeId


@dataclass(frozen=True, slots=True)
class KeptNode:
    """`pid` is None for a node that is stopped or runs where processes have no number here. `companions` are
    the pids of the processes beside it by name, None for those that do not run.
    """

    id: NodeId
    is_running: bool
    pid: int | None
    companions: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptTestnet:
    """A testnet that is up without a command that owns it.

    `directory` is that of the run that deployed it. It is destroyed after `lease` seconds without use, of which
    `seconds_left` remain. `nodes` are in no certain order.
    """

    name: str
    directory: Path
    lease: float
    seconds_left: float
    nodes: tuple[KeptNode, ...]


@runtime_checkable
class Keeper(Protocol):
    """An engine that keeps testnets up; the managers of its runs are Detachable. Each method raises
    EngineError.
    """

    def kept(self) -> Sequence[KeptTestnet]:
        """The testnets of this user that are up, sorted by name."""

    def renew(self, name: str, lease: float | None) -> None:
        """Begin the lease anew, of another length in seconds if not None."""

    def start_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        """Start daemons as they were first started; those that run are left alone."""

    def stop_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        """Stop daemons; their state stays."""

    def destroy_kept(self, name: str) -> None:
        """Stop everything and free what the testnet holds. Evidence stays. Raises LeakError for what
        remains.
        """


@runtime_checkable
class Detachable(Protocol):
    """A manager that can leave its testnet to a lease."""

    async def keep_up(self, name: str, lease_seconds: float) -> None:
        """Let go of the deployed testnet, under a name that no other kept one has.

        `destroy` then does nothing. Raises EngineError, and the testnet is as before.
        """


class Leftover(Protocol):
    """What one dead run left."""

    @property
    def label(self) -> str: ...

    @property
    def directory(self) -> str:
        """The run's directory, or "" where that is not known."""

    @property
    def age(self) -> float:
        """Seconds since the run was last seen to live."""

    @property
    def things(self) -> tuple[str, ...]:
        """What is still there, each in one line."""

    def remove(self) -> None:
        """Remove all of it; what is gone is no error. Raises LeakError for what stays."""


@runtime_checkable
class Cleanable(Protocol):
    """An engine that finds what dead runs left, also those of earlier boots."""

    def find_leftovers(self, older_than: float) -> Sequence[Leftover]:
        """Of dead runs at least that many seconds old; changes nothing. Raises EngineError."""
