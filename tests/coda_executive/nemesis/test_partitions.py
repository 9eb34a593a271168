"""Partitions as plain sets of links."""

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.nemesis import partitions


def nodes(count: int) -> tuple[NodeId, ...]:
    return tuple(NodeId(letter) for letter in "abcdefghijkl"[:count])


def hears(links: tuple[tuple[str, str], ...], node: str, count: int) -> set[str]:
    """Whom a node hears, itself included, when these links are cut."""
    return {other for other in nodes(count) if (other, node) not in links}


def test_halves_do_not_hear_each_other() -> None:
    links = partitions.halves(nodes(5))

    assert hears(links, "a", 5) == hears(links, "b", 5) == {"a", "b"}
    assert hears(links, "c", 5) == {"c", "d", "e"}


def test_isolated_nodes_hear_each_other_only() -> None:
    links = partitions.isolated([NodeId("b"), NodeId("d")], nodes(4))

    assert hears(links, "b", 4) == {"b", "d"}
    assert hears(links, "a", 4) == {"a", "c"}


def test_a_deaf_node_is_heard_and_a_mute_one_hears() -> None:
    deaf = partitions.deaf([NodeId("a")], nodes(3))
    mute = partitions.mute([NodeId("a")], nodes(3))

    assert set(deaf) == {("b", "a"), ("c", "a")}
    assert set(mute) == {("a", "b"), ("a", "c")}


def test_the_node_of_the_bridge_hears_both_sides() -> None:
    links = partitions.bridge(nodes(5))

    assert hears(links, "c", 5) == set(nodes(5))
    assert hears(links, "a", 5) == {"a", "b", "c"}
    assert hears(links, "e", 5) == {"c", "d", "e"}


@pytest.mark.parametrize("count", range(4, 13))
def test_on_the_ring_each_node_hears_a_majority_of_its_own(count: int) -> None:
    links = partitions.ring(nodes(count))

    majorities = [frozenset(hears(links, node, count)) for node in nodes(count)]
    assert all(len(majority) > count / 2 for majority in majorities)
    assert len(set(majorities)) == count or all(len(majority) == count for majority in majorities)
    assert {(other, one) for one, other in links} == set(links)


def test_groups_may_be_as_many_as_one_likes() -> None:
    links = partitions.between(*([node] for node in nodes(3)))

    assert len(links) == 6
