"""Work, its proofs, the pool, and who takes which piece."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.coda_daemon.chain_testbed import RecordingSink

from coda_daemon.log import Log
from coda_daemon.snark.coordinator import Coordinator
from coda_daemon.snark.pool import SnarkPool
from coda_daemon.snark.statement import Bundle, Job, Statement, bundled, merged
from coda_daemon.snark.work import (
    JobSpec,
    Work,
    WorkSpec,
    WrongWorkError,
    check_work,
    decode_work,
    encode_work,
    proved,
    spec_of,
)
from coda_daemon.snark.work_selection import UnknownSelectionError, leader, make_selection

LEFT, RIGHT = Statement("a", "b", 1), Statement("b", "c", -1)
BUNDLES = bundled(tuple(Job(Statement(f"L{at}", f"L{at + 1}")) for at in range(40)))


def work_on(bundle: Bundle, *, fee: int = 5, prover: str = "one") -> Work:
    return proved(spec_of(bundle, fee=fee, prover=prover), "check")


def test_finished_work_is_believed_and_travels() -> None:
    work = work_on(BUNDLES[0])

    check_work(work, "check", prover="one")
    assert decode_work(encode_work(work)) == work
    assert work.work_ids == BUNDLES[0].work_ids


@pytest.mark.parametrize(
    "change",
    [{"fee": 4}, {"prover": "two"}, {"proofs": (b"", b"")}, {"statements": BUNDLES[1].statements}],
    ids=["fee", "prover", "proofs", "statements"],
)
def test_changed_work_is_refused(change: dict[str, object]) -> None:
    """Nobody can sell another's work, nor at another price."""
    with pytest.raises(WrongWorkError, match="expected the proofs"):
        check_work(msgspec.structs.replace(work_on(BUNDLES[0]), **change), "check")


def test_dummies_are_proofs_at_level_none_only() -> None:
    dummy = proved(spec_of(BUNDLES[0], fee=5, prover="one"), "none")

    check_work(dummy, "none")
    with pytest.raises(WrongWorkError):
        check_work(dummy, "check")


def test_a_merge_of_parts_that_do_not_make_it_up_is_not_proved() -> None:
    whole = merged(LEFT, RIGHT)
    proved(WorkSpec((JobSpec(whole, (LEFT, RIGHT)),), 0, "one"), "check")
    for parts in ((RIGHT, LEFT), (LEFT,), (LEFT, Statement("b", "d"))):
        with pytest.raises(WrongWorkError):
            proved(WorkSpec((JobSpec(whole, parts),), 0, "one"), "check")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_work_are_refused(data: bytes) -> None:
    with pytest.raises(WrongWorkError):
        decode_work(data)


def test_pool_keeps_the_cheapest() -> None:
    pool = SnarkPool()
    dear, cheap, same = (
        work_on(BUNDLES[0], fee=fee, prover=who) for fee, who in ((5, "a"), (0, "b"), (0, "c"))
    )

    assert [pool.add(work, height=1) for work in (dear, cheap, same, dear)] == [True, True, False, False]
    assert pool.find(BUNDLES[0]) == cheap
    assert pool.find(BUNDLES[1]) is None


def test_pool_forgets_what_no_tip_wants_any_more() -> None:
    pool = SnarkPool()
    for bundle in BUNDLES[:2]:
        pool.add(work_on(bundle), height=1)

    pool.keep(BUNDLES[:1], height=10, for_blocks=5)

    assert [work.statements for work in pool] == [BUNDLES[0].statements]


def test_selections() -> None:
    never = bool
    seq = make_selection("seq", chance=Random(1), prover="a")
    rand = make_selection("rand", chance=Random(1), prover="a")

    assert seq(BUNDLES, (), never) is BUNDLES[0]
    assert len({rand(BUNDLES, (), never) for _ in range(200)}) > 10
    for name in ("seq", "rand", "part"):
        assert make_selection(name, chance=Random(1), prover="a")((), (), never) is None
    with pytest.raises(UnknownSelectionError, match="Invalid work selection"):
        make_selection("best", chance=Random(1), prover="a")


def test_coordinators_that_part_the_work_take_different_pieces_and_leave_none() -> None:
    names = ("a", "b", "c")
    taken: dict[str, list[Bundle]] = {name: [] for name in names}
    for name in names:
        select = make_selection("part", chance=Random(1), prover=name)
        left = list(BUNDLES)
        while chosen := select(left, names, lambda _bundle: False):
            taken[name].append(chosen)
            left.remove(chosen)

    assert sorted(len(pieces) for pieces in taken.values()) > [2, 2, 2]
    assert sum(map(len, taken.values())) == len(BUNDLES)
    assert {leader(bundle, names) for bundle in taken["a"]} == {"a"}


def test_a_piece_that_its_leader_leaves_for_too_long_goes_to_another() -> None:
    bundle = next(each for each in BUNDLES if leader(each, ("a", "b")) == "a")
    select = make_selection("part", chance=Random(1), prover="b")

    assert select([bundle], ("a", "b"), lambda _bundle: False) is None
    assert select([bundle], ("a", "b"), lambda _bundle: True) is bundle


class HandClock:
    def __init__(self) -> None:
        self.now = 0

    def time_ns(self) -> int:
        return self.now


class Desk:
    """A coordinator with its surroundings."""

    def __init__(self, *, wait_ns: int = 100) -> None:
        self.clock, self.sink, self.pool = HandClock(), RecordingSink(), SnarkPool()
        self.open = BUNDLES[:2]
        self.submitted: list[Work] = []
        self.coordinator = Coordinator(
            prover="us",
            fee=5,
            level="check",
            selection=make_selection("seq", chance=Random(1), prover="us"),
            wait_ns=wait_ns,
            pool=self.pool,
            open_work=lambda: self.open,
            submitted=self.submitted.append,
            clock=self.clock,
            log=Log(self.clock, [self.sink], pid=1),
        )

    def asked(self) -> tuple[bytes, ...] | None:
        spec = self.coordinator.next_work()
        return None if spec is None else spec.bundle.statements


def test_each_piece_is_handed_out_once_until_the_wait_is_over() -> None:
    desk = Desk()
    first, second = (bundle.statements for bundle in desk.open)

    assert [desk.asked(), desk.asked(), desk.asked()] == [first, second, None]
    desk.clock.now = 100
    assert desk.asked() == first
    assert [record.message for record in desk.sink.records] == [
        "Waited too long to get work for $work. Ready to be reassigned"
    ] * 2


def test_work_that_is_on_offer_as_cheap_is_not_done_again() -> None:
    desk = Desk()
    desk.pool.add(work_on(BUNDLES[0], fee=5), height=1)
    desk.pool.add(work_on(BUNDLES[1], fee=6), height=1)

    assert desk.asked() == BUNDLES[1].statements
    desk.coordinator.fee = 7
    assert desk.asked() is None


def test_wrong_results_are_refused_and_the_piece_is_open_again() -> None:
    desk = Desk()
    spec = desk.coordinator.next_work()
    assert spec is not None
    good = proved(spec, "check")

    for wrong in (proved(spec, "none"), msgspec.structs.replace(good, prover="them")):
        assert not desk.coordinator.take(wrong)
    assert desk.sink.records[0].message == "Failed to generate SNARK work: $error"
    assert desk.asked() == spec.bundle.statements
    assert desk.coordinator.take(good)
    assert desk.submitted == [good]
