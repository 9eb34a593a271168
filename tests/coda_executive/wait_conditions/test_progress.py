"""How far the chain got, and how far nodes are apart."""

from dataclasses import replace

import pytest
from tests.coda_executive.wait_conditions.states import FACTS, A, B, C, after, block, nodes, tip, up

from coda_executive.events.event import NodeStopped, SnarkWorkGossiped, SyncStatusChanged
from coda_executive.wait_conditions.chain import block_height_to_grow
from coda_executive.wait_conditions.condition import NotYet, Reached, Unreachable
from coda_executive.wait_conditions.progress import (
    chains_to_agree,
    epoch_to_be_reached,
    ledger_proofs_to_be_emitted,
    nodes_to_have_status,
    slot_to_be_reached,
)
from coda_protocol.currency import Fee


def test_a_slot_is_reached_when_a_best_tip_is() -> None:
    check = slot_to_be_reached(3).begin(up(A), FACTS)

    assert check(after((A, block(2)), (A, tip("3N2")), (A, block(3)), start=up(A))) == NotYet(
        "global slot 2 of 3"
    )
    assert check(after((A, block(3)), (A, tip("3N3")), start=up(A))) == Reached()


def test_an_epoch_is_its_slots() -> None:
    before = after((A, block(479)), (A, tip("3N479")), start=up(A, B))
    condition = epoch_to_be_reached(1)

    assert condition.begin(before, FACTS)(before) == NotYet("global slot 479 of 480")
    assert (
        condition.begin(before, FACTS)(after((A, block(480)), (A, tip("3N480")), start=before)) == Reached()
    )
    assert condition.limits(before, FACTS).hard.slots < condition.limits(up(A, B), FACTS).hard.slots - 470


def test_no_slot_is_reached_without_stake() -> None:
    state = after((A, NodeStopped(0, False)), (B, NodeStopped(0, False)), start=up(A, B))

    assert isinstance(slot_to_be_reached(3).begin(state, FACTS)(state), Unreachable)


def test_heights_slots_and_epochs_go_on_from_a_hard_fork() -> None:
    forked = replace(
        FACTS, constants=replace(FACTS.constants, genesis_height=3001, genesis_slot=9000, slots_per_epoch=60)
    )
    first = block(3002, slot=9001)
    now = after((A, first), (A, tip(first.state_hash)), start=up(A, B))

    assert block_height_to_grow(1).begin(up(A, B), forked)(now) == Reached()
    assert block_height_to_grow(2).begin(up(A, B), forked)(now) == NotYet("1 of 2 blocks, height 3002")
    assert epoch_to_be_reached(1).begin(up(A, B), forked)(now) == NotYet("global slot 9001 of 9060")
    assert epoch_to_be_reached(1).limits(up(A, B), forked).soft.slots < 80


def test_ledger_proofs_are_counted_since_genesis_each_once() -> None:
    before = after((A, block(2, proof=True)), start=up(A, B))
    check = ledger_proofs_to_be_emitted(2, work_delay=1, capacity_log_2=2).begin(before, FACTS)

    assert check(before) == NotYet("1 of 2 proofs in 1 blocks")
    more = after((A, block(3)), start=before)
    assert check(more) == NotYet("1 of 2 proofs in 2 blocks")
    assert check(after((A, block(4, proof=True)), start=more)) == Reached()


@pytest.mark.parametrize(("within", "reached"), [(0, False), (1, False), (2, True), (3, True)])
def test_chains_agree_but_for_the_longest_branch(within: int, reached: bool) -> None:
    """3 and 4 stand on 2 on one side, 3x on 2 on the other: the longer side has two blocks of its own."""
    state = after(
        (A, block(2)),
        (A, block(3)),
        (A, block(4)),
        (B, block(3, "x")),
        (A, tip("3N4")),
        (B, tip("3N3x")),
        start=up(A, B),
    )

    verdict = chains_to_agree(nodes(A, B), within=within).begin(state, FACTS)(state)

    assert isinstance(verdict, Reached) is reached


def test_equal_sets_of_blocks_are_no_common_beginning() -> None:
    """Two chains that part at genesis share nothing, however many blocks both sides have seen."""
    state = after(
        (A, block(2, "a", parent="3Ngenesis")),
        (B, block(2, "b", parent="3Nother")),
        (A, tip("3N2a")),
        (B, tip("3N2b")),
        start=up(A, B),
    )

    verdict = chains_to_agree(nodes(A, B), within=5).begin(state, FACTS)(state)

    assert verdict == NotYet("more than 5 blocks apart: block-producer-1 at 2, block-producer-2 at 2")


def test_a_node_at_genesis_is_as_far_behind_as_the_chain_is_long() -> None:
    state = after((A, block(2)), (A, tip("3N2")), (B, tip("3N1")), start=up(A, B))

    assert chains_to_agree(nodes(A, B), within=1).begin(state, FACTS)(state) == Reached(1)


def test_a_status_is_asked_of_all() -> None:
    check = nodes_to_have_status(nodes(A, C), "SYNCED").begin(up(A, C), FACTS)
    one = after((A, SyncStatusChanged("SYNCED")), (C, SyncStatusChanged("CATCHUP")), start=up(A, C))

    assert check(one) == NotYet("node-1 is CATCHUP")
    assert check(after((C, SyncStatusChanged("SYNCED")), start=one)) == Reached()
    assert isinstance(check(after((C, NodeStopped(0, False)), start=one)), Unreachable)


def test_a_ledger_proof_that_does_not_come_is_explained_by_the_offers_of_work() -> None:
    wait, none = ledger_proofs_to_be_emitted(1, work_delay=1, capacity_log_2=2), up(A)
    offers = [SnarkWorkGossiped((number, 9), Fee(1), "B62", sent=True) for number in (1, 2)]

    assert "no node offered any SNARK work" in wait.near_misses(none, none)[0]
    assert (
        "2 pieces of SNARK work were offered"
        in wait.near_misses(none, after(*((A, each) for each in offers)))[0]
    )
