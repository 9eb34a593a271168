"""The promises of `interfaces.keeping`, for engines that keep testnets up after the command that deployed them."""

import unittest
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from coda_executive.config.node_id import NodeId
from coda_executive.errors import EngineError
from coda_executive.interfaces.engine import Engine
from coda_executive.interfaces.keeping import Detachable, Keeper, KeptTestnet
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_executive.testing.bench import Bench
from coda_executive.testing.promises import clause, promise

_LEASE = 3600.0


class KeepingConformance:
    """The part of the kit on kept testnets; skipped for an engine that is no Keeper."""

    engine: Engine

    async def leave_trace(self, node: Node) -> object:
        raise NotImplementedError

    async def traces(self, node: Node) -> list[object]:
        raise NotImplementedError

    @property
    def keeper(self) -> Keeper:
        if not isinstance(self.engine, Keeper):
            raise unittest.SkipTest("it keeps no testnets up")
        return self.engine

    @asynccontextmanager
    async def _kept(self, bench: Bench) -> AsyncIterator[tuple[str, Testnet]]:
        """A running testnet that was let go of, under a name of its own; it is destroyed at the end."""
        keeper, name = self.keeper, bench.run_id
        testnet = await bench.running()
        promise(isinstance(bench.manager, Detachable), "a Keeper's managers can let go of their testnets")
        assert isinstance(bench.manager, Detachable)
        await bench.manager.keep_up(name, _LEASE)
        try:
            yield name, testnet
        finally:
            with suppress(EngineError):  # it may be gone already
                keeper.destroy_kept(name)

    def _find(self, name: str) -> KeptTestnet | None:
        return next((kept for kept in self.keeper.kept() if kept.name == name), None)

    def _runs(self, name: str, node: Node) -> bool:
        kept = self._find(name)
        return kept is not None and any(each.is_running for each in kept.nodes if each.id == node.id)

    @clause()
    async def test_kept_testnet_outlives_its_owner_until_it_is_destroyed(self, bench: Bench) -> None:
        async with self._kept(bench) as (name, testnet):
            await bench.manager.destroy()
            for node in testnet.nodes:
                promise(await bench.answers(node), f"destroy took {node.id} down, which is kept up")
            kept = self._find(name)
            promise(kept is not None, f"{name} is up, and kept() does not tell")
            assert kept is not None
            promise(kept.directory == bench.directory, f"kept() tells {kept.directory}, not its directory")
            promise(
                kept.lease == _LEASE and 0 < kept.seconds_left <= _LEASE,
                f"of a lease of {_LEASE:g} s, {kept.lease:g} s and {kept.seconds_left:g} s left are told",
            )
            found, there = {node.id for node in kept.nodes}, {node.id for node in testnet.nodes}
            promise(found == there, f"kept() tells of the nodes {sorted(found)}, there are {sorted(there)}")
            promise(all(node.is_running for node in kept.nodes), f"all nodes run, told is {kept.nodes}")
            self.keeper.destroy_kept(name)
            promise(self._find(name) is None, f"{name} was destroyed, and kept() still tells of it")
            for node in testnet.nodes:
                promise(not await bench.answers(node), f"{node.id} answers after its testnet was destroyed")
                promise(bench.lines(node), f"the log of {node.id} is gone, and with it the evidence")

    @clause()
    async def test_kept_node_is_stopped_and_started_with_its_state(self, bench: Bench) -> None:
        async with self._kept(bench) as (name, testnet):
            seed, other = testnet.nodes
            trace = await self.leave_trace(seed)
            for _ in range(2):
                self.keeper.stop_kept(name, [seed.id])
                await bench.until(lambda: not self._runs(name, seed), f"{seed.id} never stopped")
                promise(not await bench.answers(seed), f"{seed.id} was stopped, and answers")
            promise(self._runs(name, other), f"{other.id} went down with {seed.id}")
            for _ in range(2):
                self.keeper.start_kept(name, [seed.id])
                await bench.until(lambda: self._runs(name, seed), f"{seed.id} never started")
            await bench.until_it_answers(seed)
            promise(trace in await self.traces(seed), f"the state of {seed.id} did not outlive a stop")

    @clause()
    async def test_lease_is_begun_anew_and_unknown_names_are_refused(self, bench: Bench) -> None:
        async with self._kept(bench) as (name, _testnet):
            self.keeper.renew(name, 100.0)
            kept = self._find(name)
            promise(kept and kept.lease == 100 and kept.seconds_left <= 100, f"renewed to 100 s, told {kept}")
            self.keeper.renew(name, None)
            again = self._find(name)
            promise(again and again.lease == 100, f"begun anew with its length, told {again}")
            wrong = f"{name}-that-there-is-not"
            asked: dict[str, Callable[[], None]] = {
                "renew": lambda: self.keeper.renew(wrong, None),
                "start_kept": lambda: self.keeper.start_kept(wrong, [NodeId("seed-1")]),
                "stop_kept": lambda: self.keeper.stop_kept(wrong, [NodeId("seed-1")]),
                "destroy_kept": lambda: self.keeper.destroy_kept(wrong),
            }
            for what, ask in asked.items():
                try:
                    ask()
                except EngineError:
                    continue
                promise(False, f"{what} of a testnet that there is not raised no EngineError")

    @clause()
    async def test_name_of_a_kept_testnet_is_refused_to_another(self, bench: Bench) -> None:
        async with self._kept(bench) as (name, _testnet):
            other = bench.another("other")
            try:
                testnet = await other.running()
                assert isinstance(other.manager, Detachable)
                try:
                    await other.manager.keep_up(name, _LEASE)
                except EngineError:
                    pass
                else:
                    promise(False, f"two testnets are kept up under the name {name}")
                for node in testnet.nodes:
                    promise(
                        await other.answers(node), f"{node.id} is not as before after keep_up was refused"
                    )
            finally:
                await other.aclose()
            promise(not testnet.seeds[0].is_running, "a testnet that was not kept up was not destroyed")
