"""Gossip reaches nodes: counted once for each, told of those that it misses."""

from tests.coda_executive.wait_conditions.states import FACTS, A, B, C, after, block, nodes, up

from coda_executive.events.event import (
    BlockReceived,
    BreadcrumbAdded,
    NodeStopped,
    SnarkWorkGossiped,
    TransactionsGossiped,
)
from coda_executive.wait_conditions.condition import NotYet, Reached, Unreachable
from coda_executive.wait_conditions.gossip import (
    block_to_spread,
    command_to_spread,
    snark_work_to_be_seen,
    snark_work_to_spread,
)
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.hashes import StateHash
from coda_protocol.sample_keys import sample_keypair

PAYER = sample_keypair(1)
COMMAND = UserCommand(PAYER.public, Fee(1), 7, Payment(sample_keypair(2).public, Amount(5)))
KEY = str(PAYER.public)


def breadcrumb(name: str) -> BreadcrumbAdded:
    return BreadcrumbAdded(StateHash(name), ())


def gossip(nonce: int, *, sent: bool = False) -> TransactionsGossiped:
    return TransactionsGossiped(((KEY, nonce),), sent)


def work(prover: str, fee: int = 25) -> SnarkWorkGossiped:
    return SnarkWorkGossiped((1, 2), Fee(fee), prover, sent=False)


def test_a_block_spreads_over_a_share_of_the_nodes() -> None:
    start = up(A, B, C)
    made = after((A, block(2)), (B, BlockReceived(StateHash("3N2"), "x")), start=start)
    most = block_to_spread(nodes(A, B, C), share=0.6)
    every = block_to_spread(nodes(A, B, C)).begin(start, FACTS)

    assert isinstance(most.begin(start, FACTS)(made), Reached)
    assert every(made) == NotYet("2 of 3 nodes, missing node-1")
    assert isinstance(every(after((C, breadcrumb("3N2")), start=made)), Reached)


def test_a_block_of_before_the_wait_does_not_count() -> None:
    old = after((A, block(2)), start=up(A, B))
    check = block_to_spread(nodes(A, B), share=0.5).begin(old, FACTS)

    assert isinstance(check(after((B, BlockReceived(StateHash("3N2"), "x")), start=old)), NotYet)


def test_a_command_spreads_from_the_node_that_sends_it() -> None:
    start = up(A, B, C)
    check = command_to_spread(COMMAND, nodes(A, B, C)).begin(start, FACTS)
    some = after((A, gossip(7, sent=True)), (B, gossip(7)), (B, gossip(7)), (C, gossip(8)), start=start)

    assert check(some) == NotYet("2 of 3 nodes, missing node-1")
    assert check(after((C, gossip(7)), start=some)) == Reached()
    most = command_to_spread(COMMAND, nodes(A, B, C), share=0.6)
    assert isinstance(most.begin(start, FACTS)(some), Reached)


def test_another_command_in_gossip_is_a_near_miss() -> None:
    condition = command_to_spread(COMMAND, nodes(A))
    now = after((A, gossip(8)), start=up(A))

    assert isinstance(condition.begin(up(A), FACTS)(now), NotYet)
    assert condition.near_misses(up(A), now) == (f"the command with nonce 8 of …{KEY[-6:]} was gossiped",)


def test_gossip_does_not_reach_the_dead() -> None:
    dead = after((C, NodeStopped(0, False)), (A, gossip(7)), start=up(A, B, C))

    every = command_to_spread(COMMAND, nodes(A, B, C)).begin(up(A, B, C), FACTS)(dead)
    most = command_to_spread(COMMAND, nodes(A, B, C), share=0.6).begin(up(A, B, C), FACTS)(dead)

    assert isinstance(every, Unreachable)
    assert "node-1 is needed" in every.reason
    assert isinstance(most, NotYet), "the others are enough"


def test_snark_work_is_of_its_prover() -> None:
    check = snark_work_to_spread("B62one", nodes(A, B)).begin(up(A, B), FACTS)
    some = after((A, work("B62one")), (B, work("B62two")), start=up(A, B))

    assert check(some) == NotYet("1 of 2 nodes, missing block-producer-2")
    assert check(after((B, work("B62one")), start=some)) == Reached()
    condition = snark_work_to_spread("B62zzz", nodes(A))
    assert condition.near_misses(up(A), some) == (
        "SNARK work of …B62one was gossiped",
        "SNARK work of …B62two was gossiped",
    )


def test_snark_work_is_seen_by_prover_and_fee() -> None:
    condition = snark_work_to_be_seen(prover="B62one", fee=Fee(25))
    check = condition.begin(up(A), FACTS)
    other = after((A, work("B62one", 30)), start=up(A))

    assert isinstance(check(other), NotYet)
    assert condition.near_misses(up(A), other) == (
        "SNARK work of …B62one for 0.00000003 was offered, another one",
    )
    assert isinstance(check(after((A, work("B62one")), start=other)), Reached)
    assert isinstance(snark_work_to_be_seen().begin(up(A), FACTS)(other), Reached)
