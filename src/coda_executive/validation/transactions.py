"""What events tell of money and nonces: which commands a block holds and how each ended.

Neither balances nor nonces are in any log line, so only consequences can be held against the evidence. A
block's commands end the same way on every node, else ledgers differ and money is not conserved. No command is
twice in one chain, else its nonce was used twice: a command's hash commits to its sender and nonce.
"""

from collections.abc import Mapping

from coda_executive.events.event import BreadcrumbAdded
from coda_executive.validation.finding import Sighting
from coda_executive.validation.observed_chain import ObservedChain
from coda_executive.validation.validator import Handler, RunFacts, Validator
from coda_protocol.hashes import StateHash


class Conservation(Validator):
    name = "conservation"
    about = "commands ended the same way on every node (sums of balances are not in the logs)"
    cannot_fail = "no block with commands was added on two nodes; sums of balances are not in the logs"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        self._results: dict[StateHash, Sighting] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {BreadcrumbAdded: self._on_breadcrumb}

    @property
    def held(self) -> int:
        return len(self._results)

    def _on_breadcrumb(self, seen: Sighting, added: BreadcrumbAdded) -> None:
        first = self._results.setdefault(added.state_hash, seen)
        assert isinstance(first.event, BreadcrumbAdded)
        if first is seen or (not added.transactions and not first.event.transactions):
            return
        if first.event.transactions != added.transactions:
            self.violated(
                f"{first.node} and {seen.node} do not agree on the commands of {added.state_hash}",
                (first, seen),
            )
        else:
            self.chances += 1


class NonceOrder(Validator):
    name = "nonce-order"
    about = "no command was in one chain twice (nonces themselves are not in the logs)"
    cannot_fail = "no command was in a block; nonces themselves are not in the logs"

    def __init__(self, facts: RunFacts, chain: ObservedChain) -> None:
        super().__init__(facts)
        self._chain = chain
        self._blocks: dict[str, dict[StateHash, Sighting]] = {}  # those that a command is in

    def handlers(self) -> Mapping[type, Handler]:
        return {BreadcrumbAdded: self._on_breadcrumb}

    @property
    def held(self) -> int:
        return len(self._blocks)

    def finish(self, end_ns: int) -> None:
        """Only now all blocks are known. A command in two blocks is most often in two branches of a fork."""
        for command, blocks in self._blocks.items():
            if len(blocks) > 1:
                self._compare(command, blocks)
        self.doubt = self.doubt or self._chain.doubt

    def _on_breadcrumb(self, seen: Sighting, added: BreadcrumbAdded) -> None:
        if not added.transactions:
            return
        names = [name for name, _status in added.transactions]
        if len(set(names)) < len(names):
            self.violated(f"block {added.state_hash} holds a command twice", (seen,))
        for name in names:
            self.chances += 1
            self._blocks.setdefault(name, {}).setdefault(added.state_hash, seen)

    def _compare(self, command: str, blocks: Mapping[StateHash, Sighting]) -> None:
        lowest = min((found.height for name in blocks if (found := self._chain.find(name))), default=0)
        for name, seen in blocks.items():
            at = self._chain.find(name)
            while at is not None and at.height > lowest:
                at = self._chain.parent(at)
                if at is not None and at.name in blocks:
                    self.violated(
                        f"command {command} is in {at.name} and again in its descendant {name}",
                        (blocks[at.name], seen),
                    )
                    return
