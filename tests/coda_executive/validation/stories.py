"""Small histories, told by hand, and what the validators say of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import BlockProduced, BreadcrumbAdded, Event, FrontierChanged
from coda_executive.observation.history import EventSeen, HistoryEntry, HistoryRecord
from coda_executive.validation.finding import Finding
from coda_executive.validation.in_the_box import validators_in_the_box
from coda_executive.validation.panel import Panel
from coda_executive.validation.validator import RunFacts
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot

A, B, C = NodeId("node-a"), NodeId("node-b"), NodeId("node-c")
GENESIS = "genesis"
SLOT_MS = 1000
FACTS = RunFacts(
    k=3, slots_per_epoch=480, slot_ms=SLOT_MS, stake={A: 0.5, B: 0.5}, heal_slots=5, heal_seconds=0
)


@dataclass
class Story:
    """Each thing told happens 10 ms after the one before; `wait` lets more time pass."""

    entries: list[HistoryEntry] = field(default_factory=list)
    heights: dict[str, int] = field(default_factory=lambda: {GENESIS: 1})
    now_ns: int = 0

    def note(self, record: HistoryRecord) -> None:
        self.now_ns += 10_000_000
        self.entries.append(HistoryEntry(self.now_ns, record))

    def see(self, node: NodeId, event: Event) -> None:
        self.note(EventSeen(node, event, len(self.entries) + 1))

    def wait(self, slots: float) -> None:
        self.now_ns += round(slots * SLOT_MS * 1_000_000)

    def produce(
        self, node: NodeId, name: str, on: str, slot: int, *, height: int | None = None, by: str | None = None
    ) -> None:
        self.heights[name] = height or self.heights[on] + 1
        self.see(
            node,
            BlockProduced(
                StateHash(name),
                StateHash(on),
                BlockchainLength(self.heights[name]),
                GlobalSlot(slot),
                Epoch(0),
                by or f"key of {node}",
                emitted_proof=False,
            ),
        )

    def adopt(self, node: NodeId, name: str, *, root: str | None = None) -> None:
        self.see(
            node,
            FrontierChanged(
                StateHash(name), StateHash(name), StateHash(root) if root else None, (), emitted_proof=False
            ),
        )

    def add(self, node: NodeId, block: str, *commands: tuple[str, str]) -> None:
        self.see(node, BreadcrumbAdded(StateHash(block), commands))

    def chain(
        self, names: str, *, on: str = GENESIS, by: NodeId = A, adopters: Iterable[NodeId] = ()
    ) -> None:
        """One block a letter, each on the one before, in the slot after it, adopted by its producer first."""
        for name in names:
            self.produce(by, name, on, self.heights[on] * 2 + (by != A))
            for node in (by, *adopters):
                self.adopt(node, name)
            on = name


def judged(entries: Iterable[HistoryEntry], facts: RunFacts = FACTS) -> dict[str, Finding]:
    panel = Panel(validators_in_the_box, facts, clock=lambda: 0.0)
    for entry in entries:
        panel.take(entry.time_ns, (entry.record,))
    return {finding.validator: finding for finding in panel.findings()}


def wrong(entries: Iterable[HistoryEntry], facts: RunFacts = FACTS) -> list[str]:
    """The names of the validators that found a violation."""
    return [name for name, finding in judged(entries, facts).items() if finding.validity == "invalid"]
