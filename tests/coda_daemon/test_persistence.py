from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import pytest
from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config, next_block

from coda_daemon.consensus.building import Built
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.persistence import FrontierStore, OtherNetworkError, UnreadableFrontierError
from coda_executive.engines.simulation.store import Disk, SimulatedStore
from coda_executive.interfaces.capabilities import DiskFault

DIRECTORY = "/config"
GENESIS = genesis_of(make_config(1000, 500, 200, k=5))
CONSTANTS = GENESIS.rules.constants


@dataclass(frozen=True)
class Step:
    """One thing done to the disk."""

    kind: Literal["write", "append", "remove", "make_directory", "sync"]
    path: str
    data: bytes = b""

    def do(self, store: SimulatedStore, *, cut: int | None = None) -> None:
        """`cut`: only so many bytes of an append reach the disk."""
        match self.kind:
            case "write":
                store.write(self.path, self.data)
            case "append":
                store.append(self.path, self.data[:cut])
            case "remove":
                store.remove(self.path)
            case "make_directory":
                store.make_directory(self.path)
            case "sync":
                store.sync(self.path)


@dataclass
class RecordingStore(SimulatedStore):
    """A disk that remembers what was done to it, to be done again up to any point."""

    steps: list[Step] = field(default_factory=list)
    syncs: int = 0

    def __post_init__(self) -> None:
        super().__init__(Disk())
        super().make_directory(DIRECTORY)

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        self.steps.append(Step("write", path, data))
        super().write(path, data, mode=mode)

    def append(self, path: str, *data: bytes) -> None:
        self.steps.append(Step("append", path, b"".join(data)))
        super().append(path, *data)

    def remove(self, path: str) -> None:
        self.steps.append(Step("remove", path))
        super().remove(path)

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        self.steps.append(Step("make_directory", path))
        super().make_directory(path, mode=mode)

    def sync(self, path: str) -> None:
        self.syncs += 1
        self.steps.append(Step("sync", path))
        super().sync(path)


def random_blocks(count: int, seed: int) -> list[Built]:
    """A chain of three producers with short forks, in an order in which a node might get it."""
    random = Random(seed)
    frontier = Frontier(GENESIS.built, CONSTANTS)
    blocks: list[Built] = []
    while len(blocks) < count:
        tip = frontier.best_tip
        before = frontier.breadcrumb(tip.block.previous_state_hash)
        parent = before if before and random.random() < 0.2 else tip
        built = next_block(GENESIS, parent, random.choice((1, 2, 3)))
        if built.block.state_hash not in frontier:
            frontier.add(built)
            blocks.append(built)
    return blocks


def run_node(
    store: SimulatedStore, blocks: list[Built], *, told: Callable[[Built], None] = lambda _: None
) -> Frontier:
    """Begin from genesis and take in blocks, as a node does; `told` is called after each."""
    saved = FrontierStore(store, DIRECTORY, GENESIS)
    frontier = Frontier(GENESIS.built, CONSTANTS)
    saved.rewrite(frontier)
    for number, built in enumerate(blocks):
        frontier.add(built)
        saved.append(frontier, built.block, durably=number % 3 == 0)
        told(built)
    return frontier


def loaded(store: SimulatedStore) -> Frontier:
    return FrontierStore(store, DIRECTORY, GENESIS).load()


def assert_same(one: Frontier, other: Frontier) -> None:
    assert one.root.block.state_hash == other.root.block.state_hash
    assert one.root.ledger.hash == other.root.ledger.hash
    assert one.best_tip.block.state_hash == other.best_tip.block.state_hash
    assert one.best_tip.ledger.hash == other.best_tip.ledger.hash
    assert {crumb.block.state_hash for crumb in one.breadcrumbs()} == {
        crumb.block.state_hash for crumb in other.breadcrumbs()
    }
    assert [block.state_hash for block in one.history] == [block.state_hash for block in other.history]


def test_frontier_is_read_back_as_it_was() -> None:
    store = RecordingStore()

    frontier = run_node(store, random_blocks(40, seed=1))

    assert_same(loaded(store), frontier)


def test_nothing_is_there_before_the_first_write_and_after_a_drop() -> None:
    store = RecordingStore()
    saved = FrontierStore(store, DIRECTORY, GENESIS)
    assert not saved.exists

    saved.rewrite(Frontier(GENESIS.built, CONSTANTS))
    assert saved.exists

    saved.drop()
    assert not saved.exists
    assert store.list_directory(DIRECTORY) == []


def test_node_goes_on_after_a_restart() -> None:
    store = RecordingStore()
    blocks = random_blocks(30, seed=2)
    run_node(store, blocks[:15])

    saved = FrontierStore(store, DIRECTORY, GENESIS)
    frontier = saved.load()
    for built in blocks[15:]:
        if built.block.previous_state_hash in frontier:
            frontier.add(built)
            saved.append(frontier, built.block, durably=False)

    assert_same(loaded(store), frontier)


def test_only_blocks_made_here_are_forced_to_the_disk() -> None:
    store = RecordingStore()

    run_node(store, chain(GENESIS, 9))

    assert store.syncs == 3


