"""The blocks that a node took into its frontier, as a tree: heights from left to right, a row for each fork. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from coda_executive.observation.block_log import BlockLog, SeenBlock
from coda_executive.report.evidence import NodeStory
from coda_protocol.hashes import StateHash

MOST_BLOCKS = 8_000  # on one page, over all nodes
_STEP = 20  # from height to height
_ROW = 18
_MARGIN = 14
_RADIUS = 5


@dataclass(frozen=True, slots=True)
class Tree:
    """`rows` are the drawn blocks and the row of each: 0 is the chain of the best tip. Blocks of a height
    below `lowest` are not drawn.
    """

    rows: Mapping[StateHash, int]
    lowest: int
    left_out: int


def lay_out(adopted: list[SeenBlock], tip: StateHash | None, *, most: int) -> Tree:
    """Give each block its row. Of more than `most` blocks those with the greatest heights are kept."""
    by_height = sorted(adopted, key=lambda block: (-block.height, block.global_slot, block.state_hash))
    kept = {block.state_hash: block for block in by_height[:most]}
    rows: dict[StateHash, int] = {}
    spans: list[list[tuple[int, int]]] = []  # of each row, the heights that are taken
    leaves = sorted(kept.values(), key=lambda block: block.state_hash != tip)  # a stable sort: the tip first
    for leaf in leaves:
        branch = []
        block: SeenBlock | None = leaf
        while block is not None and block.state_hash not in rows:
            branch.append(block)
            rows[block.state_hash] = -1
            block = kept.get(block.parent)
        if not branch:
            continue
        # Where it forks off belongs to it: the line that leads there must not cross another branch.
        first, last = int(branch[-1].height) - 1, int(branch[0].height)
        row = next(
            (
                number
                for number, taken in enumerate(spans)
                if all(last < low or first > high for low, high in taken)
            ),
            len(spans),
        )
        if row == len(spans):
            spans.append([])
        spans[row].append((first, last))
        rows.update((block.state_hash, row) for block in branch)
    lowest = min((int(block.height) for block in kept.values()), default=0)
    return Tree(rows, lowest, len(adopted) - len(kept))


def block_tree(story: NodeStory, tip: StateHash | None, blocks: BlockLog, *, most: int) -> str:
    """A node's tree as SVG, with a line above it that says what is in it."""
    adopted = [block for name in story.blocks if (block := blocks.find(name)) is not None]
    if not adopted:
        return "<p>It took no block whose production was seen.</p>"
    tree = lay_out(adopted, tip, most=most)
    best = _chain(tip, blocks)
    forks = sum(name not in best for name in tree.rows)
    left_out = f", {tree.left_out} lower ones are not drawn" if tree.left_out else ""
    drawn = {name: block for name in tree.rows if (block := blocks.find(name)) is not None}
    highest = max(int(block.height) for block in drawn.values())
    width = _MARGIN * 2 + _STEP * (highest - tree.lowest + 1)
    height = _MARGIN * 2 + _ROW * max(tree.rows.values()) + 14

    def place(block: SeenBlock) -> tuple[int, int]:
        x = _MARGIN + _STEP * (int(block.height) - tree.lowest + 1)
        return x, _MARGIN + _ROW * tree.rows[block.state_hash]

    on: list[str] = []
    off: list[str] = []
    dots = []
    for name, block in drawn.items():
        x, y = place(block)
        parent = drawn.get(block.parent)
        from_x, from_y = place(parent) if parent is not None else (x - _STEP, y)
        (on if name in best else off).append(f"M{from_x} {from_y}L{x} {y}")
        kinds = ["best" if name in best else "fork"]
        kinds += ["tip"] if name == tip else []
        kinds += ["root"] if name == story.root else []
        title = (
            f"height {block.height}, slot {block.global_slot}, {block.state_hash}, by {block.producer} "
            f"at {block.time_ns / 1e9:.2f} s"
        )
        dots.append(
            f'<circle class="{" ".join(kinds)}" data-ns="{block.time_ns}" cx="{x}" cy="{y}" r="{_RADIUS}">'
            f"<title>{escape(title)}</title></circle>"
        )
    labels = [
        f'<text class="tick" x="{_MARGIN + _STEP * (at - tree.lowest + 1)}" y="{height - 4}" '
        f'text-anchor="middle">{at}</text>'
        for at in range(tree.lowest, highest + 1)
        if at % 5 == 0 or at == tree.lowest
    ]
    return (
        f"<p>{len(drawn)} blocks, {forks} off the chain of its best tip{left_out}.</p>"
        f'<div class="wide"><svg class="tree" width="{width}" height="{height}" role="img" '
        f'aria-label="Block tree of {escape(story.name)}" xmlns="http://www.w3.org/2000/svg">'
        f'<path class="edge fork" d="{"".join(off)}"/><path class="edge best" d="{"".join(on)}"/>'
        f"{''.join(dots)}{''.join(labels)}</svg></div>"
    )


def _chain(tip: StateHash | None, blocks: BlockLog) -> set[StateHash]:
    """The best tip and its ancestors, as far as they were seen."""
    chain = set()
    block = blocks.find(tip) if tip is not None else None
    while block is not None and block.state_hash not in chain:
        chain.add(block.state_hash)
        block = blocks.find(block.parent)
    return chain
