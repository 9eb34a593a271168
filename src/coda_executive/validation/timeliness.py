"""Timeliness: a block is made in its slot, and one that comes before is dropped (daemon contract I.1)."""

from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import BlockProduced, NodeStarted, SyncStatusChanged
from coda_executive.observation.history import FaultBegan, FaultEnded, GenesisSet
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ChainReset, TipAdopted
from coda_executive.validation.validator import Handler, RunFacts, Validator

_CLOCK_FAULT = "SkewClock"
_TOLERANCE = 0.1  # of a slot: clocks of machines differ a little, and the run's own is not the nodes'
_LATE_LINES_SLOTS = 2  # a line that was written under a fault may be read so much after it


class NoEarlyBlock(Validator):
    """Nobody makes a block before its slot begins, or adopts one that gossip brought before. A node whose clock the
    nemesis or the test has put wrong is excused, and so is one that is not synced: what catchup and bootstrap fetch
    is taken as it is. Where not one block was made in time, the run's clock is as likely to be wrong as the nodes'.
    """

    name = "no-early-block"
    about = "nobody made or adopted a block before its slot began"
    cannot_fail = "no block was made or adopted after the genesis time was known"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        self._genesis: GenesisSet | None = None
        self._synced: set[NodeId] = set()  # never iterated
        self._followed: set[NodeId] = set()  # that have a best tip; never iterated
        self._clock_faults: dict[int, frozenset[NodeId]] = {}
        self._right_from_ns: dict[NodeId, int] = {}  # when a wrong clock was set right
        self._made_in_time = 0
        self._first_early: tuple[str, tuple[Sighting | None, Sighting]] | None = None
        self._early = 0

    def handlers(self) -> Mapping[type, Handler]:
        return {
            GenesisSet: self._on_genesis,
            BlockProduced: self._on_block,
            TipAdopted: self._on_tip,
            ChainReset: lambda seen, _reset: self._followed.discard(seen.node),
            NodeStarted: lambda seen, _event: self._synced.discard(seen.node),
            SyncStatusChanged: self._on_status,
            FaultBegan: self._on_fault,
            FaultEnded: self._on_fault_end,
        }

    def finish(self, end_ns: int) -> None:
        if self._first_early is None:
            return
        sentence, witness = self._first_early
        if self._made_in_time:
            self.violated(sentence, witness)
            self.violations, self.chances = self._early, self.chances + self._early - 1
        else:
            self.doubt = (
                f"{sentence}; no block was made in time: do the clocks of the run and of the nodes differ?"
            )

    def _on_genesis(self, _seen: Sighting, genesis: GenesisSet) -> None:
        self._genesis = genesis

    def _on_status(self, seen: Sighting, event: SyncStatusChanged) -> None:
        (self._synced.add if event.status == "SYNCED" else self._synced.discard)(seen.node)

    def _on_fault(self, _seen: Sighting, fault: FaultBegan) -> None:
        if fault.fault == _CLOCK_FAULT:
            self._clock_faults[fault.number] = frozenset(fault.nodes)

    def _on_fault_end(self, seen: Sighting, fault: FaultEnded) -> None:
        for node in sorted(self._clock_faults.pop(fault.number, ())):
            self._right_from_ns[node] = seen.time_ns + _LATE_LINES_SLOTS * self.facts.slot_ns

    def _on_block(self, seen: Sighting, block: BlockProduced) -> None:
        if self._judge(seen, None, f"made {block.state_hash}", block.global_slot):
            self._made_in_time += 1

    def _on_tip(self, seen: Sighting, tip: ChainBlock) -> None:
        is_first = seen.node not in self._followed
        self._followed.add(seen.node)
        if is_first or tip.seen is None or tip.seen.node == seen.node or seen.node not in self._synced:
            return
        self._judge(seen, tip.seen, f"adopted {tip.name}", tip.slot)

    def _judge(self, seen: Sighting, made: Sighting | None, deed: str, slot: int) -> bool:
        """Whether it is known to be in time."""
        if self._genesis is None or self._has_wrong_clock(seen):
            return False
        begins_ns = self._genesis.at_ns + (slot - self.facts.genesis_slot) * self.facts.slot_ns
        early_ns = begins_ns - seen.time_ns
        if early_ns <= _TOLERANCE * self.facts.slot_ns:
            self.chances += 1
            return True
        self._early += 1
        if self._first_early is None:
            sentence = f"{seen.node} {deed} {early_ns / 1e9:.3f} s before its slot {slot} began"
            self._first_early = (sentence, (made, seen))
        return False

    def _has_wrong_clock(self, seen: Sighting) -> bool:
        return (
            seen.node in self.facts.wrong_clocks
            or seen.time_ns < self._right_from_ns.get(seen.node, 0)
            or any(seen.node in nodes for nodes in self._clock_faults.values())
        )
