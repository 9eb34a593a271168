"""Whom a target means at a moment."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import Role
from coda_executive.errors import ConfigError
from coda_executive.nemesis.targets import Scene, expendable, resolve
from coda_executive.observation.network_state import Condition, NetworkState, NodeState
from coda_protocol.slots import BlockchainLength

ROLES = {
    "seed-1": Role.SEED,
    "bp-1": Role.BLOCK_PRODUCER,
    "bp-2": Role.BLOCK_PRODUCER,
    "bp-3": Role.BLOCK_PRODUCER,
    "node-1": Role.PLAIN,
}
STAKES = {"bp-1": 0.5, "bp-2": 0.3, "bp-3": 0.2}


def scene(**states: NodeState) -> Scene:
    """All run at height 5, but for what is said."""
    usual = NodeState(condition=Condition.RUNNING, height=BlockchainLength(5))
    nodes = {NodeId(name): states.get(name.replace("-", "_"), usual) for name in ROLES}
    testnet: Any = SimpleNamespace(
        nodes=[SimpleNamespace(id=NodeId(name), role=role) for name, role in ROLES.items()],
        plan=SimpleNamespace(
            nodes=[SimpleNamespace(id=NodeId(name), stake_share=STAKES.get(name, 0.0)) for name in ROLES]
        ),
    )
    return Scene(testnet, NetworkState(nodes))


@pytest.mark.parametrize(
    ("target", "count"), [("one", 1), ("minority", 2), ("majority", 3), ("minority-third", 1), ("all", 5)]
)
def test_so_many_are_meant_and_who_is_drawn(target: str, count: int) -> None:
    drawn = {resolve(target, scene(), Random(seed)) for seed in range(60)}

    assert {len(nodes) for nodes in drawn} == {count}
    assert {node for nodes in drawn for node in nodes} == set(ROLES)


def test_those_that_may_lose_their_state_leave_half_of_the_stake() -> None:
    stakes = {NodeId(name): share for name, share in STAKES.items()}
    for seed in range(60):
        order = Random(seed).sample([NodeId(name) for name in ROLES], len(ROLES))
        chosen = expendable(order, stakes)
        lost = sum(stakes.get(node, 0.0) for node in chosen)
        assert 0.3 <= lost <= 0.5 + 1e-9
        assert {"seed-1", "node-1"} <= set(chosen)
        # Nobody else would fit.
        assert all(lost + stakes[node] > 0.5 + 1e-9 for node in order if node not in chosen)


def test_the_only_producer_never_loses_its_state() -> None:
    assert expendable([NodeId("a"), NodeId("b")], {NodeId("a"): 0.9}) == ("b",)


def test_those_that_run_are_drawn_first() -> None:
    stopped = NodeState(condition=Condition.STOPPED)
    only = scene(seed_1=stopped, bp_1=stopped, bp_2=stopped, bp_3=stopped)

    assert {resolve("one", only, Random(seed)) for seed in range(20)} == {("node-1",)}


def test_names_and_roles() -> None:
    assert resolve("bp-2", scene(), Random(1)) == ("bp-2",)
    assert resolve("seed", scene(), Random(1)) == ("seed-1",)
    assert {resolve("block-producer", scene(), Random(s))[0] for s in range(20)} == {"bp-1", "bp-2", "bp-3"}
    assert resolve("every:block-producer", scene(), Random(1)) == ("bp-1", "bp-2", "bp-3")


def test_the_tip_holder_is_who_is_ahead_at_that_moment() -> None:
    ahead = NodeState(condition=Condition.RUNNING, height=BlockchainLength(9))

    assert resolve("tip-holder", scene(bp_3=ahead), Random(1)) == ("bp-3",)


def test_stake_is_gathered_from_the_richest() -> None:
    assert resolve("stake-over:0.4", scene(), Random(1)) == ("bp-1",)
    assert resolve("stake-over:0.5", scene(), Random(1)) == ("bp-1", "bp-2")


@pytest.mark.parametrize(
    "target", ["nobody", "archive-node", "every:archive-node", "stake-over:2", "stake-over:x"]
)
def test_a_target_that_means_nobody_is_told(target: str) -> None:
    with pytest.raises(ConfigError, match=r"no node is meant|no producers hold|expected stake-over"):
        resolve(target, scene(), Random(1))
