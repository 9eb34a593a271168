"""Runs of which only the hash of the history is kept."""

from pathlib import Path

from tests.coda_executive.exploration.power import busy

from coda_executive.engines.simulation import ENGINE
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.executive.outcome import Verdict
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.exploration.watcher import NobodyWatches
from coda_executive.observation.history_digest import digest_of_history


def test_the_hash_is_that_of_the_history_that_a_full_run_writes(tmp_path: Path) -> None:
    def run(name: str, *, seed: int, hash_only: bool) -> tuple[str, list[str]]:
        directory = tmp_path / name
        settings = RunSettings(
            seed=seed, engine_options=SimulationOptions(), run_dir=directory, hash_only=hash_only
        )
        outcome, _ = run_test(busy, ENGINE, settings, NobodyWatches())
        assert outcome.verdict is Verdict.PASSED
        files = sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())
        return outcome.digest, files

    digest, files = run("hash-only", seed=3, hash_only=True)
    assert files == []

    nothing, files = run("in-full", seed=3, hash_only=False)
    assert nothing == ""
    assert "history/000001.jsonl" in files
    assert digest == digest_of_history(tmp_path / "in-full" / "history")
    assert run("another-seed", seed=4, hash_only=True)[0] != digest