def test_journal_is_rewritten_when_it_has_outgrown_the_frontier(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the directory does not grow with the run."""
    monkeypatch.setattr("coda_daemon.persistence._LEAST_JOURNAL", 4096)
    store = RecordingStore()

    frontier = run_node(store, chain(GENESIS, 300))

    rewritten = sum(step.kind == "write" and step.path.endswith("journal") for step in store.steps)
    written = sum(len(step.data) for step in store.steps)
    appended = sum(len(step.data) for step in store.steps if step.kind == "append")
    assert rewritten > 3
    assert store.size(f"{DIRECTORY}/frontier/journal") < 100_000
    assert written < 3 * appended
    assert_same(loaded(store), frontier)


@pytest.mark.parametrize("seed", range(10))
def test_kill_at_any_moment_loses_nothing_and_corrupts_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty random moments each: what was whole on the disk is there again, and the node can go on from it."""
    monkeypatch.setattr("coda_daemon.persistence._LEAST_JOURNAL", 4096)
    random = Random(seed)
    store = RecordingStore()
    blocks = random_blocks(60, seed)
    done_at: list[int] = []  # how many steps were done when each block was in
    run_node(store, blocks, told=lambda _: done_at.append(len(store.steps)))

    for _ in range(50):
        end = random.randrange(done_at[0], len(store.steps))
        after = SimulatedStore(Disk())
        after.make_directory(DIRECTORY)
        for step in store.steps[:end]:
            step.do(after)
        torn = store.steps[end]
        if torn.kind == "append":
            torn.do(after, cut=random.randrange(len(torn.data) + 1))

        frontier = loaded(after)

        complete = [built for built, done in zip(blocks, done_at, strict=True) if done <= end]
        newest = complete[-1].block
        assert (
            newest.state_hash in frontier or newest.blockchain_length <= frontier.root.block.blockchain_length
        )
        for built in blocks[len(complete) :]:
            if built.block.previous_state_hash in frontier and built.block.state_hash not in frontier:
                frontier.add(built)
        assert frontier.best_tip.block.state_hash == _best(blocks).best_tip.block.state_hash
        assert_same(loaded(after), loaded(after))


@pytest.mark.parametrize("seed", range(10))
def test_power_cut_at_any_moment_keeps_what_was_made_here(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty random moments each, of whose unsynced writes some random part is on the disk: blocks that others may
    have only from us are there again, what is there is whole, and the node can go on from it.
    """
    monkeypatch.setattr("coda_daemon.persistence._LEAST_JOURNAL", 4096)
    random = Random(seed)
    store = RecordingStore()
    blocks = random_blocks(60, seed)
    done_at: list[int] = []
    run_node(store, blocks, told=lambda _: done_at.append(len(store.steps)))

    for _ in range(50):
        end = random.randrange(done_at[0], len(store.steps))
        disk = Disk(fault=DiskFault(is_torn=True))
        after = SimulatedStore(disk)
        after.make_directory(DIRECTORY)
        for step in store.steps[:end]:
            step.do(after)
        disk.lose_unsynced(random)

        frontier = loaded(after)

        made_here = [built for built, done in zip(blocks[::3], done_at[::3], strict=True) if done <= end]
        for built in made_here:
            block, root = built.block, frontier.root.block
            assert block.state_hash in frontier or block.blockchain_length <= root.blockchain_length
        _go_on(frontier, blocks)
        assert frontier.best_tip.block.state_hash == _best(blocks).best_tip.block.state_hash
        assert_same(loaded(after), loaded(after))


def _go_on(frontier: Frontier, blocks: list[Built]) -> None:
    """Take in what the frontier lacks, as catchup would."""
    for built in blocks:
        if built.block.previous_state_hash in frontier and built.block.state_hash not in frontier:
            frontier.add(built)


def _best(blocks: list[Built]) -> Frontier:
    frontier = Frontier(GENESIS.built, CONSTANTS)
    for built in blocks:
        frontier.add(built)
    return frontier


def test_record_after_a_torn_one_is_not_lost() -> None:
    """The torn end is cut off at loading: otherwise all that follows could never be read."""
    store = RecordingStore()
    blocks = chain(GENESIS, 4)
    run_node(store, blocks[:2])
    store.append(f"{DIRECTORY}/frontier/journal", b"\x00\x00\x03")

    saved = FrontierStore(store, DIRECTORY, GENESIS)
    frontier = saved.load()
    for built in blocks[2:]:
        frontier.add(built)
        saved.append(frontier, built.block, durably=False)

    assert loaded(store).best_tip.block.state_hash == blocks[-1].block.state_hash


@pytest.mark.parametrize("at", [0, 40, -1])
def test_damaged_snapshot_is_unreadable(at: int) -> None:
    store = RecordingStore()
    run_node(store, chain(GENESIS, 3))
    path = f"{DIRECTORY}/root/snapshot"
    data = bytearray(store.read(path))
    data[at] ^= 1
    store.write(path, bytes(data))

    with pytest.raises(UnreadableFrontierError, match="checksum"):
        loaded(store)


def test_damaged_journal_ends_at_the_damage() -> None:
    store = RecordingStore()
    blocks = chain(GENESIS, 4)
    run_node(store, blocks)
    path = f"{DIRECTORY}/frontier/journal"
    data = bytearray(store.read(path))
    data[-100] ^= 1
    store.write(path, bytes(data))

    assert loaded(store).best_tip.block.state_hash == blocks[2].block.state_hash


def test_lost_journal_leaves_the_root() -> None:
    store = RecordingStore()
    run_node(store, chain(GENESIS, 3))
    store.remove(f"{DIRECTORY}/frontier")

    assert loaded(store).best_tip.block.state_hash == GENESIS.block.state_hash


def test_frontier_of_another_network_is_told_apart_from_a_damaged_one() -> None:
    store = RecordingStore()
    run_node(store, [])
    other = genesis_of(make_config(1000, 501))

    with pytest.raises(OtherNetworkError, match=f"chain id {other.chain_id}, found 5 and {GENESIS.chain_id}"):
        FrontierStore(store, DIRECTORY, other).load()
