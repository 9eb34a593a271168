"""Work done twice: several SNARK coordinators on one chain, in virtual time, under each way to select work.

    python benchmarks/bench_snark.py

The coordinators, pools and the scan state are the daemon's own; blocks, gossip and workers are as plain as can be.
A piece counts as done twice for each proof of it beyond the first, whoever made it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from coda_daemon.ledger.account import Address, new_account
from coda_daemon.ledger.ledger import Ledger, build_ledger
from coda_daemon.ledger.receipts import ReceiptChain
from coda_daemon.ledger.transactions import CommandRules
from coda_daemon.log import Log
from coda_daemon.snark.coordinator import Coordinator
from coda_daemon.snark.pool import SnarkPool
from coda_daemon.snark.scan_state import ScanState, scan_state_at_genesis
from coda_daemon.snark.statement import Bundle, Stated, Statement, stated
from coda_daemon.snark.transaction import CoinbaseTransaction
from coda_daemon.snark.work import Work, check_work, proved, spec_of
from coda_daemon.snark.work_selection import SELECTIONS, make_selection
from coda_executive.engines.simulation import event_loop
from coda_executive.engines.simulation.event_loop import running_loop
from coda_protocol.signatures import TESTNET

SLOT, PROVING, GOSSIP, NAP = 20.0, 10.0, 0.2, 1.0  # seconds
BLOCKS, DEPTH, WORK_DELAY, WORKERS = 200, 3, 2, 4
WAIT_NS = 120 * 1_000_000_000
LEDGER = build_ledger(2, [new_account(Address("genesis"), 1)])


class LoopClock:
    def time_ns(self) -> int:
        return running_loop().now_ns


@dataclass
class Market:
    """One chain, and those who sell it work."""

    scan: ScanState = field(
        default_factory=lambda: scan_state_at_genesis(LEDGER, depth=DEPTH, work_delay=WORK_DELAY)
    )
    pools: list[SnarkPool] = field(default_factory=list)
    proofs: list[tuple[bytes, ...]] = field(default_factory=list)
    transactions: int = 0
    height: int = 0

    async def sell(self, tasks: asyncio.TaskGroup, selection: str, name: str, seed: int) -> None:
        pool = SnarkPool()
        self.pools.append(pool)

        def open_work() -> tuple[Bundle, ...]:
            return self.scan.pending()

        def submitted(work: Work) -> None:
            self.proofs.append(work.statements)
            pool.add(work, height=self.height)
            tasks.create_task(self._gossip(work))

        coordinator = Coordinator(
            prover=name,
            fee=0,
            level="none",
            rules=None,
            selection=make_selection(selection, chance=Random(f"{seed}:{name}"), prover=name),
            wait_ns=WAIT_NS,
            pool=pool,
            open_work=open_work,
            submitted=submitted,
            clock=LoopClock(),
            log=Log(LoopClock(), (), pid=0),
        )
        for worker in range(WORKERS):
            chance = Random(f"{seed}:{name}:{worker}")
            tasks.create_task(self._work(coordinator, chance))

    async def _work(self, coordinator: Coordinator, chance: Random) -> None:
        while self.height < BLOCKS:
            spec = coordinator.next_work()
            if spec is None:
                await asyncio.sleep(NAP * (1 + chance.random() / 2))
                continue
            await asyncio.sleep(len(spec.jobs) * PROVING / 2 * (0.8 + 0.4 * chance.random()))
            coordinator.take(proved(spec, "none"))

    async def _gossip(self, work: Work) -> None:
        await asyncio.sleep(GOSSIP)
        for pool in self.pools:
            pool.add(work, height=self.height)

    async def produce(self) -> None:
        for _ in range(BLOCKS):
            await asyncio.sleep(SLOT)
            count = next(
                count
                for count in range(self.scan.room, -1, -1)
                if all(self.pools[0].find(bundle) for bundle in self.scan.required(count))
            )
            numbers = range(self.transactions, self.transactions + count)
            added = [Statement(f"L{number}", f"L{number + 1}") for number in numbers]
            self.transactions += count
            self.scan, _ = self.scan.after(added, LEDGER, LEDGER)
            self.height += 1
            for pool in self.pools:
                pool.keep(self.scan.pending(), height=self.height, for_blocks=20)


async def measured(selection: str, coordinators: int, seed: int = 1) -> tuple[float, float]:
    """Share of the proofs that were made again, and transactions a block."""
    market = Market()
    async with asyncio.TaskGroup() as tasks:
        for number in range(coordinators):
            await market.sell(tasks, selection, f"B62coordinator{number}", seed)
        tasks.create_task(market.produce())
    made, distinct = len(market.proofs), len(set(market.proofs))
    return (made - distinct) / distinct, market.transactions / BLOCKS


def _block_of_work() -> float:
    """Seconds that the SNARK work of a block with 102 transactions costs its receiver at proof level check: to know
    what is owed, to check it, and to go on from there.
    """
    rules = CommandRules(1, TESTNET, ReceiptChain.POSEIDON)
    scan = scan_state_at_genesis(LEDGER, depth=7, work_delay=WORK_DELAY)

    def after(scan: ScanState, made: Sequence[Stated]) -> ScanState:
        ledgers = [each.after for each in made]
        full = ledgers[scan.free - 1] if len(made) >= scan.free else ledgers[-1]
        steps = [each.step for each in made]
        return scan.after([each.statement for each in made], full, ledgers[-1], steps)[0]

    def block(ledger: Ledger, count: int) -> list[Stated]:
        made: list[Stated] = []
        for number in range(count):
            coinbase = CoinbaseTransaction("genesis", 720, 0, number)
            found = stated(made[-1].after if made else ledger, coinbase, rules)
            assert found is not None
            made.append(found)
        return made

    for _ in range(20):  # so many full blocks, and all levels of the trees are at work
        scan = after(scan, block(scan.staged, 128))
    works = [
        proved(spec_of(bundle, fee=0, prover="B62", rules=rules), "check") for bundle in scan.required(102)
    ]
    added = block(scan.staged, 102)
    began = time.perf_counter()
    required = scan.required(102)
    assert [bundle.statements for bundle in required] == [work.statements for work in works]
    for work, bundle in zip(works, required, strict=True):
        check_work(work, bundle, "check")
    assert after(scan, added).digest != scan.digest
    return time.perf_counter() - began


def run() -> list[str]:
    """Lines for people."""
    lines = [
        f"SNARK work of a block of 100 payments at check: {_block_of_work() * 1000:.1f} ms (of the bar of 900 ms)",
        f"{BLOCKS} slots of {SLOT:g} s, {1 << DEPTH} transactions a block, work delay {WORK_DELAY},",
        f"{WORKERS} workers a coordinator, {PROVING:g} s a bundle, gossip {GOSSIP:g} s",
        "selection  coordinators  done twice  transactions a block",
    ]
    for coordinators in (2, 3):
        for selection in sorted(SELECTIONS):
            again, rate = event_loop.run(partial(measured, selection, coordinators))
            lines.append(f"{selection:9}  {coordinators:12}  {again:10.1%}  {rate:20.2f}")
    return lines


if __name__ == "__main__":
    print("\n".join(run()))
