"""Violations planted in the history of a real simulated run: each is found, and the run itself is clean."""

from collections.abc import Callable
from dataclasses import replace as replaced
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.coda_executive.validation.stories import judged

from coda_executive.cli.main import run_cli
from coda_executive.config.node_id import NodeId
from coda_executive.events.event import (
    BestTipFormed,
    BlockProduced,
    BreadcrumbAdded,
    Event,
    FrontierChanged,
    NodeCrashed,
    NodeStarted,
)
from coda_executive.executive.judgement import run_facts
from coda_executive.observation.history import (
    EventSeen,
    GenesisSet,
    HistoryEntry,
    HistoryReader,
    ValidationBegan,
)
from coda_executive.validation.validator import RunFacts
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, GlobalSlot

_TEST = """
from coda_executive import *

@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=120_000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
)
async def it(dsl):
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
    await dsl.wait_for(block_height_to_grow(20))
    sleeper = dsl.testnet.block_producers[1]
    await sleeper.stop()
    await dsl.wait_for(block_height_to_grow(3))
    await sleeper.start()
    await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
    await dsl.wait_for(block_height_to_grow(40))
"""
_SLEEPER = NodeId("block-producer-2")

Entries = list[HistoryEntry]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entries, RunFacts]:
    directory: Path = tmp_path_factory.mktemp("run")
    (directory / "own.py").write_text(_TEST)
    where = ["--engine", "simulation", "--seed", "1", "--run-dir", str(directory / "run")]
    assert run_cli(["run", f"{directory / 'own.py'}::it", *where]) == 0
    facts = run_facts((directory / "run" / "plan.json").read_bytes())
    return list(HistoryReader(directory / "run" / "history")), replaced(facts, heal_slots=10, heal_seconds=0)


def test_a_run_without_fault_is_clean_and_gave_most_validators_a_chance(
    run: tuple[Entries, RunFacts],
) -> None:
    findings = judged(*run)

    assert {name for name, finding in findings.items() if finding.validity != "valid"} == {
        "conservation",
        "nonce-order",
    }
    assert {findings["conservation"].validity, findings["nonce-order"].validity} == {"vacuous"}


def _event(entry: HistoryEntry) -> Event | None:
    return entry.record.event if isinstance(entry.record, EventSeen) else None


def _with_event(entry: HistoryEntry, event: Event) -> HistoryEntry:
    assert isinstance(entry.record, EventSeen)
    return replace(entry, record=replace(entry.record, event=event))


def _node(entry: HistoryEntry) -> NodeId | None:
    return entry.record.node if isinstance(entry.record, EventSeen) else None


def _blocks(entries: Entries) -> list[tuple[int, BlockProduced]]:
    return [
        (index, event) for index, e in enumerate(entries) if isinstance(event := _event(e), BlockProduced)
    ]


def _second_block(entries: Entries) -> Entries:
    index, block = _blocks(entries)[5]
    twin = _with_event(entries[index], replace(block, state_hash=StateHash("twin")))
    return [*entries[: index + 1], twin, *entries[index + 1 :]]


def _too_high(entries: Entries) -> Entries:
    index, block = _blocks(entries)[-1]
    higher = replace(block, height=BlockchainLength(block.height + 1))
    return [*entries[:index], _with_event(entries[index], higher), *entries[index + 1 :]]


def _ahead_of_time(entries: Entries) -> Entries:
    """A node adopts another's block half a slot before that one's slot begins."""
    began = next(entry.record.at_ns for entry in entries if isinstance(entry.record, GenesisSet))
    slots = {block.state_hash: (_node(entries[at]), block.global_slot) for at, block in _blocks(entries)}
    for at, entry in enumerate(entries):
        event = _event(entry)
        tip = event.best_tip if isinstance(event, FrontierChanged) else None
        if at > len(entries) // 2 and tip in slots and slots[tip][0] != _node(entry):
            early = replace(entry, time_ns=began + slots[tip][1] * 120_000_000_000 - 60_000_000_000)
            return [*entries[:at], early, *entries[at + 1 :]]
    raise AssertionError("nobody adopted another's block")


def _uncounted(entries: Entries) -> Entries:
    """A block tells its parent's densities."""
    (_, parent), (index, block) = _blocks(entries)[4:6]
    copied = _with_event(entries[index], replace(block, density=parent.density))
    return [*entries[:index], copied, *entries[index + 1 :]]


def _long_fork(entries: Entries) -> Entries:
    """One node follows thirteen blocks of its own from the fifth block on; nobody else does."""
    _, fork = _blocks(entries)[4]
    end = next(i for i, entry in enumerate(entries) if isinstance(entry.record, ValidationBegan))
    last = entries[end - 1]
    planted, parent = [], fork.state_hash
    for number in range(1, 15):
        name = StateHash(f"forked {number}")
        block = replace(
            fork,
            state_hash=name,
            parent=parent,
            height=BlockchainLength(fork.height + number),
            global_slot=GlobalSlot(400 + number),
        )
        planted.append(replace(last, record=EventSeen(NodeId("seed-1"), block)))
        tip = FrontierChanged(name, name, None, (), emitted_proof=False)
        planted.append(replace(last, record=EventSeen(NodeId("stranger"), tip)))
        parent = name
    return entries[:end] + planted


