"""What every validator has in common: it is told of sightings, keyed by kind, and remembers its first violation.

A validator declares in `handlers` which kinds of event it wants. Kinds are classes of events, of derived
facts (`observed_chain`) and of declarations in the history. All state is its own; it must take linear time
over a run, and say in `held` how many things it keeps, so that a budget can end it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.validation.finding import Finding, Sighting, Validity

Handler = Callable[[Sighting, Any], None]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a network besides its observations.

    `k` in blocks, `slots_per_epoch` in slots, `slot_ms` in milliseconds; `stake` is each node's share, 0 to
    1, empty when it is not known. `slots_per_sub_window` is 0 and `grace_period_slots` None when they are not.
    `genesis_slot` is the first one, 0 but after a hard fork; `wrong_clocks` are the nodes that were configured to have
    one. A healed node may take `heal_slots` and `heal_seconds` together to sync.
    """

    k: int
    slots_per_epoch: int
    slot_ms: int
    stake: Mapping[NodeId, float] = field(default_factory=dict)
    slots_per_sub_window: int = 0
    grace_period_slots: int | None = None
    genesis_slot: int = 0
    wrong_clocks: frozenset[NodeId] = frozenset()
    heal_slots: int = 20
    heal_seconds: float = 60.0

    @property
    def slot_ns(self) -> int:
        return self.slot_ms * 1_000_000

    @property
    def heal_ns(self) -> int:
        """The time that a healed node may take, in nanoseconds."""
        return self.heal_slots * self.slot_ns + round(self.heal_seconds * 1e9)


class Validator:
    """The base of all validators. `chances` counts what could have failed; `doubt` says why valid is too much
    to say; `cannot_fail` why it had no chance.
    """

    name: str
    about: str
    cannot_fail = "nothing happened that it looks at"

    def __init__(self, facts: RunFacts) -> None:
        self.facts = facts
        self.chances = 0
        self.violations = 0
        self.doubt: str | None = None
        self._sentence = ""
        self._witness: tuple[Sighting, ...] = ()

    def handlers(self) -> Mapping[type, Handler]:
        raise AssertionError("every validator says what it wants to see")

    @property
    def held(self) -> int:
        """How many things it keeps in memory, roughly."""
        return 0

    def finish(self, end_ns: int) -> None:
        """The run was seen to its end, `end_ns` nanoseconds after its beginning."""

    def violated(self, sentence: str, witness: Sequence[Sighting | None]) -> None:
        """Note a violation: only the first is told in full. What is None in the witness was not seen."""
        self.chances += 1
        self.violations += 1
        if self.violations == 1:
            seen = {id(sighting): sighting for sighting in witness if sighting is not None}
            self._witness = tuple(sorted(seen.values(), key=lambda sighting: sighting.time_ns))
            self._sentence = sentence

    def finding(self) -> Finding:
        if self.violations:
            more = f" (the first of {self.violations} such)" if self.violations > 1 else ""
            witness = tuple(map(str, self._witness))
            return self._found(Validity.INVALID, self._sentence + more, witness)
        if self.doubt is not None:
            return self._found(Validity.UNKNOWN, self.doubt)
        if self.chances == 0:
            return self._found(Validity.VACUOUS, self.cannot_fail)
        return self._found(Validity.VALID, self.about)

    def _found(self, validity: Validity, sentence: str, witness: tuple[str, ...] = ()) -> Finding:
        return Finding(self.name, validity, sentence, self.chances, self.violations, witness)
