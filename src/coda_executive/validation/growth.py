"""Chain growth: as long as stake takes part, chains grow.

A slot is won by somebody with probability 1 - (1/4)^a when the share a of the stake takes part (daemon
contract I.2), and whoever wins extends its own chain at once, whatever the network does. So no chain at all
grows over slots that add up to E of stake times slots with probability (1/4)^E, whichever way they add up.
"""

import math
from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
    SyncStatusChanged,
)
from coda_executive.observation.history import FaultBegan, FaultEnded
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ChainReset, ObservedChain, TipAdopted
from coda_executive.validation.validator import Handler, RunFacts, Validator

FALSE_ALARM = 1e-9
_SLACK = 2.0  # stake times slots: a block in the making, and a line on its way


class ChainGrowth(Validator):
    """Some node's best tip rises, unless a network without fault stalls that long once in 10⁹ times."""

    name = "chain-growth"
    about = "chains grew as the stake that took part lets expect"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self.limit = -math.log(FALSE_ALARM) / math.log(4) + _SLACK
        self.cannot_fail = (
            f"stake took part for less than {self.limit:.0f} slots"
            if facts.stake
            else "the nodes' shares of the stake are not known"
        )
        self._initialized: set[NodeId] = set()
        self._synced: set[NodeId] = set()
        self._halted: set[NodeId] = set()
        self._heights: dict[NodeId, int] = {}
        self._share = 0.0
        self._now_ns = 0
        self._waited = 0.0  # stake times slots since a tip rose
        self._total = 0.0
        self._last_rise: Sighting | None = None
        self._stalled = False

    def handlers(self) -> Mapping[type, Handler]:
        if not self.facts.stake:
            return {}
        return {
            TipAdopted: self._on_tip,
            ChainReset: self._on_reset,
            NodeInitialized: lambda seen, _event: self._change(seen, self._initialized, present=True),
            SyncStatusChanged: lambda seen, event: self._change(
                seen, self._synced, present=event.status == "SYNCED"
            ),
            NodePaused: lambda seen, _event: self._change(seen, self._halted, present=True),
            NodeResumed: lambda seen, _event: self._change(seen, self._halted, present=False),
            NodeStarted: lambda seen, _event: self._change(seen, self._halted, present=False),
            NodeStopped: self._on_end,
            NodeKilled: self._on_end,
            NodeCrashed: self._on_end,
            FaultBegan: lambda seen, _record: self._recount(seen),
            FaultEnded: lambda seen, _record: self._recount(seen),
        }

    def finish(self, end_ns: int) -> None:
        self._pass_time(end_ns, None)
        self.chances += int(self._total / self.limit)

    def _on_tip(self, seen: Sighting, tip: ChainBlock) -> None:
        height = tip.height
        if height > self._heights.get(seen.node, 0):
            self._pass_time(seen.time_ns, seen)
            self._waited = 0.0
            self._last_rise = seen
            self._stalled = False
        self._heights[seen.node] = height

    def _on_reset(self, seen: Sighting, _reset: None) -> None:
        self._change(seen, self._initialized, present=False)
        self._heights.pop(seen.node, None)

    def _on_end(self, seen: Sighting, _event: object) -> None:
        self._synced.discard(seen.node)
        self._change(seen, self._initialized, present=False)

    def _change(self, seen: Sighting, group: set[NodeId], *, present: bool) -> None:
        if seen.node not in self.facts.stake:
            return
        (group.add if present else group.discard)(seen.node)
        self._recount(seen)

    def _recount(self, seen: Sighting) -> None:
        """Look anew at who takes part; until now it was as before."""
        self._pass_time(seen.time_ns, seen)
        # A fault may stop the machine that a producer runs on, for all that its log tells.
        disturbed = self._chain.faults.disturbed
        taking_part = (self._initialized & self._synced) - self._halted - disturbed
        self._share = sum(self.facts.stake[node] for node in sorted(taking_part))

    def _pass_time(self, time_ns: int, seen: Sighting | None) -> None:
        # Held back sightings may come a little late: time does not run backwards for that.
        if time_ns <= self._now_ns:
            return
        slots = (time_ns - self._now_ns) / (self.facts.slot_ms * 1_000_000)
        self._now_ns = time_ns
        self._waited += slots * self._share
        self._total += slots * self._share
        if self._waited > self.limit and not self._stalled:
            self._stalled = True
            self.violated(
                f"no best tip rose while stake times slots came to {self._waited:.1f}; {self.limit:.1f} is "
                f"exceeded once in 10⁹ times. Producers that took part have {self._share:.0%} of the stake",
                (self._last_rise, seen),
            )
