"""All validators over one run, each on its own: what one does, finds or breaks, hides nothing of the others.

    panel = Panel(validators_in_the_box, facts, clock=monotonic)
    panel.take(time_ns, records)     the history, live or read again, in any parts; the verdict is the same
    panel.findings()

Entries after `ValidationBegan` are left out: what the executive does to end a run is not the network's doing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.observation.history import (
    CrashExpected,
    EventSeen,
    FaultBegan,
    FaultEnded,
    GenesisSet,
    HistoryRecord,
    ValidationBegan,
)
from coda_executive.validation.finding import Finding, Sighting, Validity
from coda_executive.validation.observed_chain import Item, ObservedChain
from coda_executive.validation.validator import Handler, RunFacts, Validator

_BATCH = 512  # entries that are handed to a validator at once, to time it with little effort

MakeValidators = Callable[[RunFacts, ObservedChain], Sequence[Validator]]
_NEMESIS = NodeId("nemesis")
_EXECUTIVE = NodeId("executive")


@dataclass(frozen=True, slots=True)
class Budget:
    """What a validator may use over a run: seconds of the panel's clock, and things that it holds."""

    seconds: float = 60.0
    held: int = 5_000_000


class _Judge:
    """One validator at work, until it fails or is too expensive. The cause is then kept."""

    def __init__(self, validator: Validator, budget: Budget, clock: Callable[[], float]) -> None:
        self.validator = validator
        self.handlers: dict[type, Handler] = {}
        self._budget = budget
        self._clock = clock
        self._spent = 0.0
        self._given_up: str | None = None
        self._guarded(lambda: self.handlers.update(validator.handlers()))

    def take(self, items: Sequence[Item], by_kind: Mapping[type, Sequence[Item]]) -> None:
        """Look at items; `by_kind` holds the same ones, sorted."""
        if self._given_up is not None:
            return
        wanted = [kind for kind in by_kind if kind in self.handlers]
        if len(wanted) == 1:
            handler = self.handlers[wanted[0]]
            self._guarded(lambda: _handle_all(handler, by_kind[wanted[0]]))
        elif wanted:
            self._guarded(lambda: self._handle(items))

    def finding(self, end_ns: int, broken: str | None) -> Finding:
        if broken is None and self._given_up is None:
            self._guarded(lambda: self.validator.finish(end_ns))
        if self.validator.violations:
            return self.validator.finding()  # what was found before it gave up stays found
        cause = self._given_up or broken
        if cause is not None:
            return Finding(self.validator.name, Validity.UNKNOWN, cause, self.validator.chances)
        return self.validator.finding()

    def _handle(self, items: Sequence[Item]) -> None:
        find = self.handlers.get
        for kind, seen, payload in items:
            handler = find(kind)
            if handler is not None:
                handler(seen, payload)

    def _guarded(self, work: Callable[[], None]) -> None:
        began = self._clock()
        try:
            work()
        except Exception as error:  # the border: a validator's own bug is a verdict on it  # noqa: BLE001
            self._given_up = f"the validator failed: {type(error).__name__}: {error}"
            return
        self._spent += self._clock() - began
        if self._spent > self._budget.seconds:
            self._given_up = (
                f"it took {self._spent:.1f} s, more than its budget of {self._budget.seconds:g} s"
            )
        elif self.validator.held > self._budget.held:
            self._given_up = f"it holds {self.validator.held} things; its budget is {self._budget.held}"


def _handle_all(handler: Handler, items: Sequence[Item]) -> None:
    for _kind, seen, payload in items:
        handler(seen, payload)


class Panel:
    """Takes a run's history in; `clock` answers seconds and only measures what validators cost."""

    def __init__(
        self,
        make: MakeValidators,
        facts: RunFacts,
        *,
        clock: Callable[[], float],
        budget: Budget | None = None,
    ) -> None:
        self._chain = ObservedChain()
        self._budget = budget or Budget()
        self._judges = [_Judge(validator, self._budget, clock) for validator in make(facts, self._chain)]
        handled = {kind for judge in self._judges for kind in judge.handlers}
        self._wanted = handled | ObservedChain.KINDS
        self._batch: list[Sighting] = []
        self._end_ns = 0
        self._is_over = False
        self._broken: str | None = None

    def take(self, time_ns: int, records: Iterable[HistoryRecord]) -> None:
        """Look at what happened at one time. Never raises for what it was."""
        for record in records:
            if self._is_over:
                return
            self._end_ns = time_ns
            if type(record) is not EventSeen:
                self._take_declared(time_ns, record)
            elif type(record.event) in self._wanted:
                self._batch.append(Sighting(time_ns, record.node, record.event, record.line))
        if len(self._batch) >= _BATCH:
            self._digest()

    def _take_declared(self, time_ns: int, record: HistoryRecord) -> None:
        if type(record) is CrashExpected:
            self._digest()
            self._show([(CrashExpected, Sighting(time_ns, record.node, record), record)])
        elif type(record) is FaultBegan or type(record) is FaultEnded:
            self._digest()
            self._chain.faults.take(time_ns, record)
            self._show([(type(record), Sighting(time_ns, _NEMESIS, record), record)])
        elif type(record) is GenesisSet:
            self._digest()
            self._show([(GenesisSet, Sighting(time_ns, _EXECUTIVE, record), record)])
        elif type(record) is ValidationBegan:
            self._is_over = True

    def findings(self) -> tuple[Finding, ...]:
        """What each validator says of everything taken so far, in their order. Ends the panel."""
        self._digest()
        self._is_over = True
        rest: list[Item] = []
        self._fold(lambda: self._chain.finish(rest))
        self._show(rest)
        return tuple(judge.finding(self._end_ns, self._broken) for judge in self._judges)

    def _digest(self) -> None:
        items: list[Item] = []
        batch, self._batch = self._batch, []

        def fold() -> None:
            take = self._chain.take
            for seen in batch:
                take(seen, items)

        self._fold(fold)
        self._show(items)

    def _fold(self, work: Callable[[], None]) -> None:
        """The shared fold of blocks and tips; without it, nothing can be said by anybody."""
        try:
            work()
            if len(self._chain) > self._budget.held:
                self._broken = f"the run has more than {self._budget.held} blocks to be held in memory"
        except Exception as error:  # the border: as for each validator  # noqa: BLE001
            self._broken = f"folding the chain failed: {type(error).__name__}: {error}"
            self._is_over = True

    def _show(self, items: Sequence[Item]) -> None:
        by_kind: dict[type, list[Item]] = {}
        for item in items:
            by_kind.setdefault(item[0], []).append(item)
        for judge in self._judges:
            judge.take(items, by_kind)
