"""A daemon that shares nothing with the executive but the contract passes on every engine: the executive relies
on that contract only.
"""

import ast
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.tiny_daemon import words
from tests.tiny_daemon.daemon import AS_THE_CONTRACT_SAYS
from tests.tiny_daemon.simulated import TinyDaemon

from coda_executive.catalogue.basic_bootstrap import basic_bootstrap
from coda_executive.catalogue.block_production import block_production
from coda_executive.catalogue.medium_bootstrap import medium_bootstrap
from coda_executive.catalogue.partition_rejoin import partition_rejoin
from coda_executive.engines.simulation import daemons
from coda_executive.executive.engines import find_engine
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.outcome import Outcome, Verdict
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.executive.slot_length import with_slot_seconds
from coda_executive.report.plain import PlainMonitor
from coda_executive.testing import EngineConformance

HERE = Path(__file__).parent
BROKEN_WORKER = {"TINY_WORKER": "broken"}
COMMAND = shlex.join((sys.executable, "-I", "-S", str(HERE)))


@dataclass(frozen=True)
class Entry:
    name: str
    daemon: TinyDaemon

    def load(self) -> TinyDaemon:
        return self.daemon


ENTRIES = (Entry("tiny", TinyDaemon()), Entry("patient", TinyDaemon(AS_THE_CONTRACT_SAYS)))


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of the test's own, and an environment in which the simulation finds the daemon."""
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setattr(daemons, "entry_points", lambda group: ENTRIES if group == daemons.GROUP else ())


@pytest.mark.real
@pytest.mark.long
class TestTinyDaemonOnLocal(EngineConformance):
    engine = find_engine("local")
    daemon = COMMAND
    worker_crash = BROKEN_WORKER
    has_archive = False


class TestTinyDaemonInTheSimulation(EngineConformance):
    engine = find_engine("simulation")
    daemon = "tiny"
    worker_crash = BROKEN_WORKER
    has_archive = False


def play(test: IntegrationTest, engine: str, daemon: str, run_dir: Path) -> Outcome:
    found = find_engine(engine)
    settings = RunSettings(
        seed=7, engine_options=found.options_type(), daemon=daemon, run_dir=run_dir, keep="always"
    )
    return run_test(test, found, settings, PlainMonitor(print))[0]


@pytest.mark.parametrize(
    ("engine", "daemon"), [pytest.param("local", COMMAND, marks=pytest.mark.real), ("simulation", "tiny")]
)
def test_block_production_passes(engine: str, daemon: str, tmp_path: Path) -> None:
    directory = tmp_path / "run"

    outcome = play(with_slot_seconds(block_production, 1), engine, daemon, directory)

    assert outcome.verdict is Verdict.PASSED, outcome
    history = "".join(file.read_text() for file in (directory / "history").glob("*.jsonl"))
    assert "Tea_is_ready" in history, "an event that nobody knows is kept"
    assert words.UNLISTED_ID in history, "even one whose id the build does not list"
    assert "hello, I am no JSON" in history


@pytest.mark.parametrize(
    "test", [basic_bootstrap, medium_bootstrap, partition_rejoin], ids=lambda test: test.name
)
def test_tests_that_need_no_payments_pass(test: IntegrationTest, tmp_path: Path) -> None:
    """With peers that find each other, bootstrap, and gating."""
    outcome = play(test, "simulation", "tiny", tmp_path / "run")

    assert outcome.verdict is Verdict.PASSED, outcome.errors


@pytest.mark.parametrize(
    "test", [block_production, medium_bootstrap, partition_rejoin], ids=lambda test: test.name
)
def test_minute_that_a_daemon_looks_for_peers_draws_no_warning(test: IntegrationTest, tmp_path: Path) -> None:
    """The contract gives it that minute (A.10); the profile that spares it is the reference daemon's own."""
    outcome = play(test, "simulation", "patient", tmp_path / "run")

    assert outcome.verdict is Verdict.PASSED, outcome
    assert list(outcome.errors) == []


def test_simulated_run_repeats_by_seed(tmp_path: Path) -> None:
    histories = []
    for name in ("one", "two"):
        play(block_production, "simulation", "tiny", tmp_path / name)
        segments = sorted((tmp_path / name / "history").glob("*.jsonl"))
        histories.append(b"".join(segment.read_bytes() for segment in segments))

    assert histories[0]
    assert histories[0] == histories[1]


def test_it_imports_nothing_but_the_standard_library() -> None:
    for file in HERE.glob("*.py"):
        if file.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names: list[Any] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "tests"}, f"{file.name}: {name}"
                assert not name.startswith("tests.") or name.startswith("tests.tiny_daemon"), file.name
