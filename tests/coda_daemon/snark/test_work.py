"""Work, its proofs, the pool, and who takes which piece."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.coda_daemon.chain_testbed import key
from tests.coda_daemon.commands_testbed import payment
from tests.coda_daemon.log_testbed import RecordingSink
from tests.coda_daemon.snark.proving import RULES, bundles, jobs

from coda_daemon.digests import digest_of
from coda_daemon.log import Log
from coda_daemon.snark.coordinator import Coordinator
from coda_daemon.snark.pool import SnarkPool
from coda_daemon.snark.statement import Bundle, Job, Statement, bundled
from coda_daemon.snark.transaction import CoinbaseTransaction, UserTransaction
from coda_daemon.snark.work import (
    JobSpec,
    PartSpec,
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

# Nobody proves these: pool, selection and hand-out look at names only.
BUNDLES = bundled(tuple(Job(Statement(f"L{at}", f"L{at + 1}")) for at in range(40)))
replace = msgspec.structs.replace


def offer_on(bundle: Bundle, *, fee: int, prover: str = "one") -> Work:
    return proved(spec_of(bundle, fee=fee, prover=prover), "none")


def work_on(bundle: Bundle, *, fee: int = 5, prover: str = "one") -> Work:
    return proved(spec_of(bundle, fee=fee, prover=prover, rules=RULES), "check")


@pytest.mark.parametrize("number", range(len(bundles())))
def test_finished_work_is_believed_and_travels(number: int) -> None:
    """Of every kind of transaction, and of merges."""
    bundle = bundles()[number]
    work = work_on(bundle)

    check_work(work, bundle, "check", prover="one")
    assert decode_work(encode_work(work)) == work
    assert work.work_ids == bundle.work_ids


@pytest.mark.parametrize("number", [0, len(bundles()) - 1], ids=["transactions", "merges"])
@pytest.mark.parametrize(
    "change",
    [
        {"fee": 4},
        {"prover": "two"},
        {"proofs": (b"", b"")},
        {"proofs": work_on(bundles()[1]).proofs},
        {"statements": bundles()[1].statements},
    ],
    ids=["fee", "prover", "dummies", "proofs of another job", "statements of another job"],
)
def test_changed_work_is_refused(number: int, change: dict[str, object]) -> None:
    """Nobody can sell another's work, nor at another price, nor as the work on something else."""
    bundle = bundles()[number]
    with pytest.raises(WrongWorkError, match="expected"):
        check_work(msgspec.structs.replace(work_on(bundle), **change), bundle, "check")


def test_dummies_are_proofs_at_level_none_only() -> None:
    bundle = bundles()[0]
    dummy = proved(spec_of(bundle, fee=5, prover="one"), "none")

    check_work(dummy, bundle, "none")
    with pytest.raises(WrongWorkError):
        check_work(dummy, bundle, "check")


def spec_with(job: JobSpec) -> WorkSpec:
    return WorkSpec((job,), 5, "one", RULES.account_creation_fee, RULES.signature_kind.name)


