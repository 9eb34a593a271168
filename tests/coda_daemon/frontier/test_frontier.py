from dataclasses import replace
from random import Random

import pytest
from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config, next_block

from coda_daemon.blocks import Block
from coda_daemon.consensus.building import Built
from coda_daemon.consensus.selection import is_better
from coda_daemon.frontier.frontier import BestTipChange, Diff, Frontier, RootTransition
from coda_protocol.hashes import StateHash

K = 4
GENESIS = genesis_of(make_config(1000, 1000, 1000, k=K, slots_per_epoch=300))
CONSTANTS = GENESIS.rules.constants


def grown(*blocks: Built) -> Frontier:
    frontier = Frontier(GENESIS.built, CONSTANTS)
    for built in blocks:
        frontier.add(built)
    return frontier


def test_new_frontier_is_its_root() -> None:
    frontier = grown()

    assert frontier.best_tip is frontier.root
    assert frontier.best_path() == (GENESIS.block,)
    assert frontier.best_path(5) == (GENESIS.block,)


def test_block_on_the_tip_becomes_the_tip() -> None:
    [built] = chain(GENESIS, 1)
    frontier = grown()

    diff = frontier.add(built)

    assert diff == Diff(
        built.block.state_hash, BestTipChange(built.block.state_hash, (built.block,), ()), None
    )
    assert frontier.best_tip.block is built.block


def test_root_moves_one_block_when_the_tip_is_more_than_k_above() -> None:
    blocks = chain(GENESIS, K + 2)
    frontier = grown(*blocks[:K])
    assert frontier.root.block is GENESIS.block

    first, second = (frontier.add(built) for built in blocks[K:])

    assert first.root == RootTransition(blocks[0].block.state_hash, ())
    assert second.root == RootTransition(blocks[1].block.state_hash, ())
    assert len(frontier) == K + 1
    assert GENESIS.block.state_hash not in frontier


def test_side_branches_off_the_old_root_are_garbage() -> None:
    main = chain(GENESIS, K + 1)
    side = chain(GENESIS, 2, producer=2)
    kept = next_block(GENESIS, main[0], 3)
    frontier = grown(*main[:K], *side, kept)

    diff = frontier.add(main[K])

    assert diff.root == RootTransition(
        main[0].block.state_hash, tuple(built.block.state_hash for built in side)
    )
    assert kept.block.state_hash in frontier
    assert not any(built.block.state_hash in frontier for built in side)


def test_worse_block_is_only_a_new_node() -> None:
    frontier = grown(*chain(GENESIS, 2))
    side = next_block(GENESIS, GENESIS.built, 2)

    assert frontier.add(side) == Diff(side.block.state_hash, None, None)


def test_longer_branch_replaces_the_best_path_back_to_the_fork() -> None:
    common = chain(GENESIS, 1)
    ours = chain(GENESIS, 2, producer=1, on=common[0])
    theirs = chain(GENESIS, 3, producer=2, on=common[0])
    frontier = grown(*common, *ours)
    for built in theirs[:2]:
        frontier.add(built)

    frontier.add(theirs[2])

    assert frontier.best_path() == tuple(built.block for built in [GENESIS.built, *common, *theirs])


def test_reorganisation_tells_what_went_and_what_came_oldest_first() -> None:
    ours = chain(GENESIS, 1, producer=1)
    theirs = chain(GENESIS, 2, producer=2)
    frontier = grown(*ours)
    changes = [frontier.add(built).best_tip for built in theirs]

    added = [block for change in changes if change for block in change.added]
    removed = [block for change in changes if change for block in change.removed]
    assert added == [built.block for built in theirs]
    assert removed == [ours[0].block]


def test_best_path_is_limited_to_the_newest_blocks() -> None:
    blocks = [built.block for built in chain(GENESIS, 3)]
    frontier = grown(*chain(GENESIS, 3))
    names = [block.state_hash for block in blocks]

    assert [block.state_hash for block in frontier.best_path(2)] == names[1:]
    assert [block.state_hash for block in frontier.best_path(3)] == names
    assert [block.state_hash for block in frontier.best_path(4)] == [GENESIS.block.state_hash, *names]
    assert [block.state_hash for block in frontier.best_path()] == [GENESIS.block.state_hash, *names]
    assert frontier.best_path(0) == ()


