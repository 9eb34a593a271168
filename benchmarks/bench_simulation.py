"""How much network time a CPU-second buys: whole runs, executive and all.

An idle network has ten nodes, slots of three minutes and no traffic: a seed and nine producers, who make 25 blocks in
an hour. "Hash only" keeps the hash of the history and nothing else. A fault run is what `explore` does: five nodes, an
hour of 20-second slots with drawn faults. The large network is 200 nodes until all are in sync.

What a CPU-second is worth differs between machines, and on a shared one from minute to minute. So asyncio's own loop
is timed between the parts: by it, `bench_loop` tells this machine from the one that the bars were set on.
"""

import asyncio
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from bench_loop import EVENTS, REFERENCE, stock_seconds, timers

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    IntegrationTest,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    nodes_to_initialize,
    nodes_to_synchronize,
    sample_ledger,
)
from coda_executive.engines.simulation import ENGINE
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.executive.integration_test import integration_test
from coda_executive.executive.outcome import Verdict
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.exploration.attempt import Attempt, Attempter, Setup
from coda_executive.exploration.watcher import NobodyWatches
from coda_executive.wait_conditions.limits import Span

PARTS = 4
FAULT_SEEDS = 10


def network(producers: int, others: int, slot_seconds: int) -> dict[str, object]:
    """Of a seed, too."""
    return {
        "network": NetworkConfig(block_producers=BlockProducers(count=producers), plain_nodes=others),
        "runtime": RuntimeConfig(
            genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
            proof=ProofSection(level="none", block_window_duration_ms=1000 * slot_seconds),
            ledger=sample_ledger([Balance.of_coda("1000000")] * producers),
        ),
        "time_limit": Span(slots=10**7),
    }


def run_once(test: IntegrationTest, options: SimulationOptions, *, hash_only: bool = False) -> None:
    directory = Path(tempfile.mkdtemp(prefix="bench-simulation-"))
    try:
        settings = RunSettings(seed=1, engine_options=options, run_dir=directory / "run", hash_only=hash_only)
        outcome, _ = run_test(test, ENGINE, settings, NobodyWatches())
        if outcome.verdict is not Verdict.PASSED:
            raise SystemExit(f"{test.name}: {outcome.verdict}: {outcome.errors}")
    finally:
        shutil.rmtree(directory)


def idle_rates(hours: float, *, hash_only: bool) -> list[float]:
    """Network hours per CPU-second in each quarter of a run: the last must not be slower than the first."""
    rates: list[float] = []

    @integration_test(**network(9, 0, 180))  # type: ignore[arg-type]
    async def idle(dsl: Dsl) -> None:
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        for _ in range(PARTS):
            start = time.process_time()
            await asyncio.sleep(3600 * hours / PARTS)
            rates.append(hours / PARTS / (time.process_time() - start))

    run_once(idle, SimulationOptions(), hash_only=hash_only)
    return rates


@integration_test(**network(4, 0, 20))  # type: ignore[arg-type]
async def five_nodes(dsl: Dsl) -> None:
    """Nothing but the faults of a search."""


def fault_run_seconds() -> float:
    """CPU-seconds of one of a search's runs: an hour of 20-second slots."""
    directory = Path(tempfile.mkdtemp(prefix="bench-simulation-"))
    try:
        setup = Setup(f"{__file__}::five_nodes", "simulation", {"trace": False}, fault_slots=180)
        attempter = Attempter(setup, directory)
        start = time.process_time()
        for seed in range(FAULT_SEEDS):
            attempter.make(Attempt(seed))
        return (time.process_time() - start) / FAULT_SEEDS
    finally:
        shutil.rmtree(directory)


def large_network() -> None:
    """Print what 200 nodes in sync take; in a process of its own, for its memory."""

    @integration_test(**network(10, 189, 180))  # type: ignore[arg-type]
    async def large(dsl: Dsl) -> None:
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await asyncio.sleep(900)
        await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))

    run_once(large, SimulationOptions(trace=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"200 nodes in sync: {time.process_time():.0f} CPU-s, {peak:.2f} GB (bar: 4 GB)")


def machine() -> float:
    """How fast this machine is now: 1 is the one that the bars were set on."""
    return EVENTS / stock_seconds(timers) / REFERENCE["timers"]


def run() -> list[str]:
    speeds = [machine()]
    full = idle_rates(40, hash_only=False)
    speeds.append(machine())
    hashed = idle_rates(40, hash_only=True)
    speeds.append(machine())
    fault = fault_run_seconds()
    speeds.append(machine())
    large = subprocess.run([sys.executable, __file__, "large"], capture_output=True, text=True, check=True)
    scales = [(before + after) / 2 for before, after in pairwise(speeds)]
    minutes = fault * 500 / 60
    return [
        f"10 nodes, 3-minute slots, history and trace: {sum(full) / PARTS:.1f} network hours per CPU-second "
        f"(bar: 25); first quarter {full[0]:.1f}, last {full[-1]:.1f}; "
        f"scaled to the bars' machine {sum(full) / PARTS / scales[0]:.1f}",
        f"the same, hash only: {sum(hashed) / PARTS:.1f} (bar: 50); scaled {sum(hashed) / PARTS / scales[1]:.1f}",
        f"a five-node fault run of an hour, 20 s slots: {fault:.2f} CPU-s; "
        f"1,000 seeds on 2 cores: {minutes:.1f} min (bar: 5); scaled {minutes * scales[2]:.1f}",
        large.stdout.strip(),
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["large"]:
        large_network()
    else:
        print("\n".join(run()))
