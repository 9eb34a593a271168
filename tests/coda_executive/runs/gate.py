"""The determinism gate's runs: a small network with faults, and what names all that happened in it.

As a script: `gate.py DIRECTORY FIRST LAST` prints a line for each seed.
"""

import sys
from pathlib import Path

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    blocks_to_be_produced,
    integration_test,
    sample_ledger,
)
from coda_executive.engines.simulation import ENGINE
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.exploration.attempt import history_digest
from coda_executive.exploration.watcher import NobodyWatches


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=1000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
)
async def small(dsl: Dsl) -> None:
    """A few blocks, and a few faults in between."""
    await dsl.wait_for(blocks_to_be_produced(2))
    await dsl.nemesis.run(dsl.nemesis.draw(seconds=10, most=10, kinds=("Pause", "Partition", "SlowLinks")))
    await dsl.wait_for(blocks_to_be_produced(2))


def fingerprint(seed: int, directory: Path) -> str:
    """Verdict, history and step trace of a run, as one line."""
    options = SimulationOptions(jitter=0.02, ready_order="random", trace_text=True, audit=True)
    settings = RunSettings(seed=seed, engine_options=options, run_dir=directory)
    outcome, _ = run_test(small, ENGINE, settings, NobodyWatches())
    trace = (directory / "trace.json").read_bytes()
    return f"{seed} {outcome.verdict} {history_digest(directory / 'history')} {trace!r}"


if __name__ == "__main__":
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        print(fingerprint(number, Path(sys.argv[1]) / str(number)))
