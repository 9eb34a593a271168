"""No process of a node, and none beside it, ends unless somebody asked it to, or the test said that it would."""

from collections.abc import Mapping

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import CompanionCrashed, NodeCrashed, NodeStarted
from coda_executive.observation.history import CrashExpected
from coda_executive.validation.finding import Sighting
from coda_executive.validation.validator import Handler, RunFacts, Validator


class NoUndeclaredCrash(Validator):
    name = "no-undeclared-crash"
    about = "no node crashed that was not expected to"
    cannot_fail = "no node was seen to be started"

    def __init__(self, facts: RunFacts) -> None:
        super().__init__(facts)
        self._expected: set[NodeId] = set()
        self._starts: dict[NodeId, Sighting] = {}

    def handlers(self) -> Mapping[type, Handler]:
        return {
            NodeStarted: self._on_start,
            NodeCrashed: self._on_crash,
            CompanionCrashed: self._on_crash,
            CrashExpected: self._on_expected,
        }

    def _on_start(self, seen: Sighting, _event: NodeStarted) -> None:
        self.chances += 1
        self._starts[seen.node] = seen

    def _on_expected(self, seen: Sighting, record: CrashExpected) -> None:
        (self._expected.add if record.expected else self._expected.discard)(seen.node)

    def _on_crash(self, seen: Sighting, event: NodeCrashed | CompanionCrashed) -> None:
        if seen.node not in self._expected:
            how = f"killed by {event.signal}" if event.signal else f"exit code {event.exit_code}"
            process = seen.node if isinstance(event, NodeCrashed) else event.companion
            self.violated(
                f"{process} crashed ({how}) and nobody asked it to", (self._starts.get(seen.node), seen)
            )
