"""The archive of a node: a process that stores every block in a database (daemon contract G)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of replaying an archived chain from the genesis ledger.

    `problem` is None when the ledger of every block was found again; the counts are of what was replayed.
    """

    blocks: int
    user_commands: int
    internal_commands: int
    problem: str | None = None


class NodeArchive(Protocol):
    """The archive process beside a node, and its database."""

    @property
    def address(self) -> str:
        """HOST:PORT: what a daemon is given as `-archive-address` to feed it."""

    @property
    def is_running(self) -> bool:
        """Whether its process exists. The database is there as long as the testnet."""

    async def start(self) -> None:
        """Start the process; does nothing if it runs. It starts with its node by itself. Raises DeployError."""

    async def stop(self) -> None:
        """Stop the process: blocks that come meanwhile are missed. Does nothing if it is stopped."""

    async def rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """The rows that a query finds; `values` stand for `$1`, `$2`, … in it. Raises RequestFailed."""

    async def replay(self, state_hash: str) -> Replay:
        """Replay the chain that ends with this block. Raises RequestFailed when that says nothing either way."""


@runtime_checkable
class Archived(Protocol):
    """A node that may have an archive beside it: archive nodes do."""

    @property
    def archive(self) -> NodeArchive | None: ...