def _whim(entries: Entries) -> Entries:
    """A node goes back to the parent of its tip, and then on to where it was."""
    for at, entry in enumerate(entries):
        event = _event(entry)
        if at > len(entries) // 2 and isinstance(event, FrontierChanged) and event.best_tip:
            _, block = next(each for each in _blocks(entries) if each[1].state_hash == event.best_tip)
            back = replace(event, best_tip=block.parent)
            return [*entries[: at + 1], _with_event(entry, back), entry, *entries[at + 1 :]]
    raise AssertionError("nobody adopted anything")


def _other_root(entries: Entries) -> Entries:
    """A root that one node makes final is, on another, a block beside it."""
    index, block = _blocks(entries)[3]
    beside = replace(block, state_hash=StateHash("beside"), creator="another")
    mutated = [*entries[: index + 1], _with_event(entries[index], beside), *entries[index + 1 :]]
    for at, entry in enumerate(mutated):
        event = _event(entry)
        if isinstance(event, FrontierChanged) and event.root == block.state_hash:
            mutated[at] = _with_event(entry, replace(event, root=StateHash("beside")))
            return mutated
    raise AssertionError("that block became no root")


def _stall(entries: Entries) -> Entries:
    """For the last third of the run nobody makes or adopts a block."""
    cut = len(entries) * 2 // 3
    return [
        entry
        for index, entry in enumerate(entries)
        if index < cut or not isinstance(_event(entry), BlockProduced | FrontierChanged | BestTipFormed)
    ]


def _greed(entries: Entries) -> Entries:
    """One producer is seen to make all blocks, and to fill every slot."""
    mutated = list(entries)
    for number, (index, block) in enumerate(_blocks(entries)):
        event = replace(block, global_slot=GlobalSlot(number + 1))
        mutated[index] = replace(entries[index], record=EventSeen(_SLEEPER, event))
    return mutated


def _amnesia(entries: Entries) -> Entries:
    """The restarted node goes on from an early block."""
    _, early = _blocks(entries)[2]
    started = max(
        i for i, e in enumerate(entries) if _node(e) == _SLEEPER and isinstance(_event(e), NodeStarted)
    )
    tip = FrontierChanged(early.state_hash, early.state_hash, None, (), emitted_proof=False)
    planted = replace(entries[started], record=EventSeen(_SLEEPER, tip))
    return [*entries[: started + 1], planted, *entries[started + 1 :]]


def _left_behind(entries: Entries) -> Entries:
    """The restarted node never adopts anything again."""
    started = max(
        i for i, e in enumerate(entries) if _node(e) == _SLEEPER and isinstance(_event(e), NodeStarted)
    )
    return [
        entry
        for index, entry in enumerate(entries)
        if index < started
        or _node(entry) != _SLEEPER
        or not isinstance(_event(entry), FrontierChanged | BestTipFormed)
    ]


def _crash(entries: Entries) -> Entries:
    crash = NodeCrashed(exit_code=134, signal=None, last_lines=())
    middle = len(entries) // 2
    return [
        *entries[:middle],
        replace(entries[middle], record=EventSeen(NodeId("seed-1"), crash)),
        *entries[middle:],
    ]


def _with_commands(
    entries: Entries, blocks: set[StateHash], status: Callable[[NodeId | None], str]
) -> Entries:
    mutated = list(entries)
    for index, entry in enumerate(entries):
        event = _event(entry)
        if isinstance(event, BreadcrumbAdded) and event.state_hash in blocks:
            commands = (("payment", status(_node(entry))),)
            mutated[index] = _with_event(entry, replace(event, transactions=commands))
    return mutated


def _money_from_nothing(entries: Entries) -> Entries:
    _, block = _blocks(entries)[3]
    return _with_commands(
        entries, {block.state_hash}, lambda node: "Failed" if node == _SLEEPER else "Applied"
    )


def _replay(entries: Entries) -> Entries:
    blocks = [block for _, block in _blocks(entries)]
    ancestor = next(block for block in blocks if sum(b.parent == block.state_hash for b in blocks))
    heir = next(block for block in blocks if block.parent == ancestor.state_hash)
    return _with_commands(entries, {ancestor.state_hash, heir.state_hash}, lambda _node: "Applied")


@pytest.mark.parametrize(
    ("mutate", "expected"),
    [
        (_second_block, "one-block-per-slot"),
        (_too_high, "chain-links"),
        (_ahead_of_time, "no-early-block"),
        (_uncounted, "window-density"),
        (_long_fork, "common-prefix"),
        (_whim, "chain-selection"),
        (_other_root, "finality"),
        (_stall, "chain-growth"),
        (_greed, "chain-quality"),
        (_money_from_nothing, "conservation"),
        (_replay, "nonce-order"),
        (_amnesia, "restart-keeps-tip"),
        (_left_behind, "sync-after-heal"),
        (_crash, "no-undeclared-crash"),
    ],
)
def test_a_planted_violation_is_found_with_a_small_witness(
    run: tuple[Entries, RunFacts], mutate: Callable[[Entries], Entries], expected: str
) -> None:
    entries, facts = run

    finding = judged(mutate(entries), facts)[expected]

    assert finding.validity == "invalid", finding
    assert 1 <= len(finding.witness) <= 10


def test_commands_that_all_nodes_agree_on_are_clean(run: tuple[Entries, RunFacts]) -> None:
    entries, facts = run
    _, block = _blocks(entries)[3]
    findings = judged(_with_commands(entries, {block.state_hash}, lambda _node: "Applied"), facts)

    assert findings["conservation"].validity == findings["nonce-order"].validity == "valid"
