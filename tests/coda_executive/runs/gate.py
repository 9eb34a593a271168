"""The determinism gate's runs: a small network with faults, and what names all that happened in it.

As a script: `gate.py DIRECTORY FIRST LAST` prints a line for each seed.
"""

import sys
from pathlib import Path

from coda_executive import (
    Amount,
    Balance,
    BlockProducers,
    Dsl,
    Fee,
    GenesisSection,
    NetworkConfig,
    ProofSection,
    RuntimeConfig,
    blocks_to_be_produced,
    endure,
    integration_test,
    sample_keypair,
    sample_ledger,
    send_signed_payment,
)
from coda_executive.engines.simulation import ENGINE
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.exploration.watcher import NobodyWatches
from coda_executive.observation.history_digest import digest_of_history


@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=1000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
)
async def small(dsl: Dsl) -> None:
    """A few blocks, a payment, and faults of all kinds."""
    await dsl.wait_for(blocks_to_be_produced(2))
    client, payee = dsl.testnet.block_producers[0].client, str(sample_keypair(2).public)
    await send_signed_payment(
        client, sample_keypair(1), payee, amount=Amount.of_coda("1"), fee=Fee.of_coda("1")
    )
    await endure(dsl, dsl.nemesis.draw(seconds=10, most=10))


def fingerprint(seed: int, directory: Path) -> str:
    """Verdict, history and step trace of a run, as one line."""
    options = SimulationOptions(jitter=0.02, ready_order="random", trace_text=True, audit=True)
    settings = RunSettings(seed=seed, engine_options=options, run_dir=directory)
    outcome, _ = run_test(small, ENGINE, settings, NobodyWatches())
    trace = (directory / "trace.json").read_bytes()
    return f"{seed} {outcome.verdict} {digest_of_history(directory / 'history')} {trace!r}"


if __name__ == "__main__":
    for number in range(int(sys.argv[2]), int(sys.argv[3])):
        print(fingerprint(number, Path(sys.argv[1]) / str(number)))
