"""The engine's front: found by entry point, cheap, honest about what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.coda_executive.engines.local.testnets import names_in

from coda_executive.engines.local import ENGINE
from coda_executive.engines.local.boot import boot_allowance, genesis_document
from coda_executive.engines.local.guarded import last_lines
from coda_executive.engines.local.options import LocalOptions
from coda_executive.executive.engines import find_engine
from coda_executive.interfaces.capabilities import Killable, Partitionable, Pausable, Upgradable
from coda_executive.interfaces.engine import Engine, RunContext


def test_it_is_found_by_its_name() -> None:
    engine: Engine = ENGINE
    assert find_engine("local") is engine
    assert {Killable, Pausable, Upgradable, Partitionable} <= set(engine.capabilities)
    assert engine.options_type is LocalOptions


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, coda_executive.engines.local; "
        "print([m for m in ('asyncio', 'aiohttp', 'graphql', 'rich', 'nacl') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_check_tells_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(finding.ok for finding in ENGINE.check())
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    (finding,) = [finding for finding in ENGINE.check() if not finding.ok]
    assert finding.subject == "state directory"
    assert "No such file or directory" in finding.detail
    assert finding.remedy == "Set XDG_RUNTIME_DIR to a directory of yours."


async def test_session_starts_nothing_before_it_is_used(tmp_path: Path, state: Path) -> None:
    context = RunContext("a-run", tmp_path, 1, None, lambda node, event: None, lambda error: None)
    session = ENGINE.open(context, LocalOptions())
    await session.manager.destroy()
    assert await session.manager.leaks() == ()
    assert names_in(state.parent) == []


def test_run_returns_what_the_coroutine_returns() -> None:
    async def main() -> int:
        return 42

    assert ENGINE.run(main, seed=1) == 42


def test_genesis_is_written_to_the_millisecond() -> None:
    assert genesis_document(1_714_564_800_123) == (
        b'{"genesis": {"genesis_state_timestamp": "2024-05-01T12:00:00.123Z"}}\n'
    )


def test_allowance_grows_with_nodes_per_core_and_with_the_machines_load() -> None:
    alone = boot_allowance(cpu_seconds=0.2, slowdown=1.0, nodes=2, cores=2, slot_seconds=3.0)
    assert boot_allowance(cpu_seconds=0.2, slowdown=1.0, nodes=50, cores=2, slot_seconds=3.0) > 25 * alone
    assert boot_allowance(cpu_seconds=0.2, slowdown=3.0, nodes=2, cores=2, slot_seconds=3.0) == pytest.approx(
        3 * alone
    )


def test_genesis_is_at_most_half_a_slot_before_the_end_of_a_long_start() -> None:
    """Slot 1, the first that can hold a block, then begins half a slot after the nodes are expected to be up."""

    def allowance(slot_seconds: float) -> float:
        return boot_allowance(cpu_seconds=0.2, slowdown=1.0, nodes=50, cores=2, slot_seconds=slot_seconds)

    assert allowance(2.0) - allowance(4.0) == pytest.approx(1.0)
    assert allowance(120.0) == pytest.approx(allowance(0.0) / 2)


def test_last_lines_of_a_log_that_is_gone_huge_or_garbage(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    assert last_lines(log) == ()
    log.write_bytes(b"x" * 1_000_000 + b"\n\xff\xfe\nlast")
    lines = last_lines(log)
    assert [len(line) for line in lines] == [2001, 2, 4]
    assert lines[-1] == "last"
