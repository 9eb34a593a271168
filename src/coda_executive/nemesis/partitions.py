"""Which links to cut: pure functions from nodes to links, each a pair (from, to) of one direction."""

from collections.abc import Collection, Sequence
from itertools import permutations

from coda_executive.config.node_id import NodeId

DirectedLink = tuple[NodeId, NodeId]


def between(*groups: Collection[NodeId]) -> tuple[DirectedLink, ...]:
    """Nobody of one group and another hear each other; a node in two groups hears both."""
    nodes = tuple(dict.fromkeys(node for group in groups for node in group))
    return tuple(
        (one, other)
        for one, other in permutations(nodes, 2)
        if not any(one in group and other in group for group in groups)
    )


def halves(nodes: Sequence[NodeId]) -> tuple[DirectedLink, ...]:
    """The first half of the nodes, the smaller one, against the rest."""
    middle = len(nodes) // 2
    return between(nodes[:middle], nodes[middle:])


def isolated(target: Collection[NodeId], nodes: Sequence[NodeId]) -> tuple[DirectedLink, ...]:
    """Some nodes, together, against the rest."""
    return between(target, [node for node in nodes if node not in target])


def deaf(target: Collection[NodeId], nodes: Sequence[NodeId]) -> tuple[DirectedLink, ...]:
    """One way: some nodes do not hear the rest, and are heard."""
    return tuple((one, other) for one, other in isolated(target, nodes) if other in target)


def mute(target: Collection[NodeId], nodes: Sequence[NodeId]) -> tuple[DirectedLink, ...]:
    """One way: some nodes are not heard by the rest, and hear."""
    return tuple((one, other) for one, other in isolated(target, nodes) if one in target)


def bridge(nodes: Sequence[NodeId]) -> tuple[DirectedLink, ...]:
    """Two halves that only the node in the middle hears and is heard by."""
    middle = len(nodes) // 2
    return between(nodes[: middle + 1], nodes[middle:])


def ring(nodes: Sequence[NodeId]) -> tuple[DirectedLink, ...]:
    """Each node and its nearest neighbours on a ring make a majority, and no two such majorities are the same.

    Links are cut both ways; with fewer than four nodes nothing is.
    """
    count = len(nodes)
    reach = (count + 2) // 4  # on each side: with oneself, more than half of all

    def apart(one: int, other: int) -> int:
        return min((one - other) % count, (other - one) % count)

    return tuple(
        (nodes[one], nodes[other])
        for one, other in permutations(range(count), 2)
        if apart(one, other) > reach
    )
