"""The scan state's slots, jobs and proofs."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.coda_daemon.snark.proving import LEDGER, RULES, scan_after
from tests.coda_daemon.snark.scans import Chain, empty, ledger_after, statements

from coda_daemon.snark.scan_parts import WrongPartsError, rebuilt, taken_apart
from coda_daemon.snark.statement import Statement, merged

SHAPES = [(depth, delay) for depth in (0, 1, 2, 3) for delay in (0, 1, 2)]


@pytest.mark.parametrize(("depth", "delay"), SHAPES)
def test_first_ledger_proof_comes_with_the_full_block_that_the_contract_names(depth: int, delay: int) -> None:
    chain = Chain(depth=depth, work_delay=delay)
    blocks = 1
    while not chain.block(chain.scan.capacity):
        blocks += 1
    assert blocks == (delay + 1) * (depth + 1) + 1
    assert chain.proofs == [chain.scan.capacity]


@pytest.mark.parametrize(("depth", "delay"), SHAPES)
def test_every_full_block_after_the_first_proof_brings_another(depth: int, delay: int) -> None:
    chain = Chain(depth=depth, work_delay=delay)
    while not chain.proofs:
        chain.block(chain.scan.capacity)
    for _ in range(5):
        assert chain.block(chain.scan.capacity)
    capacity = chain.scan.capacity
    assert chain.proofs == [capacity * proof for proof in range(1, 7)]


@given(shape=st.sampled_from(SHAPES), counts=st.lists(st.integers(0, 8), max_size=200))
def test_proofs_follow_the_number_of_transactions_however_blocks_are_cut(
    shape: tuple[int, int], counts: list[int]
) -> None:
    depth, delay = shape
    chain = Chain(depth=depth, work_delay=delay)
    for count in counts:
        chain.block(min(count, chain.scan.room))
    full_trees = chain.transactions // chain.scan.capacity
    expected = max(0, full_trees - (delay + 1) * (depth + 1))
    assert len(chain.proofs) == expected
    assert len(chain.scan.trees) <= (delay + 1) * (depth + 1) + 1
    assert chain.scan.free > 0


@given(
    shape=st.sampled_from(SHAPES), counts=st.lists(st.integers(0, 8), max_size=100), more=st.integers(0, 8)
)
def test_what_a_block_must_buy_is_two_jobs_a_slot_and_was_on_offer(
    shape: tuple[int, int], counts: list[int], more: int
) -> None:
    chain = Chain(depth=shape[0], work_delay=shape[1])
    offered: set[tuple[bytes, ...]] = set()
    for count in [*counts, more]:
        count = min(count, chain.scan.room)
        offered |= {bundle.statements for bundle in chain.scan.pending()}
        required = chain.scan.required(count)
        assert sum(len(bundle.jobs) for bundle in required) <= 2 * count
        assert {bundle.statements for bundle in required} <= offered
        chain.block(count)


def test_no_work_is_owed_until_the_first_trees_are_full() -> None:
    chain = Chain(depth=2, work_delay=1)
    for _ in range(2):
        assert chain.scan.required(4) == ()
        chain.block(4)
    assert [len(bundle.jobs) for bundle in chain.scan.required(4)] == [2, 2]


def test_leaves_can_be_worked_on_in_pairs_before_their_tree_is_full() -> None:
    scan = empty(depth=2, work_delay=2)
    scan, _ = scan.after(statements(scan, 3, first=0), ledger_after(4), ledger_after(3))
    assert [len(bundle.jobs) for bundle in scan.pending()] == [2]


def test_digest_names_the_state() -> None:
    one, other = Chain(depth=2, work_delay=1), Chain(depth=2, work_delay=1)
    for chain, counts in ((one, (1, 1)), (other, (2,))):
        for count in counts:
            chain.block(count)
    assert one.scan.digest == other.scan.digest
    other.block(1)
    assert one.scan.digest != other.scan.digest


def test_statements_that_do_not_follow_each_other_do_not_merge() -> None:
    assert merged(Statement("a", "b", 1, 2), Statement("b", "c", 3, 4)) == Statement("a", "c", 4, 6)
    with pytest.raises(ValueError, match="expected a statement from ledger b"):
        merged(Statement("a", "b"), Statement("c", "d"))


def test_scan_state_of_level_check_is_built_again_by_applying_its_transactions() -> None:
    scan = scan_after(8, work_delay=1)
    first, parts = taken_apart(scan, ())
    again = rebuilt(parts, first, depth=1, work_delay=1, rules=RULES).scan

    assert again.digest == scan.digest
    assert again.staged.hash == scan.staged.hash
    traces = [[job.trace for bundle in state.pending() for job in bundle.jobs] for state in (scan, again)]
    assert traces[0] == traces[1]
    assert all(traces[0])


@pytest.mark.parametrize("lie", ["transactions", "fewer", "accounts", "statements"])
def test_scan_state_whose_transactions_do_not_fit_is_refused(lie: str) -> None:
    first, parts = taken_apart(scan_after(8, work_delay=1), ())
    tree, *others = parts.trees
    swapped = tree.transactions[::-1]
    planted = msgspec.structs.replace(tree.statements[0], target="x")
    changed: dict[str, dict[str, Any]] = {
        "transactions": {"transactions": swapped},
        "fewer": {"transactions": swapped[1:]},
        "accounts": {"changed": tuple(LEDGER)[:1]},
        "statements": {"statements": (planted, tree.statements[1])},
    }
    wrong = msgspec.structs.replace(parts, trees=(msgspec.structs.replace(tree, **changed[lie]), *others))
    with pytest.raises(WrongPartsError):
        rebuilt(wrong, first, depth=1, work_delay=1, rules=RULES)
