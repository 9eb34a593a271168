"""Applies faults to a testnet and undoes them.

A fault becomes effects on single nodes and links. Several faults may want the same effect: the last one
counts, and it ends with the last of them. So each effect has a wanted and a real state, and whatever changes
the wanted one brings the real one after it.

Before anything is done it is in the journal and in the history. Afterwards it is looked whether it was: a
partition that lets messages through, or a link that is still slow after its healing, is an error of the
infrastructure.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError, FaultError
from coda_executive.events.event import NodeCrashed
from coda_executive.interfaces.capabilities import ABILITIES
from coda_executive.interfaces.testnet import Testnet
from coda_executive.nemesis.effects import AnyEffect, Down, Key, TroubledDisk
from coda_executive.nemesis.faults import Fault, disturbed
from coda_executive.nemesis.journal import Applying, Healed, NemesisJournal, Scheduled
from coda_executive.nemesis.schedule import DEFAULT_MOST, Drawing, PlannedFault, Schedule, draw_schedule
from coda_executive.nemesis.targets import Scene, expendable, stakes_of
from coda_executive.observation.history import FaultBegan, FaultEnded
from coda_executive.observation.router import Observation, Router


class Crashes(Protocol):
    """Who judges crashes: a daemon may end by itself over what the nemesis does to it."""

    def expect_crash(self, node: NodeId) -> None: ...

    def forbid_crash(self, node: NodeId) -> None: ...


@dataclass(frozen=True, slots=True)
class AppliedFault:
    """A fault at work; `number` is its own in the run."""

    number: int
    fault: Fault
    effects: tuple[AnyEffect, ...]

    @property
    def nodes(self) -> tuple[NodeId, ...]:
        """Whom it hits."""
        return disturbed(self.effects)


class Nemesis:
    """One run's. Everything that it applied is undone when the blocks and schedules that did so have ended."""

    def __init__(
        self, testnet: Testnet, router: Router, *, seed: int, journal: Path | None, crashes: Crashes
    ) -> None:
        self._testnet = testnet
        self._router = router
        self._seed = seed
        self._journal = NemesisJournal(journal)
        self._crashes = crashes
        self._count = 0
        self._wanted: dict[Key, list[tuple[int, AnyEffect]]] = {}
        self._real: dict[Key, AnyEffect] = {}
        self._ever: dict[Key, AnyEffect] = {}
        self._lenient: dict[NodeId, None] = {}
        self._gone: dict[NodeId, None] = {}
        self._turns: defaultdict[NodeId, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def active(self) -> tuple[AnyEffect, ...]:
        """What is wanted now, as far as it counts."""
        return tuple(stack[-1][1] for stack in self._wanted.values())

    def forget(self, node: NodeId) -> None:
        """A node leaves the testnet: nothing of what disturbs it, or links with it, is to be undone."""
        self._gone[node] = None
        self._lenient.pop(node, None)
        for effects in (self._wanted, self._real, self._ever):
            for key in [key for key in effects if node in key[1:]]:
                del effects[key]

    @asynccontextmanager
    async def applied(self, fault: Fault, *, key: str | None = None) -> AsyncIterator[AppliedFault]:
        """Hold a fault for the length of the block, whatever ends it; its beginning and end are in the history.

        `key` names the stream of chance that draws whom it hits; by default it is the fault's number in the
        run. Raises ConfigError if the nodes are not capable of it, FaultError if it has no effect or is not
        undone.
        """
        began = self._begin(fault, key)
        try:
            await self._bring_about(began.effects)
            await self._check_present(began)
            yield began
        finally:
            await self._heal(began)

    def draw(
        self,
        *,
        seconds: float,
        most: int = DEFAULT_MOST,
        kinds: Sequence[str] = (),
        wiped: Sequence[NodeId] | None = None,
    ) -> Schedule:
        """A schedule from the run's seed, of faults that all nodes are capable of; see `schedule.Drawing`. The
        network is not split for longer than k / 2 slots. Only the nodes `wiped` lose their disks; by default so
        few, drawn once, that half of the stake keeps its state.
        """
        nodes, constants = self._testnet.nodes, self._testnet.plan.constants
        slot_seconds = constants.slot_ms / 1000
        drawing = Drawing(
            seconds=seconds,
            slot_seconds=slot_seconds,
            nodes=len(nodes),
            capabilities=[
                ability for ability in ABILITIES if all(isinstance(node, ability) for node in nodes)
            ],
            longest_split=constants.k / 2 * slot_seconds,
            expendable=self._expendable() if wiped is None else wiped,
            most=most,
            kinds=kinds,
        )
        return draw_schedule(Random(f"{self._seed}:fault schedule"), drawing)  # noqa: S311  repeatable on purpose

    def _expendable(self) -> Sequence[NodeId]:
        names = [node.id for node in self._testnet.nodes]
        stream = Random(f"{self._seed}:expendable nodes")  # noqa: S311
        return expendable(stream.sample(names, len(names)), stakes_of(self._testnet))

    async def run(self, schedule: Schedule) -> None:
        """Apply the faults of a schedule, each in its time; then heal, and prove that all is healed.

        Returns after the schedule's time, or as soon as a node crashed that may not: its run is decided. Nodes
        that ended by themselves over a fault that may make them do so are started again. Raises as `applied`
        does, and FaultError with all that is not healed.
        """
        self._journal.note(Scheduled(schedule))
        began = asyncio.get_running_loop().time()
        is_decided = asyncio.Event()

        def watch(seen: Observation) -> None:
            if seen.node not in self._lenient:
                is_decided.set()

        unsubscribe = self._router.subscribe(watch, (NodeCrashed,))
        try:
            async with asyncio.TaskGroup() as group:
                running = [
                    group.create_task(self._run_planned(planned, began), name=f"fault {planned.key}")
                    for planned in schedule.faults
                ]
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(began + schedule.seconds):
                        await is_decided.wait()
                    for task in running:
                        task.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            unsubscribe()
        await self.prove_healed()

    async def prove_healed(self) -> None:
        """Start what is down, and look at everything that was ever disturbed. Raises FaultError.

        For an engine that can say so: every link lets a message through and has its own shape again, clocks
        are right, disks and processors well, and every node runs. From here on a crash is an error again.
        """
        await self._revive()
        left = [f"{self._named(stack)} is still wanted" for stack in self._wanted.values()]
        left += await self._left(self._ever.values())
        left += [
            f"{node.id} does not run"
            for node in self._testnet.nodes
            # A crash is the daemon's, and told as such.
            if not node.is_running and self._router.state.node(node.id).crash is None
        ]
        if left:
            raise FaultError("not healed: " + "; ".join(left))
        for node in self._lenient:
            self._crashes.forbid_crash(node)
        self._lenient.clear()
        self._ever.clear()

    async def _run_planned(self, planned: PlannedFault, began: float) -> None:
        await _sleep_until(began + planned.start)
        async with self.applied(planned.fault, key=str(planned.key)):
            await _sleep_until(began + planned.start + planned.duration)

    def _begin(self, fault: Fault, key: str | None) -> AppliedFault:
        """All that is decided before anything is done: whom it hits, and a note of it."""
        self._count += 1
        number = self._count
        stream = Random(f"{self._seed}:nemesis:{number if key is None else key}")  # noqa: S311
        effects = fault.effects(Scene(self._testnet, self._router.state), stream)
        began = AppliedFault(number, fault, effects)
        for node in (self._testnet.node(name) for name in began.nodes):
            lacking = [need.__name__ for need in fault.needs if not isinstance(node, need)]
            if lacking:
                raise ConfigError(
                    f"{fault} cannot be applied to {node.id}: it is not {', '.join(lacking)} on this engine. "
                    f"List it in the test's `needs`, and the test is skipped where it is missing."
                )
        self._journal.note(Applying(number, str(fault), effects))
        self._router.record(FaultBegan(number, type(fault).__name__, str(fault), began.nodes))
        for effect in effects:
            self._wanted.setdefault(effect.key, []).append((number, effect))
            self._ever[effect.key] = effect
            if isinstance(effect, TroubledDisk) and effect.fault.is_full:
                self._allow_crash(effect.node)
        return began

    async def _heal(self, began: AppliedFault) -> None:
        effects = [effect for effect in began.effects if not set(effect.key[1:]) & set(self._gone)]
        for effect in effects:
            stack = [each for each in self._wanted[effect.key] if each[0] != began.number]
            if stack:
                self._wanted[effect.key] = stack
            else:
                del self._wanted[effect.key]
        await self._bring_about(effects)
        await self._revive()
        left = await self._left(effects)
        if left:
            raise FaultError(f"{began.fault} is not healed: {'; '.join(left)}")
        self._journal.note(Healed(began.number))
        self._router.record(FaultEnded(began.number, type(began.fault).__name__))

    async def _bring_about(self, effects: Iterable[AnyEffect]) -> None:
        """Make the real state the wanted one, on all nodes at once and on each in order."""
        by_node: dict[NodeId, list[Key]] = {}
        for effect in effects:
            by_node.setdefault(effect.node, []).append(effect.key)
        await _together(self._settle(node, keys) for node, keys in by_node.items())

    async def _settle(self, name: NodeId, keys: list[Key]) -> None:
        node: Any = self._testnet.node(name)
        async with self._turns[name]:
            for key in keys:
                wanted = self._wanted[key][-1][1] if key in self._wanted else None
                real = self._real.get(key)
                if wanted is None and real is not None:
                    if isinstance(real, Down) and self._wanted:
                        self._allow_crash(name)  # a node that is started finds no peer behind a partition
                    await real.undo(node)
                    del self._real[key]
                elif wanted is not None and wanted != real:
                    self._real[key] = wanted
                    await wanted.apply(node)

    async def _revive(self) -> None:
        """Start what ended by itself, and nobody wants down."""
        wanted = {effect.node for effect in self.active if isinstance(effect, Down)}
        gone = [
            node for node in self._lenient if node not in wanted and not self._testnet.node(node).is_running
        ]
        await _together(self._start(name) for name in gone)

    async def _start(self, name: NodeId) -> None:
        async with self._turns[name]:
            await self._testnet.node(name).start()

    def _allow_crash(self, node: NodeId) -> None:
        self._lenient[node] = None
        self._crashes.expect_crash(node)

    async def _check_present(self, began: AppliedFault) -> None:
        async def look(effect: AnyEffect) -> str | None:
            node: Any = self._testnet.node(effect.node)
            missing = await effect.missing(node)
            # Somebody else may have taken it over meanwhile.
            return missing if self._real.get(effect.key) == effect else None

        missing = [problem for problem in await _together(map(look, began.effects)) if problem]
        if missing:
            raise FaultError(f"{began.fault} has no effect: {'; '.join(missing)}")

    async def _left(self, effects: Iterable[AnyEffect]) -> list[str]:
        """What of effects that nobody wants any more is still there. Where another fault is at work meanwhile,
        that is looked at later.
        """

        def is_disturbed(effect: AnyEffect) -> bool:
            return any(key[1:] == effect.key[1:] for key in self._wanted)

        async def look(effect: AnyEffect) -> str | None:
            node: Any = self._testnet.node(effect.node)
            left = await effect.left(node)
            return None if is_disturbed(effect) else left

        unwanted = [effect for effect in effects if not is_disturbed(effect)]
        return [problem for problem in await _together(map(look, unwanted)) if problem]

    @staticmethod
    def _named(stack: list[tuple[int, AnyEffect]]) -> str:
        return f"{stack[-1][1]} of fault {stack[-1][0]}"


async def _sleep_until(time: float) -> None:
    await asyncio.sleep(max(0.0, time - asyncio.get_running_loop().time()))


async def _together(calls: Iterable[Any]) -> list[Any]:
    """The results, in order. The first error is raised as it is, once all have ended."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