STATEMENT = jobs()[0].statement
ELSEWHERE = jobs()[3].statement.target
PLANTED = {
    "target": replace(STATEMENT, target=ELSEWHERE),
    "source": replace(STATEMENT, source=ELSEWHERE),
    "fee excess": replace(STATEMENT, fee_excess=STATEMENT.fee_excess + 1),
    "supply": replace(STATEMENT, supply_increase=1),
    "another job": jobs()[1].statement,
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_worker_refuses_a_statement_that_does_not_follow(planted: Statement) -> None:
    (job, _) = spec_of(bundles()[0], fee=5, prover="one", rules=RULES).jobs
    proved(spec_with(job), "check")
    with pytest.raises(WrongWorkError, match=r"expected .* of its transaction, found"):
        proved(spec_with(replace(job, statement=planted)), "check")


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_work_on_a_planted_statement_is_refused(planted: Statement) -> None:
    """By whoever a dishonest worker or coordinator brings it to, with the right trace in it or a made-up one."""
    honest = jobs()[0]
    assert honest.step is not None
    bundle, lie = Bundle((honest,)), Bundle((Job(planted, step=honest.step),))
    for trace in (honest.step.trace, bytes(32)):
        work = forged_work(lie, trace)
        with pytest.raises(WrongWorkError):
            check_work(work, bundle, "check")
        with pytest.raises(WrongWorkError):
            check_work(replace(work, statements=bundle.statements), bundle, "check")


def forged_work(bundle: Bundle, trace: bytes) -> Work:
    """What `proved` makes, without the work."""
    (digest,) = bundle.statements
    return Work((digest,), (digest_of(digest, trace, b"5 one", purpose=b"coda-snark-proof"),), 5, "one")


def test_forgery_is_made_as_proofs_are() -> None:
    """Else the test before it would show nothing."""
    (job,) = bundled(jobs()[:1])
    assert forged_work(job, job.jobs[0].trace) == work_on(job)


@pytest.mark.parametrize("change", ["none", "leaf", "hashes", "size", "slot", "signature"])
def test_a_worker_refuses_a_witness_that_does_not_fit(change: str) -> None:
    (job, _) = spec_of(bundles()[0], fee=5, prover="one", rules=RULES).jobs
    witness = job.witness
    assert witness is not None
    (place, account), *others = witness.leaves
    assert account is not None
    transactions = {
        "slot": CoinbaseTransaction(key(1), 5, 0, 1),
        "signature": UserTransaction(payment(2, 1).id[:-12] + "A" * 12, 1),
    }
    changed = {
        "none": None,
        "leaf": replace(witness, leaves=((place, replace(account, balance=7)), *others)),
        "hashes": replace(witness, hashes=witness.hashes[1:]),
        "size": replace(witness, depth=witness.depth - 1),
        **{name: replace(witness, transaction=each) for name, each in transactions.items()},
    }
    with pytest.raises(WrongWorkError, match=f"work {job.statement.work_id}"):
        proved(spec_with(replace(job, witness=changed[change])), "check")


def test_a_merge_of_parts_that_do_not_make_it_up_is_not_proved() -> None:
    (job, _) = spec_of(bundles()[-1], fee=5, prover="one", rules=RULES).jobs
    left, right = job.parts
    proved(spec_with(job), "check")
    other = PartSpec(replace(right.statement, target=ELSEWHERE), right.trace)
    for parts in ((right, left), (left,), (left, other)):
        with pytest.raises(WrongWorkError):
            proved(spec_with(replace(job, parts=parts)), "check")


def test_a_merge_from_made_up_traces_is_refused_by_receivers() -> None:
    bundle = bundles()[-1]
    spec = spec_of(bundle, fee=5, prover="one", rules=RULES)
    lied = tuple(
        replace(job, parts=tuple(replace(part, trace=bytes(32)) for part in job.parts)) for job in spec.jobs
    )
    with pytest.raises(WrongWorkError, match="expected the proofs"):
        check_work(proved(replace(spec, jobs=lied), "check"), bundle, "check")


@given(st.binary(max_size=200))
def test_bytes_that_are_no_work_are_refused(data: bytes) -> None:
    with pytest.raises(WrongWorkError):
        decode_work(data)


def test_pool_keeps_the_cheapest() -> None:
    pool = SnarkPool()
    dear, cheap, same = (
        offer_on(BUNDLES[0], fee=fee, prover=who) for fee, who in ((5, "a"), (0, "b"), (0, "c"))
    )

    assert [pool.add(work, height=1) for work in (dear, cheap, same, dear)] == [True, True, False, False]
    assert pool.find(BUNDLES[0]) == cheap
    assert pool.find(BUNDLES[1]) is None


def test_pool_forgets_what_no_tip_wants_any_more() -> None:
    pool = SnarkPool()
    for bundle in BUNDLES[:2]:
        pool.add(offer_on(bundle, fee=5), height=1)

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

    def __init__(self, *, wait_ns: int = 100, former: frozenset[str] = frozenset()) -> None:
        self.clock, self.sink, self.pool = HandClock(), RecordingSink(), SnarkPool()
        self.open = bundles()[:2]
        self.submitted: list[Work] = []
        self.coordinator = Coordinator(
            prover="us",
            fee=5,
            level="check",
            rules=RULES,
            selection=make_selection("seq", chance=Random(1), prover="us"),
            wait_ns=wait_ns,
            pool=self.pool,
            open_work=lambda: self.open,
            submitted=self.submitted.append,
            clock=self.clock,
            log=Log(self.clock, [self.sink], pid=1),
            former=former,
        )

    def asked(self) -> tuple[bytes, ...] | None:
        spec = self.coordinator.next_work()
        return None if spec is None else spec.statements


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
    desk.pool.add(offer_on(desk.open[0], fee=5), height=1)
    desk.pool.add(offer_on(desk.open[1], fee=6), height=1)

    assert desk.asked() == desk.open[1].statements
    desk.coordinator.fee = 7
    assert desk.asked() is None


def test_work_that_was_handed_out_under_a_former_key_is_taken_and_sold_under_it() -> None:
    desk = Desk(former=frozenset(["us before"]))
    spec = desk.coordinator.next_work()
    assert spec is not None
    early = proved(msgspec.structs.replace(spec, prover="us before"), "check")

    assert desk.coordinator.take(early)
    assert desk.submitted == [early]


def test_wrong_results_are_refused_and_the_piece_is_open_again() -> None:
    desk = Desk()
    spec = desk.coordinator.next_work()
    assert spec is not None
    good = proved(spec, "check")

    for wrong in (proved(spec, "none"), msgspec.structs.replace(good, prover="them")):
        assert not desk.coordinator.take(wrong)
    assert desk.sink.records[0].message == "Failed to generate SNARK work: $error"
    assert desk.asked() == spec.statements
    assert desk.coordinator.take(good)
    assert desk.submitted == [good]
