"""Whole runs with real processes: what a user sees, and what is left when it goes wrong."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

Executive = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]
Write = Callable[..., str]

RUN = "CODA_EXECUTIVE_RUN"


def processes_of(run_id: str) -> list[str]:
    """Command lines of the processes that carry a run's label."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if f"{RUN}={run_id}".encode() in environment:
                found.append(command.replace(b"\0", b" ").decode())
    return found


def lines_until(process: "subprocess.Popen[str]", part: str) -> list[str]:
    """What a process prints up to the line that has `part` in it; fails if it ends before."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if part in line:
            return lines
    raise AssertionError(f"{part!r} was never printed:\n{''.join(lines)}")


def rest(process: "subprocess.Popen[str]") -> str:
    """All that it still prints, until it has ended."""
    assert process.stdout is not None
    return process.stdout.read()


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run directory whose name, the run's label, no other test uses."""
    return tmp_path / f"run-{secrets.token_hex(6)}"


@pytest.fixture
def waiting_run(
    start_executive: Start, write_test: Write, run_dir: Path
) -> Iterator["subprocess.Popen[str]"]:
    """A run whose nodes are initialised and whose test waits for blocks that take a while."""
    target = write_test(
        """
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        with dsl.section("patience"):
            await dsl.wait_for(blocks_to_be_produced(500))
        """
    )
    process = start_executive("run", target, "--seed", "1", "--run-dir", str(run_dir))
    try:
        lines_until(process, "waiting for 500 blocks")
        yield process
    finally:
        process.kill()
        process.communicate()


def outcome(directory: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((directory / "outcome.json").read_text())
    return document


def test_block_production_passes_on_five_processes(executive: Executive, run_dir: Path) -> None:
    done = executive("run", "block-production", "--slot", "1", "--run-dir", str(run_dir))

    assert done.code == 0, done.out
    assert "block-production: PASSED" in done.out
    assert processes_of(run_dir.name) == []
    assert sorted(entry.name for entry in (run_dir / "nodes" / "seed-1").iterdir()) == ["daemon.log"]


def test_a_killed_node_fails_the_wait_and_is_named(
    waiting_run: "subprocess.Popen[str]", run_dir: Path
) -> None:
    """SIGKILL from outside: the message has the node, the signal, its last lines and how far the wait was."""
    victim = next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"{run_dir}/nodes/block-producer-2/config" in _command(entry)
    )
    os.kill(victim, signal.SIGKILL)

    shown = rest(waiting_run)

    assert waiting_run.wait() == 1
    assert "block-producer-2 crashed: it was killed by SIGKILL and nobody asked it to" in shown
    assert "while the test waited for 500 blocks to be produced (so far " in shown
    assert re.search(r"\dZ INFO \w+: [A-Z]", shown), "its last lines"
    assert '"timestamp":' not in shown
    assert processes_of(run_dir.name) == []


def test_a_declared_crash_is_no_error(executive: Executive, write_test: Write) -> None:
    """The test kills a process behind the engine's back, and says so before; the rest of the network goes on."""
    target = write_test(
        """
        import json, os
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        victim = dsl.testnet.block_producers[1]
        dsl.expect_crash(victim.id)
        os.kill(json.loads(victim.node_id_json)["pid"], 9)
        await dsl.wait_for(blocks_to_be_produced(2))
        """
    )

    done = executive("run", target)

    assert done.code == 0, done.out
    assert "block-producer-2 CRASHED: SIGKILL" in done.out


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_run_cleanly_and_says_what_it_was_doing(
    waiting_run: "subprocess.Popen[str]", run_dir: Path, number: signal.Signals
) -> None:
    waiting_run.send_signal(number)

    shown = rest(waiting_run)

    assert waiting_run.wait() == 130
    assert f"{number.name}: stopping the testnet" in shown
    assert "in section patience, waiting for 500 blocks to be produced" in shown
    assert outcome(run_dir)["verdict"] == "interrupted"
    assert processes_of(run_dir.name) == []


def test_a_second_ctrl_c_forces(
    start_executive: Start, write_test: Write, tmp_path: Path, run_dir: Path
) -> None:
    """A daemon that ignores SIGTERM for longer than anybody waits is left to the guardian."""
    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text(STUBBORN)
    target = write_test("await dsl.wait_for(blocks_to_be_produced(5))")
    process = start_executive(
        "run", target, "--daemon", f"{sys.executable} {stubborn}", "--stop-limit", "300",
        "--run-dir", str(run_dir), "--seed", "1",
    )  # fmt: skip
    try:
        lines_until(process, "waiting for 5 blocks")
        process.send_signal(signal.SIGINT)
        lines_until(process, "phase destroy")
        process.send_signal(signal.SIGINT)
        shown = rest(process)
        assert process.wait() == 130
    finally:
        process.kill()
        process.communicate()
    assert "forced" in shown
    wait_until_gone(run_dir.name)


