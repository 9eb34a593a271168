"""Whom a fault hits: symbolic names, resolved at the moment when it begins. Pure.

one, minority, majority, minority-third, all      so many nodes, drawn
seed, block-producer, snark-coordinator, …        one node of a role, drawn
every:block-producer, …                           all nodes of a role
tip-holder                                        one node whose best tip is the highest
stake-over:0.3                                    as few producers as hold more than this share of the stake
NAME                                              that node
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role
from coda_executive.errors import ConfigError
from coda_executive.interfaces.testnet import Testnet
from coda_executive.observation.network_state import NetworkState

if TYPE_CHECKING:  # chance is the caller's
    from random import Random

SYMBOLIC_TARGETS = ("one", "minority", "majority", "minority-third", "all", "tip-holder")

_ROUNDING = 1e-9  # shares of the stake are floating point
_ROLES = {role.value.replace(" ", "-"): role for role in Role}


@dataclass(frozen=True, slots=True)
class Scene:
    """What is there to be hit, at one moment."""

    testnet: Testnet
    state: NetworkState

    @property
    def nodes(self) -> tuple[NodeId, ...]:
        return tuple(node.id for node in self.testnet.nodes)


def resolve(target: str, scene: Scene, stream: Random) -> tuple[NodeId, ...]:
    """The nodes meant, never none. Raises ConfigError for a name without meaning here.

    Those that run now are drawn before those that do not.
    """
    nodes = scene.nodes
    if target in nodes:
        return (NodeId(target),)
    kind, _, argument = target.partition(":")
    count = len(nodes)
    sizes = {
        "one": 1,
        "minority": max(1, (count - 1) // 2),
        "majority": count // 2 + 1,
        "minority-third": max(1, (count - 1) // 3),
        "all": count,
    }
    if target in sizes:
        return _draw(nodes, sizes[target], scene, stream)
    if target in _ROLES and (members := _members(target, scene)):
        return _draw(members, 1, scene, stream)
    if kind == "every" and argument in _ROLES and (members := _members(argument, scene)):
        return members
    if target == "tip-holder":
        heights = {node: scene.state.node(node).height or 0 for node in nodes}
        highest = max(heights.values())
        return _draw([node for node in nodes if heights[node] == highest], 1, scene, stream)
    if kind == "stake-over":
        return _stake_over(argument, scene, stream)
    raise ConfigError(
        f"no node is meant by the target {target!r}. There are {', '.join(SYMBOLIC_TARGETS)}, stake-over:SHARE, "
        f"a role ({', '.join(_ROLES)}) that the network has, every:ROLE, and the nodes {', '.join(nodes)}."
    )


def stakes_of(testnet: Testnet) -> dict[NodeId, float]:
    """Shares of the stake, 0 to 1, of the nodes that have some."""
    there = {node.id for node in testnet.nodes}
    return {
        node.id: node.stake_share for node in testnet.plan.nodes if node.stake_share > 0 and node.id in there
    }


def expendable(nodes: Iterable[NodeId], stakes: Mapping[NodeId, float]) -> tuple[NodeId, ...]:
    """Those of the nodes, the first ones first, that may lose all their state together: those that stay hold at
    least half of the stake that the nodes have. A network that forgets more begins anew, which is no defect.
    """
    spare = sum(stakes.values()) / 2
    chosen: list[NodeId] = []
    for node in nodes:
        stake = stakes.get(node, 0.0)
        if stake <= spare + _ROUNDING:
            spare -= stake
            chosen.append(node)
    return tuple(chosen)


def _members(role: str, scene: Scene) -> tuple[NodeId, ...]:
    return tuple(node.id for node in scene.testnet.nodes if node.role is _ROLES[role])


def _draw(nodes: Sequence[NodeId], count: int, scene: Scene, stream: Random) -> tuple[NodeId, ...]:
    drawn = stream.sample(list(nodes), len(nodes))
    drawn.sort(key=lambda node: not scene.state.node(node).takes_part)  # stable: still drawn among equals
    chosen = frozenset(drawn[:count])
    return tuple(node for node in scene.nodes if node in chosen)


def _stake_over(share: str, scene: Scene, stream: Random) -> tuple[NodeId, ...]:
    try:
        wanted = float(share)
    except ValueError:
        raise ConfigError(f"expected stake-over:SHARE with a share from 0 to 1, found {share!r}") from None
    stakes = stakes_of(scene.testnet)
    producers = stream.sample(list(stakes), len(stakes))
    producers.sort(key=lambda node: -stakes[node])
    chosen: list[NodeId] = []
    for node in producers:
        if sum(stakes[each] for each in chosen) > wanted:
            break
        chosen.append(node)
    if sum(stakes[each] for each in chosen) <= wanted:
        raise ConfigError(f"no producers hold more than {wanted:g} of the stake: all together have no more")
    return tuple(node for node in scene.nodes if node in chosen)
