"""A daemon that was asked to stop keeps its tip: started again with its state, it goes on from there."""

from collections.abc import Mapping
from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    FrontierLoading,
    NodeCrashed,
    NodeKilled,
    NodeStarted,
    NodeStopped,
)
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ObservedChain, TipAdopted
from coda_executive.validation.validator import Handler, RunFacts, Validator


@dataclass(slots=True)
class _Restart:
    tip: ChainBlock
    tip_seen: Sighting
    stop: Sighting
    start: Sighting


class RestartKeepsTip(Validator):
    """After an orderly stop and a start with its state, a node's first tip is no lower than its last one,
    and it does not begin with an empty frontier. A killed or crashed node may lose what it had not synced.
    """

    name = "restart-keeps-tip"
    about = "nodes that were stopped and started again went on from their tips"
    cannot_fail = "no node that had a best tip was stopped in order and started again with its state"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self._tips: dict[NodeId, tuple[ChainBlock, Sighting]] = {}
        self._stops: dict[NodeId, Sighting] = {}
        self._restarts: dict[NodeId, _Restart] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {
            TipAdopted: self._on_tip,
            FrontierLoading: self._on_loading,
            NodeStarted: self._on_start,
            NodeStopped: self._on_stop,
            NodeKilled: self._on_loss,
            NodeCrashed: self._on_loss,
        }

    def finish(self, end_ns: int) -> None:
        self.doubt = self.doubt or self._chain.doubt

    def _on_start(self, seen: Sighting, event: NodeStarted) -> None:
        stop, tip = self._stops.pop(seen.node, None), self._tips.get(seen.node)
        if event.fresh_state:
            self._tips.pop(seen.node, None)
        elif stop is not None and tip is not None:
            self._restarts[seen.node] = _Restart(*tip, stop, seen)

    def _on_stop(self, seen: Sighting, event: NodeStopped) -> None:
        self._on_loss(seen, event)
        if not event.forced:
            self._stops[seen.node] = seen

    def _on_loss(self, seen: Sighting, _event: object) -> None:
        # A restart that ended before its first tip told nothing; the tip before it still counts.
        self._restarts.pop(seen.node, None)
        self._stops.pop(seen.node, None)
        if not isinstance(seen.event, NodeStopped):
            self._tips.pop(seen.node, None)

    def _on_tip(self, seen: Sighting, tip: ChainBlock) -> None:
        restart = self._restarts.pop(seen.node, None)
        self._tips[seen.node] = (tip, seen)
        if restart is None:
            return
        if tip.height < restart.tip.height:
            self.violated(
                f"{seen.node} stopped at height {restart.tip.height} and went on from height "
                f"{tip.height} after its restart",
                (restart.tip_seen, restart.stop, restart.start, seen),
            )
        else:
            self.chances += 1

    def _on_loading(self, seen: Sighting, event: FrontierLoading) -> None:
        restart = self._restarts.get(seen.node)
        if restart is not None and event.step == "Persisted_frontier_fresh_boot":
            del self._restarts[seen.node]
            self.violated(
                f"{seen.node} stopped at height {restart.tip.height} and found no frontier after its restart",
                (restart.tip_seen, restart.stop, restart.start, seen),
            )
