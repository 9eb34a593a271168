"""Sync after heal: a node that comes back reaches, within a time T, the height that the others had then.

Coming back is: resumed, initialised again after a start, or any node when the last fault was healed. The wait
is called off when the node goes away again, a fault begins, or nobody is left to learn the height from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.observation.history import FaultBegan, FaultEnded
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ChainReset, ObservedChain, TipAdopted
from coda_executive.validation.validator import Handler, RunFacts, Validator


@dataclass(slots=True)
class _Due:
    height: int
    deadline_ns: int
    healed: Sighting
    helpers: set[NodeId]  # those that had the height at the healing and have been there since
    evidence: Sighting  # of the height


class SyncAfterHeal(Validator):
    name = "sync-after-heal"
    cannot_fail = "no node came back that was behind"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self.about = (
            f"nodes that came back were in sync again within {facts.heal_slots} slots and "
            f"{facts.heal_seconds:g} s"
        )
        self._limit_ns = facts.heal_ns
        self._tips: dict[NodeId, tuple[int, Sighting]] = {}  # the last heights, also of nodes that are away
        self._away: set[NodeId] = set()
        self._due: dict[NodeId, _Due] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {
            TipAdopted: self._on_tip,
            ChainReset: lambda seen, _event: self._leave(seen.node),
            NodeStarted: self._on_start,
            NodeInitialized: self._on_back,
            NodeResumed: self._on_back,
            NodePaused: self._on_gone,
            NodeStopped: self._on_gone,
            NodeKilled: self._on_gone,
            NodeCrashed: self._on_gone,
            FaultBegan: lambda _seen, _record: self._due.clear(),
            FaultEnded: self._on_healed,
        }

    def finish(self, end_ns: int) -> None:
        self._expire(end_ns)
        self.doubt = self.doubt or self._chain.doubt

    def _on_start(self, seen: Sighting, event: NodeStarted) -> None:
        if event.fresh_state:
            self._tips.pop(seen.node, None)

    def _on_back(self, seen: Sighting, _event: object) -> None:
        self._expire(seen.time_ns)
        self._away.discard(seen.node)
        self._begin(seen.node, seen)

    def _on_healed(self, seen: Sighting, _record: FaultEnded) -> None:
        for node in self._tips:
            if node not in self._away:
                self._begin(node, seen)

    def _begin(self, back: NodeId, seen: Sighting) -> None:
        if self._chain.faults.is_any_active:
            return
        present = {node: tip for node, tip in self._tips.items() if node not in self._away}
        height, evidence = max(present.values(), key=lambda tip: tip[0], default=(0, None))
        if evidence is None or self._tips.get(back, (0, seen))[0] >= height:
            return
        helpers = {node for node, tip in present.items() if tip[0] >= height}
        self._due[back] = _Due(height, seen.time_ns + self._limit_ns, seen, helpers, evidence)

    def _on_gone(self, seen: Sighting, _event: object) -> None:
        self._expire(seen.time_ns)
        self._away.add(seen.node)
        self._leave(seen.node)

    def _leave(self, gone: NodeId) -> None:
        self._due.pop(gone, None)
        for node, due in list(self._due.items()):
            due.helpers.discard(gone)
            if not due.helpers:
                del self._due[node]

    def _on_tip(self, seen: Sighting, tip: ChainBlock) -> None:
        height = tip.height
        self._tips[seen.node] = (height, seen)
        if not self._due:
            return
        self._expire(seen.time_ns)
        due = self._due.get(seen.node)
        if due is not None and height >= due.height:
            del self._due[seen.node]
            self.chances += 1

    def _expire(self, now_ns: int) -> None:
        for node, due in list(self._due.items()):
            if now_ns <= due.deadline_ns:
                continue
            del self._due[node]
            reached, tip = self._tips.get(node, (0, None))
            self.violated(
                f"{node} came back at {due.healed.time_ns / 1e9:.1f} s, when the chain had height {due.height}, "
                f"and {self._limit_ns / 1e9:g} s later its best tip is at {reached or 'no height at all'}",
                (due.evidence, due.healed, tip),
            )
