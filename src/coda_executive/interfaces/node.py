"""One daemon of a testnet."""

from typing import Protocol

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role
from coda_executive.interfaces.client import NodeClient


class Node(Protocol):
    """One daemon of a testnet, running or not. What only some engines can is in `capabilities`."""

    @property
    def id(self) -> NodeId: ...

    @property
    def role(self) -> Role: ...

    @property
    def is_running(self) -> bool:
        """Whether its process exists, frozen ones included."""

    @property
    def node_id_json(self) -> str:
        """What identifies the node on its infrastructure (pid, container, pod), as one JSON object."""

    @property
    def client(self) -> NodeClient: ...

    async def start(self, *, fresh_state: bool = False) -> None:
        """Start the daemon; with `fresh_state` its configuration directory is emptied first.

        Returns once the process exists, not once it is initialised. Does nothing if it runs. Raises
        DeployError.
        """

    async def stop(self) -> None:
        """Ask the daemon to exit and return once it has, by force after the engine's stop limit. Its state
        stays.

        Does nothing if it is stopped.
        """
