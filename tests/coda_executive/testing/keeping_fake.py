"""The fake engine as a keeper of testnets, and such that break a promise."""

import asyncio
from collections.abc import Sequence
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.interfaces.keeping import KeptNode, KeptTestnet
from coda_executive.testing import FakeEngine
from coda_executive.testing.fake_engine import FakeNetworkManager


class DetachableManager(FakeNetworkManager):
    """Satisfies Detachable. All that is kept up is kept in the class of the engine."""

    kept: dict[str, "DetachableManager"]
    lease = 0.0
    is_kept = False

    async def keep_up(self, name: str, lease_seconds: float) -> None:
        if name in self.kept:
            raise EngineError(f"{name} is up already")
        self.kept[name], self.lease, self.is_kept = self, lease_seconds, True

    async def destroy(self) -> None:
        if not self.is_kept:
            await super().destroy()

    def close_logs(self) -> None:
        for log in self._logs:
            log.close()


class KeepingFake(FakeEngine):
    """Satisfies Keeper; what takes a while goes on after the call."""

    manager: type[DetachableManager] = DetachableManager

    def __init__(self) -> None:
        super().__init__()
        self.testnets: dict[str, DetachableManager] = {}
        self.made = type("Manager", (self.manager,), {"kept": self.testnets})
        self.tasks: set[Any] = set()

    @property
    def make_manager(self) -> type[FakeNetworkManager]:
        return self.made

    def kept(self) -> Sequence[KeptTestnet]:
        return [
            KeptTestnet(
                name,
                manager.context.directory,
                manager.lease,
                manager.lease,
                tuple(KeptNode(node.id, node.is_running, None) for node in manager.nodes.values()),
            )
            for name, manager in sorted(self.testnets.items())
        ]

    def renew(self, name: str, lease: float | None) -> None:
        self.find(name).lease = lease or self.find(name).lease

    def start_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        self.do(*(self.find(name).nodes[node].start() for node in nodes))

    def stop_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        self.do(*(self.find(name).nodes[node].stop() for node in nodes))

    def destroy_kept(self, name: str) -> None:
        manager = self.find(name)
        del self.testnets[name]
        manager.is_kept = False
        for node in manager.nodes.values():
            if node._living is not None:
                node._living.cancel()
            node._process = None
        manager.close_logs()

    def find(self, name: str) -> DetachableManager:
        if name not in self.testnets:
            raise EngineError(f"no testnet is named {name}")
        return self.testnets[name]

    def do(self, *works: Any) -> None:
        for work in works:
            task = asyncio.ensure_future(work)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)


class TakenDown(KeepingFake):
    """Its kept testnets end with the command."""

    class manager(DetachableManager):  # noqa: N801
        async def destroy(self) -> None:
            await FakeNetworkManager.destroy(self)


class SharedNames(KeepingFake):
    class manager(DetachableManager):  # noqa: N801
        async def keep_up(self, name: str, lease_seconds: float) -> None:
            if name in self.kept:
                self.kept.pop(name).close_logs()
            await super().keep_up(name, lease_seconds)


class Undestroyed(KeepingFake):
    def destroy_kept(self, name: str) -> None:
        self.find(name).close_logs()


class Forgotten(KeepingFake):
    def kept(self) -> Sequence[KeptTestnet]:
        return []


class Elsewhere(KeepingFake):
    def kept(self) -> Sequence[KeptTestnet]:
        return [
            KeptTestnet(kept.name, kept.directory.parent, kept.lease, kept.seconds_left, kept.nodes)
            for kept in super().kept()
        ]


class Nodeless(KeepingFake):
    def kept(self) -> Sequence[KeptTestnet]:
        return [
            KeptTestnet(kept.name, kept.directory, kept.lease, kept.seconds_left, kept.nodes[1:])
            for kept in super().kept()
        ]


class Forgetful(KeepingFake):
    def stop_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        for node in nodes:
            self.find(name).nodes[node].state.clear()
        super().stop_kept(name, nodes)


class Unstoppable(KeepingFake):
    def stop_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        self.find(name)


class AllAtOnce(KeepingFake):
    def stop_kept(self, name: str, nodes: Sequence[NodeId]) -> None:
        super().stop_kept(name, tuple(self.find(name).nodes))


class Unrenewed(KeepingFake):
    def renew(self, name: str, lease: float | None) -> None:
        self.find(name)


class Lenient(KeepingFake):
    def renew(self, name: str, lease: float | None) -> None:
        if name in self.testnets:
            super().renew(name, lease)


KEEPERS: list[tuple[str, FakeEngine, str]] = [
    ("outlives_its_owner", TakenDown(), "destroy took seed-1 down"),
    ("outlives_its_owner", Forgotten(), "kept.. does not tell"),
    ("outlives_its_owner", Elsewhere(), "not its directory"),
    ("outlives_its_owner", Nodeless(), "tells of the nodes"),
    ("outlives_its_owner", Undestroyed(), "still tells of it"),
    ("kept_node_is_stopped", Forgetful(), "did not outlive a stop"),
    ("kept_node_is_stopped", Unstoppable(), "never stopped"),
    ("kept_node_is_stopped", AllAtOnce(), "went down with seed-1"),
    ("lease_is_begun", Unrenewed(), "renewed to 100 s"),
    ("lease_is_begun", Lenient(), "renew of a testnet that there is not"),
    ("name_of_a_kept", SharedNames(), "two testnets are kept up"),
]
