"""Where the blocks of a node are drawn."""

from hypothesis import given
from hypothesis import strategies as st
from tests.coda_executive.report.made_runs import ONE, block

from coda_executive.config.node_id import NodeId
from coda_executive.observation.block_log import BlockLog, SeenBlock
from coda_executive.report.block_tree import block_tree, lay_out
from coda_executive.report.evidence import NodeStory
from coda_protocol.hashes import StateHash


def seen(name: str, parent: str, height: int) -> SeenBlock:
    told = block(name, parent, height)
    return SeenBlock(
        told.state_hash,
        told.parent,
        told.height,
        told.global_slot,
        told.epoch,
        "B62q",
        True,
        ONE,
        height * 10**9,
    )


FORKED = [
    seen("a", "genesis", 2),
    seen("b", "a", 3),
    seen("c", "b", 4),
    seen("b'", "a", 3),
    seen("c'", "b'", 4),
    seen("c''", "b", 4),
]


def test_the_chain_of_the_best_tip_is_the_first_row() -> None:
    tree = lay_out(FORKED, StateHash("c'"), most=100)

    assert {name: row for name, row in tree.rows.items() if row == 0} == {"c'": 0, "b'": 0, "a": 0}
    assert (tree.rows[StateHash("c")], tree.rows[StateHash("b")]) == (1, 1)
    assert tree.rows[StateHash("c''")] == 2


def test_a_row_is_used_again_where_it_is_free() -> None:
    chain = [seen(f"{n}", f"{n - 1}", n) for n in range(2, 12)]
    forks = [seen("x", "3", 4), seen("y", "8", 9)]

    tree = lay_out([*chain, *forks], StateHash("11"), most=100)

    assert (tree.rows[StateHash("x")], tree.rows[StateHash("y")]) == (1, 1)


def test_of_too_many_blocks_the_highest_are_drawn() -> None:
    tree = lay_out(FORKED, StateHash("c"), most=4)

    assert (tree.lowest, tree.left_out, len(tree.rows)) == (3, 2, 4)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(0, 59), st.integers(1, 70))
def test_no_two_blocks_are_drawn_in_one_place(parents: list[int], tip: int, most: int) -> None:
    blocks = [seen("0", "genesis", 2)]
    for number, parent in enumerate(parents, start=1):
        below = blocks[parent % len(blocks)]
        blocks.append(seen(str(number), below.state_hash, below.height + 1))

    tree = lay_out(blocks, StateHash(str(tip)), most=most)

    heights = {block.state_hash: block.height for block in blocks}
    places = [(row, heights[name]) for name, row in tree.rows.items()]
    assert len(set(places)) == len(places) == min(most, len(blocks))
    assert all(row >= 0 for row in tree.rows.values())


def test_a_tree_marks_tip_and_root() -> None:
    blocks = BlockLog()
    for each in FORKED:
        blocks = blocks.append(each)
    story = NodeStory(NodeId("<one>"), blocks={each.state_hash: None for each in FORKED}, root=StateHash("a"))

    drawn = block_tree(story, StateHash("c"), blocks, most=100)

    assert "6 blocks, 3 off the chain of its best tip." in drawn
    assert drawn.count("<circle") == 6
    assert drawn.count('class="best tip"') == drawn.count('class="best root"') == 1
    assert "&lt;one&gt;" in drawn


def test_a_node_that_took_no_block_says_so() -> None:
    assert "no block" in block_tree(NodeStory(ONE), None, BlockLog(), most=100)
