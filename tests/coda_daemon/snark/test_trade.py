"""SNARK work between nodes: what is taken from gossip, and what is told again."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import key
from tests.coda_daemon.log_testbed import RecordingSink
from tests.coda_daemon.snark.proving import RULES, scan_after

from coda_daemon.digests import digest_of
from coda_daemon.gossip.peer import Peer
from coda_daemon.log import Log
from coda_daemon.profile import dev
from coda_daemon.snark.statement import Bundle, Job
from coda_daemon.snark.trade import TOPIC, SnarkTrade, work_json
from coda_daemon.snark.work import Work, check_work, encode_work, proved, spec_of
from coda_daemon.snark.work_selection import make_selection
from coda_daemon.snark.worker import proving_time, retry_time
from coda_executive.engines.simulation.event_loop import run
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.structured_events import GOSSIP_SNARK_POOL_DIFF, SNARK_WORK_RECEIVED

PEER = Peer("10.0.0.9", 8302, libp2p_keypair_from_seed("peer").peer_id)


class HandClock:
    def time_ns(self) -> int:
        return 0


class Ears:
    """A network that remembers what was published."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def publish(self, topic: str, payload: bytes) -> None:
        assert topic == TOPIC
        self.heard.append(payload)


class Post:
    """A node's trade at a tip that owes work."""

    def __init__(self) -> None:
        self.scan = scan_after(2)
        self.sink, self.ears = RecordingSink(), Ears()
        self.trade = SnarkTrade(
            "check",
            RULES,
            HandClock(),
            Log(HandClock(), [self.sink], pid=1),
            dev(2000),
            kept_blocks=10,
            logs_gossip=True,
            scan=lambda: (self.scan, 2),
        )

    @property
    def bundle(self) -> Bundle:
        return self.scan.pending()[0]

    def work(self, *, fee: int = 5, prover: int = 1) -> Work:
        return proved(spec_of(self.bundle, fee=fee, prover=key(prover), rules=RULES), "check")

    def receive(self, work: Work) -> bool:
        return self.trade.receive(PEER, msgspec.msgpack.encode([0, encode_work(work)]))


def in_loop(check: Callable[[Post], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await check(Post())

    run(main)


def test_good_work_is_taken_once_and_again_when_it_is_cheaper() -> None:
    async def check(post: Post) -> None:
        dear, cheap = post.work(fee=5), post.work(fee=4)

        assert [post.receive(work) for work in (dear, dear, cheap, dear)] == [True, False, True, False]
        assert post.trade.pool.find(post.bundle) == cheap
        assert post.trade.pending() == post.scan.pending()[1:]
        assert len(post.sink.events(SNARK_WORK_RECEIVED)) == post.trade.diffs_received == 4

    in_loop(check)


@pytest.mark.parametrize("change", [{"fee": 4}, {"prover": "B62nobody"}, {"proofs": (b"",)}])
def test_wrong_work_is_the_peers_fault_and_is_not_passed_on(change: dict[str, Any]) -> None:
    async def check(post: Post) -> None:
        assert not post.receive(msgspec.structs.replace(post.work(), **change))
        assert not post.trade.receive(PEER, b"\xc1")
        assert len(post.trade.pool) == 0
        assert [record.level.text for record in post.sink.records] == ["Faulty_peer"] * 2

    in_loop(check)


def test_work_that_no_tip_asks_for_is_not_believed_nor_passed_on() -> None:
    """However good its proofs look: a statement that is not in the chain proves nothing."""

    async def check(post: Post) -> None:
        lie = msgspec.structs.replace(post.bundle.jobs[0].statement, target="another ledger")
        bundle = Bundle((Job(lie, step=post.bundle.jobs[0].step),))
        digest = digest_of(
            bundle.statements[0], bundle.jobs[0].trace, f"5 {key(1)}".encode(), purpose=b"coda-snark-proof"
        )
        work = Work(bundle.statements, (digest,), 5, key(1))
        check_work(work, bundle, "check")  # of that statement it is the proof

        assert not post.receive(work)
        assert len(post.trade.pool) == 0
        assert post.trade.pending() == post.scan.pending()
        assert not [each for each in post.sink.records if each.level.text == "Faulty_peer"], (
            "its block may be on its way"
        )

    in_loop(check)


def test_work_that_comes_before_its_block_is_taken_with_the_block() -> None:
    async def check(post: Post) -> None:
        later = scan_after(4).pending()[0]
        assert later.statements not in {bundle.statements for bundle in post.scan.pending()}
        good = proved(spec_of(later, fee=5, prover=key(1), rules=RULES), "check")
        wrong = msgspec.structs.replace(good, fee=4, prover=key(2))

        assert [post.receive(work) for work in (wrong, good)] == [False, False]
        post.scan = scan_after(4)
        post.trade.follow()

        assert post.trade.pool.find(later) == good
        assert not post.receive(good), "it is known by now"

    in_loop(check)


def test_finished_work_that_nobody_needs_any_more_is_let_go() -> None:
    async def check(post: Post) -> None:
        post.trade.coordinate(key(1), 5, make_selection("seq", chance=Random(1), prover=key(1)), 1)
        assert post.trade.coordinator is not None
        spec = post.trade.coordinator.next_work()
        assert spec is not None
        post.scan = scan_after(8)

        assert post.trade.coordinator.take(proved(spec, "check"))
        assert len(post.trade.pool) == 0

    in_loop(check)


def test_own_work_is_told_at_once_and_again_until_a_block_has_it() -> None:
    async def check(post: Post) -> None:
        trade, selection = post.trade, make_selection("seq", chance=Random(1), prover=key(1))
        telling = asyncio.ensure_future(trade.run(post.ears))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        trade.coordinate(key(1), 5, selection, 1)
        assert trade.coordinator is not None
        spec = trade.coordinator.next_work()
        assert spec is not None
        assert trade.coordinator.take(proved(spec, "check"))

        assert len(post.ears.heard) == 1
        await asyncio.sleep(7)
        assert len(post.ears.heard) == len(set(post.ears.heard)) >= 3
        post.scan = scan_after(4)
        before = len(post.ears.heard)
        await asyncio.sleep(7)
        assert len(post.ears.heard) == before
        assert len(post.sink.events(GOSSIP_SNARK_POOL_DIFF)) == before == trade.diffs_broadcast
        telling.cancel()

    in_loop(check)


def test_work_is_shown_in_the_contracts_compact_form() -> None:
    post = Post()
    work = post.work(fee=100_000_000)

    assert work_json(work) == {"work_ids": ["Two", list(work.work_ids)], "fee": "0.1", "prover": key(1)}


def test_times_of_a_worker_come_from_its_environment() -> None:
    assert (proving_time({}), proving_time({"CODA_PROVING_MS": "1500"})) == (0.0, 1.5)
    assert (retry_time({}), retry_time({"CODA_PROFILE": "dev"})) == (10.0, 1.0)
    assert proving_time({"CODA_PROVING_MS": "1500", "RAYON_NUM_THREADS": "4"}) == 0.375
    with pytest.raises(ValueError, match="expected milliseconds"):
        proving_time({"CODA_PROVING_MS": "-1"})
    with pytest.raises(ValueError, match="RAYON_NUM_THREADS is '0'; expected a number of threads"):
        proving_time({"RAYON_NUM_THREADS": "0"})
