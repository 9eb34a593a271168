"""Running tests of tests: a test written to a file, and the command line as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

PREAMBLE = """
import asyncio
from coda_executive import *

SMALL = dict(
    network=NetworkConfig(block_producers=BlockProducers(count=2)),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=1000),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 2),
    ),
)
"""


@dataclass(frozen=True)
class Finished:
    """A command that ended: everything that it printed, and its exit code."""

    code: int
    out: str


@pytest.fixture
def write_test(tmp_path: Path) -> Callable[[str], str]:
    """Write the body of an async test called `it` and answer what names it on a command line."""

    def write(body: str, *, settings: str = "**SMALL") -> str:
        path = tmp_path / "own_test.py"
        lines = "\n".join("    " + line for line in dedent(body).strip().splitlines())
        path.write_text(
            f"{PREAMBLE}\n@integration_test({settings})\nasync def it(dsl):\n    '''Mine.'''\n{lines}\n"
        )
        return f"{path}::it"

    return write


@pytest.fixture
def executive(tmp_path: Path) -> Callable[..., Finished]:
    """Run `coda-executive` in a directory of its own, to its end."""

    def run(*arguments: str, environment: dict[str, str] | None = None, seconds: float = 60) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "coda_executive", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        return Finished(done.returncode, done.stdout)

    return run


@pytest.fixture
def start_executive(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start `coda-executive` and let it run; the caller ends it."""

    def start(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "coda_executive", *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start