def wait_until_gone(run_id: str) -> None:
    """Return once no process of a run is left; the guardian's own limit makes this end."""
    while processes_of(run_id):
        os.sched_yield()


def test_a_kill_of_the_executive_leaves_nothing(waiting_run: "subprocess.Popen[str]", run_dir: Path) -> None:
    assert processes_of(run_dir.name) != []

    waiting_run.kill()
    waiting_run.wait()

    wait_until_gone(run_dir.name)


# ---- bad input ----


def test_a_missing_daemon_is_named(executive: Executive) -> None:
    done = executive("run", "block-production", "--daemon", "/no/such/mina")

    assert done.code == 3
    assert "/no/such/mina" in done.out
    assert "Traceback" not in done.out


DIES_AT_START = """
import sys
if "daemon" not in sys.argv:
    print("Commit abc on branch main" if "version" in sys.argv else "[]")
    sys.exit(0)
print("Mina Daemon encountered a configuration error", file=sys.stderr)
sys.exit(1)
"""
STUBBORN = """
import signal, sys
if "daemon" not in sys.argv:
    print("Commit abc on branch main" if "version" in sys.argv else "[]")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("I stay", flush=True)
while True:
    signal.pause()
"""
GARBAGE = """
import signal, sys
if "daemon" not in sys.argv:
    print("Commit abc on branch main" if "version" in sys.argv else "[]")
    sys.exit(0)
sys.stdout.buffer.write(b"\\xff\\xfe no JSON at all\\n{\\"timestamp\\": 7}\\n" + b"x" * 3_000_000 + b"\\n{half")
sys.stdout.buffer.flush()
signal.pause()
"""


def daemon(tmp_path: Path, program: str) -> str:
    path = tmp_path / "stub_daemon.py"
    path.write_text(program)
    return f"{sys.executable} {path}"


def test_a_daemon_that_dies_at_start_fails_the_test_with_its_words(
    executive: Executive, write_test: Write, tmp_path: Path
) -> None:
    target = write_test("await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))")

    done = executive("run", target, "--daemon", daemon(tmp_path, DIES_AT_START))

    assert done.code == 1
    assert "crashed: it exited with code 1 and nobody asked it to" in done.out
    assert "Mina Daemon encountered a configuration error" in done.out


def test_a_daemon_that_never_initialises_times_out_with_the_nodes_named(
    executive: Executive, write_test: Write, tmp_path: Path
) -> None:
    target = write_test("await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))")

    done = executive(
        "run", target, "--daemon", daemon(tmp_path, STUBBORN), "--timeout-factor", "0.02", "--stop-limit", "0.2"
    )  # fmt: skip

    assert done.code == 1
    assert "timed out waiting for 3 nodes to initialise" in done.out
    assert "0 of 3 nodes, missing seed-1, block-producer-1, block-producer-2" in done.out


def test_garbage_in_a_log_is_shown_and_loses_nothing_else(
    executive: Executive, write_test: Write, tmp_path: Path, run_dir: Path
) -> None:
    target = write_test("await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))")

    done = executive(
        "run", target, "--daemon", daemon(tmp_path, GARBAGE), "--timeout-factor", "0.02",
        "--run-dir", str(run_dir),
    )  # fmt: skip

    assert done.code == 1
    assert "timed out" in done.out
    history = b"".join(segment.read_bytes() for segment in (run_dir / "history").glob("*.jsonl")).decode()
    assert history.count('"UnreadableLine"') == 4 * 3  # for each of the three nodes


def test_a_run_directory_that_cannot_be_made_is_one_clear_error(executive: Executive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = executive("run", "block-production", "--run-dir", str(tmp_path / "file" / "run"))

    assert done.code == 3
    assert "the run directory cannot be made: Not a directory" in done.out
    assert "Traceback" not in done.out


def test_evidence_of_another_run_is_never_overwritten(executive: Executive, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "outcome.json").write_text("{}")

    done = executive("run", "block-production", "--run-dir", str(tmp_path / "old"))

    assert done.code == 3
    assert "is not empty" in done.out
    assert (tmp_path / "old" / "outcome.json").read_text() == "{}"


def test_the_live_display_names_nodes_and_the_wait(tmp_path: Path) -> None:
    """On a terminal: one line per node with state and height, and the current wait."""
    shown = subprocess.run(
        [
            "script",
            "-qec",
            f"{sys.executable} -m coda_executive run block-production --slot 1 --seed 1",
            "/dev/null",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout

    assert "waiting for 6 blocks to be produced" in shown
    assert "height" in shown
    assert "block-production: PASSED" in shown
