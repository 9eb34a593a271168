"""Common prefix: but for their last k blocks, all chains that nodes ever adopted are prefixes of one chain.

Said exactly: of any two chains adopted by any nodes at any times, at least one reaches at most k blocks past
the last block that they share; and no node ever gives up more than k blocks of its own chain without starting
over. A node that is cut off may therefore fork and return, as long as it forks by no more than k. Both assume
that messages arrive: a fork that grew under one fault from its beginning to its end is excused, and counted.

Each node's last k + 1 blocks are kept, so a chain that grows costs the same however long it is.
"""

from collections import deque
from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ChainBlock, ChainReset, ObservedChain, TipAdopted
from coda_executive.validation.validator import Handler, RunFacts, Validator


class CommonPrefix(Validator):
    name = "common-prefix"
    about = "all chains are the same but for their last k blocks"
    cannot_fail = "no chain came to be k blocks long"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self._paths: dict[NodeId, deque[ChainBlock]] = {}
        self._tip_seen: dict[NodeId, Sighting] = {}
        self._settled: dict[int, tuple[ChainBlock, Sighting]] = {}  # by height, from `_floor` on
        self._floor = 0
        self._heal_ns = facts.heal_ns
        self._excused = 0

    def handlers(self) -> Mapping[type, Handler]:
        return {TipAdopted: self._on_tip, ChainReset: self._on_reset}

    @property
    def held(self) -> int:
        return len(self._settled) + len(self._paths) * self.facts.k

    def finish(self, end_ns: int) -> None:
        self.doubt = self.doubt or self._chain.doubt
        if self._excused:
            self.about += f"; {self._excused} times a fault lasted long enough to fork them deeper"

    def _on_reset(self, seen: Sighting, _reset: None) -> None:
        self._paths.pop(seen.node, None)

    def _on_tip(self, seen: Sighting, tip: ChainBlock) -> None:
        path = self._paths.get(seen.node)
        if path is None:
            path = self._paths[seen.node] = deque((tip,))
            self._fill(path)
        elif path[-1].name == tip.parent:
            path.append(tip)
        else:
            self._switch(seen, path, tip)
        while len(path) > self.facts.k + 1:
            path.popleft()
        if len(path) == self.facts.k + 1:
            self._settle(path[0], seen)
        self._tip_seen[seen.node] = seen

    def _fill(self, path: deque[ChainBlock]) -> None:
        """Extend a path downwards, to k + 1 blocks if there are as many."""
        while len(path) <= self.facts.k:
            below = self._chain.parent(path[0])
            if below is None:
                break
            path.appendleft(below)

    def _switch(self, seen: Sighting, path: deque[ChainBlock], tip: ChainBlock) -> None:
        """Walk both branches down to where they meet; what is no longer in the path was rolled back."""
        was_full, old_tip, oldest = len(path) == self.facts.k + 1, path[-1], path[0]
        added: list[ChainBlock] = []
        at: ChainBlock | None = tip
        while at is not None and path and at is not path[-1]:
            if at.height >= path[-1].height:
                added.append(at)
                at = self._chain.parent(at)
            else:
                path.pop()
        if not path and at is not None and was_full:
            self._tell_rollback(seen, old_tip, oldest, tip)
        if at is None:
            path.clear()  # a gap in the evidence: below it nothing is known
        elif not path:
            path.append(at)
        path.extend(reversed(added))
        self._fill(path)

    def _tell_rollback(self, seen: Sighting, old: ChainBlock, oldest: ChainBlock, new: ChainBlock) -> None:
        self.violated(
            f"{seen.node} gave up more than k = {self.facts.k} blocks when it left {old.name} at height "
            f"{old.height} for {new.name} at height {new.height}: {oldest.name} at height {oldest.height} "
            f"is not on the new chain",
            (oldest.seen, old.seen, self._tip_seen.get(seen.node), new.seen, seen),
        )

    def _settle(self, block: ChainBlock, seen: Sighting) -> None:
        """Hold a block that is k deep on somebody's chain, and those below it, against what settled before."""
        self.chances += 1
        known = self._settled.get(block.height)
        if known is not None:
            if known[0] is not block:
                self._tell_fork(known, (block, seen))
            return
        if block.height < self._floor:
            return  # before the beginning of the evidence
        new: list[ChainBlock] = []
        at: ChainBlock | None = block
        while at is not None and at.height not in self._settled:
            new.append(at)
            at = self._chain.parent(at)
        if not self._settled:
            self._floor = new[-1].height
        elif at is not None and at is not self._settled[at.height][0]:
            self._tell_fork(self._settled[at.height], (at, seen))
            return
        for settled in new:
            self._settled[settled.height] = (settled, seen)

    def _tell_fork(self, one: tuple[ChainBlock, Sighting], other: tuple[ChainBlock, Sighting]) -> None:
        (first, first_seen), (second, second_seen) = one, other
        # Down to the fork: the two blocks that follow the last common one.
        while True:
            below, beneath = self._chain.parent(first), self._chain.parent(second)
            if below is None or beneath is None or below is beneath:
                break
            first, second = below, beneath
        if first.seen is not None and second.seen is not None:
            began = min(first.seen.time_ns, second.seen.time_ns)
            ended = max(first_seen.time_ns, second_seen.time_ns)
            if self._chain.faults.cover(began, ended, before_ns=self.facts.slot_ns, after_ns=self._heal_ns):
                self._excused += 1
                return
        self.violated(
            f"{first_seen.node} and {second_seen.node} settled on different chains: at height {first.height} "
            f"{first.name} and {second.name}, each under more than k = {self.facts.k} blocks"
            if first_seen.node != second_seen.node
            else f"{first_seen.node} settled on two chains: at height {first.height} {first.name} and then "
            f"{second.name}, each under k = {self.facts.k} blocks",
            (first.seen, second.seen, first_seen, second_seen),
        )
