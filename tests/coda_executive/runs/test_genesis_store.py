"""Runs whose ledger is known by hash only, and whose files come from a store (spec, the CI step)."""

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.coda_executive.genesis_store.conftest import BUCKET, S3Server, s3_server

from coda_daemon.cli import run as run_coda
from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import sample_ledger
from coda_protocol.runtime_config import RuntimeConfig, encode

__all__ = ["s3_server"]  # the fixture

Executive = Callable[..., Any]


@pytest.fixture
def made(tmp_path: Path) -> str:
    """Files of a ledger in `made`, and a test named `own.py` that knows its hash alone, which is answered."""
    (tmp_path / "accounts.json").write_bytes(
        encode(RuntimeConfig(ledger=sample_ledger([Balance.of_coda("1000000")] * 2)))
    )
    words = {"config-file": "accounts.json", "genesis-dir": "made", "hash-output-file": "hashes.json"}
    arguments = [word for name, file in words.items() for word in (f"-{name}", str(tmp_path / file))]
    assert run_coda(["runtime-genesis-ledger", *arguments]) == 0
    root: str = json.loads((tmp_path / "hashes.json").read_text())["ledger"]["hash"]
    (tmp_path / "net.yaml").write_text(
        "network: {block_producers: {count: 2}, keyset: sample}\n"
        "runtime:\n"
        f"  ledger: {{hash: {root}}}\n"
        "  genesis: {k: 12, slots_per_epoch: 480, slots_per_sub_window: 2, grace_period_slots: 140}\n"
        "  proof: {level: none, block_window_duration_ms: 1000}\n"
    )
    (tmp_path / "own.py").write_text(
        dedent(
            """
            from pathlib import Path
            from coda_executive import blocks_to_be_produced, integration_test, load_network

            network, runtime = load_network(Path(__file__).with_name("net.yaml"))

            @integration_test(network=network, runtime=runtime)
            async def it(dsl):
                await dsl.wait_for(blocks_to_be_produced(2))
            """
        )
    )
    return root


@pytest.mark.real
def test_nodes_start_from_a_ledger_that_a_bucket_keeps(
    executive: Executive, made: str, s3_server: S3Server, tmp_path: Path
) -> None:
    """Made by the daemon's tool, stored by one command and fetched by another: three real processes agree on it."""
    place = f"s3://{BUCKET}/e2e"
    stored = executive(
        *("genesis", "store", "made", place, "--hash-file", "hashes.json", "--endpoint", s3_server.endpoint),
        environment=s3_server.environment,
    )
    assert stored.code == 0, stored.out
    assert f"ledger {made} in {place}/\n4 files, 4 of them new there" in stored.out

    done = executive(
        *("run", "own.py", "--seed", "5", "--run-dir", "run", "--keep", "always"),
        *("--genesis-store", place, "--genesis-endpoint", s3_server.endpoint),
        environment=s3_server.environment,
    )

    assert done.code == 0, done.out
    for node in ("seed-1", "block-producer-1", "block-producer-2"):
        fetched = {
            path.name: path.read_bytes() for path in (tmp_path / "run/nodes" / node / "genesis").iterdir()
        }
        assert fetched == {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    repeat = json.loads((tmp_path / "run/run.json").read_text())["command"]
    assert repeat[repeat.index("--genesis-store") + 1] == place


@pytest.mark.usefixtures("made")
def test_the_simulation_takes_them_too(executive: Executive) -> None:
    """Fetched before virtual time begins."""
    assert executive("genesis", "store", "made", "store", "--hash-file", "hashes.json").code == 0
    done = executive("run", "own.py", "--engine", "simulation", "--seed", "5", "--genesis-store", "store")
    assert done.code == 0, done.out


@pytest.mark.usefixtures("made")
def test_a_bucket_without_credentials_is_bad_usage_and_nothing_starts(
    executive: Executive, tmp_path: Path
) -> None:
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = executive("run", "own.py", "--genesis-store", "s3://bucket", environment=none)
    assert done.code == 4
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment" in done.out
    assert not (tmp_path / "runs").exists()
