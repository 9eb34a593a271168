"""The frontier with its consequences: what is added goes to disk and into the log (daemon contract C.5)."""

from coda_daemon.block_json import commands_json, diffs_json, transitions_json
from coda_daemon.blocks import Block
from coda_daemon.consensus.building import Built, Rules, validated_once
from coda_daemon.frontier.frontier import BestTipChange, Diff, Frontier
from coda_daemon.log import Log
from coda_daemon.persistence import FrontierStore
from coda_protocol import structured_events


class FrontierController:
    """Owns the frontier between two bootstraps."""

    def __init__(self, frontier: Frontier, rules: Rules, store: FrontierStore, log: Log) -> None:
        self.frontier = frontier
        self._rules = rules
        self._store = store
        self._log = log

    def validated(self, block: Block) -> Built:
        """A block whose parent is in the frontier, checked. Raises InvalidBlockError."""
        parent = self.frontier.breadcrumb(block.previous_state_hash)
        assert parent is not None, block
        return validated_once(block, parent, self._rules)

    def add(self, built: Built, *, made_here: bool = False) -> Diff:
        """Add a block whose parent is in the frontier.

        The best tip's event is left to `tell_best_tip`: it comes after gossiping.
        """
        diff = self.frontier.add(built)
        self._store.append(self.frontier, built.block, durably=made_here)
        self._log.event(
            structured_events.ADDED_BREADCRUMB_USER_COMMANDS,
            state_hash=built.block.state_hash,
            user_commands=commands_json(built.block),
        )
        self._log.event(structured_events.APPLYING_DIFFS, diffs=diffs_json(diff))
        return diff

    def tell_best_tip(self, change: BestTipChange) -> None:
        constants = self._rules.constants
        self._log.event(
            structured_events.NEW_BEST_TIP_EVENT,
            added_transitions=transitions_json(change.added, constants),
            removed_transitions=transitions_json(change.removed, constants),
            reorg_best_tip=bool(change.removed),
        )