def test_block_at_a_height_is_on_the_best_path_after_the_root() -> None:
    blocks = chain(GENESIS, 3)
    frontier = grown(*blocks, next_block(GENESIS, GENESIS.built, 2))

    assert frontier.block_at(3) is blocks[1].block
    assert frontier.block_at(1) is None  # the root (D.3)
    assert frontier.block_at(9) is None


def test_former_roots_are_kept_for_peers_as_far_as_they_may_catch_up() -> None:
    blocks = chain(GENESIS, 40)
    frontier = grown(*blocks)

    former = [GENESIS.block, *(built.block for built in blocks)][: -K - 1]
    assert list(frontier.history) == former[-CONSTANTS.catchup_reach :]
    assert frontier.was_root(former[-1].state_hash)
    assert not frontier.was_root(former[0].state_hash)
    assert frontier.known_block(former[-1].state_hash) is former[-1]
    assert frontier.known_block(blocks[-1].block.state_hash) is blocks[-1].block


@pytest.mark.parametrize("seed", range(20))
def test_random_trees_keep_the_promises(seed: int) -> None:
    """Against a model that looks at the whole tree anew after each block."""
    random = Random(seed)
    frontier = grown()
    known = {GENESIS.block.state_hash: GENESIS.built}
    best: Block = GENESIS.block
    for _ in range(40):
        parent = random.choice([built for name, built in known.items() if name in frontier][-6:])
        built = next_block(GENESIS, parent, random.choice((1, 2, 3)))
        if built.block.state_hash in known:
            continue
        known[built.block.state_hash] = built

        diff = frontier.add(built)

        if is_better(built.block, best, CONSTANTS):
            best = built.block
        assert frontier.best_tip.block is best
        assert (diff.best_tip is not None) == (best is built.block)
        path = [best]
        while path[-1].previous_state_hash in known:
            path.append(known[path[-1].previous_state_hash].block)
        path.reverse()
        root = path[max(0, len(path) - 1 - K)]
        assert frontier.root.block is root
        descendants = {name for name, one in known.items() if _descends(one.block, root, known)}
        assert {name for name in known if name in frontier} == descendants
        assert len(frontier) == len(descendants)
        if diff.root is not None:
            assert not set(diff.root.garbage) & descendants


def _descends(block: Block, root: Block, known: dict[StateHash, Built]) -> bool:
    while block is not root:
        if block.previous_state_hash not in known:
            return False
        block = known[block.previous_state_hash].block
    return True


def test_nodes_that_know_the_same_blocks_share_what_the_next_one_changes() -> None:
    """In whatever order they came; a node that knows one more has a change of its own."""
    common, side = chain(GENESIS, 2), next_block(GENESIS, GENESIS.built, 2)
    one, other, third = grown(*common, side), grown(side, *common), grown(*common)
    [block] = chain(GENESIS, 1, on=common[-1])

    diff = one.add(block)

    assert other.add(block) is diff
    assert third.add(block) == diff
    assert third.add(block_on_top := chain(GENESIS, 1, on=block)[0]) is not one.add(block_on_top)


def test_what_follows_from_a_block_is_its_nodes_own() -> None:
    """Two nodes with unlike ledgers for a block do not mix them up, nor do nodes of networks with unlike k."""
    [built, after] = chain(GENESIS, 2)
    other = replace(built, ledger=GENESIS.ledger)
    one, two = grown(built), grown(other)
    narrow = Frontier(GENESIS.built, replace(CONSTANTS, k=1))
    narrow.add(built)

    diffs = [frontier.add(after) for frontier in (one, two, narrow)]

    assert one.breadcrumb(built.block.state_hash) is built
    assert two.breadcrumb(built.block.state_hash) is other
    assert [diff.root is None for diff in diffs] == [True, True, False]
