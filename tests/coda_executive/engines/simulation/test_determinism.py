"""The gate: one seed, one history, in this process and in fresh ones."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from coda_executive.events.event import NodeCrashed


def test_a_seed_repeats_a_run_and_another_seed_does_not(scenario: ModuleType, tmp_path: Path) -> None:
    prints = [scenario.fingerprint(seed, tmp_path / str(index)) for index, seed in enumerate([3, 3, 4])]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.real
def test_fresh_processes_with_any_hash_seed_repeat_a_run(scenario: ModuleType, tmp_path: Path) -> None:
    expected = scenario.fingerprint(5, tmp_path / "here")
    for hash_seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, str(scenario.__file__), "5", str(tmp_path / hash_seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == expected


def test_a_planted_nondeterminism_is_noticed(scenario: ModuleType, tmp_path: Path) -> None:
    class Astray(scenario.PingPong):  # type: ignore[name-defined, misc]
        lives = 0

        async def run(self, arguments: Any, host: Any) -> int:
            Astray.lives += 1  # state of the module that survives from one run to the next
            if Astray.lives > 6:
                host.chance.stream(f"ping {arguments[3].split(',')[0]}").random()
            return await super().run(arguments, host)  # type: ignore[no-any-return]

    prints = [scenario.fingerprint(3, tmp_path / str(index), Astray()) for index in range(2)]
    assert prints[0] != prints[1]


def test_a_daemon_that_reads_the_real_clock_crashes_under_audit(scenario: ModuleType, tmp_path: Path) -> None:
    class Clockwatcher(scenario.PingPong):  # type: ignore[name-defined, misc]
        async def run(self, arguments: Any, host: Any) -> int:
            return int(time.time())

    run = scenario.simulate(lambda _run: asyncio.sleep(1), tmp_path, daemon=Clockwatcher(), names=["a"])
    [crash] = run.events("a", NodeCrashed)
    assert "EscapedSimulation: time.time was used in virtual time" in "\n".join(crash.last_lines)
