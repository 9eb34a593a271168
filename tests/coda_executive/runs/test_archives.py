"""Archive nodes on real processes: a PostgreSQL server of the run's own, a user's, or none; nothing of it stays."""

import json
import os
import re
import secrets
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.coda_daemon.archive.conftest import postgres_socket, postgres_uri  # noqa: F401  fixtures
from tests.coda_executive.engines.local.testnets import until
from tests.coda_executive.runs.test_local_runs import lines_until, processes_of, rest

from coda_executive.cli.main import run_cli
from coda_executive.engines.local import archives
from coda_executive.engines.local.journal import Journal, read_journal
from coda_executive.engines.local.postgresql import USER, find_postgresql

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("leftovers")]

SETTINGS = (
    "network=NetworkConfig(block_producers=BlockProducers(count=1), archive_nodes=ArchiveNodes(count=1)), "
    "runtime=SMALL['runtime']"
)
ARCHIVED = """
(node,) = dsl.testnet.archive_nodes
await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
await dsl.wait_for(blocks_to_be_produced(2))
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
tip = (await node.client.best_chain(1))[-1]
await dsl.wait_for(chain_to_be_archived(tip.state_hash, node))
replay = await archive_of(node).replay(tip.state_hash)
assert (replay.problem, replay.blocks) == (None, tip.height - 1), replay
"""
UP_FOR_EVER = f"{ARCHIVED}\nprint('UP', flush=True)\nawait dsl.wait_for(blocks_to_be_produced(10_000))"

Write = Callable[..., str]


def server_home(run_dir: Path) -> Path:
    """Where a run has its PostgreSQL server, by the plan."""
    found = re.search(r"host=(/tmp/coda-pg-\w+)", (run_dir / "plan.json").read_text())
    assert found is not None
    return Path(found.group(1))


@pytest.mark.postgresql
def test_an_archive_has_a_postgresql_server_which_ends_with_the_run(
    executive: Callable[..., Any], write_test: Write, tmp_path: Path
) -> None:
    if find_postgresql() is None:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    run_dir = tmp_path / f"run-{secrets.token_hex(4)}"  # its name labels its processes

    done = executive(
        "run", write_test(ARCHIVED, settings=SETTINGS), "--run-dir", str(run_dir), "--keep", "always"
    )

    assert done.code == 0, done.out
    node = run_dir / "nodes" / "archive-node-1"
    dump = (node / "archive.sql").read_text()
    assert "CREATE DATABASE archive_node_1" in dump
    assert len(re.findall(r"\t3N\w+\t.*\t(?:pending|canonical)\n", dump)) >= 3
    messages = [json.loads(line)["message"] for line in (node / "archive.log").read_text().splitlines()]
    assert messages[:2] == [
        "Starting archive process; built with commit $commit",
        "Archive process ready. Clients can now connect",
    ]
    assert not server_home(run_dir).exists()
    assert processes_of(run_dir.name) == []


def test_without_a_server_an_archive_is_a_sqlite_file(
    write_test: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(archives, "find_postgresql", lambda: None)
    run_dir = tmp_path / "run"

    code = run_cli(
        ["run", write_test(ARCHIVED, settings=SETTINGS), "--run-dir", str(run_dir), "--keep", "always"]
    )

    shown = capsys.readouterr()
    assert code == 0, shown
    assert (shown.out + shown.err).count(
        "archives are kept in SQLite files; for PostgreSQL, apt-get install postgresql"
    ) == 1
    data = (run_dir / "nodes" / "archive-node-1" / "archive.sqlite").read_bytes()
    assert data.startswith(b"SQLite format 3")


@pytest.mark.postgresql
async def test_a_kill_of_the_executive_leaves_neither_archive_nor_server(
    start_executive: Callable[..., "subprocess.Popen[str]"], write_test: Write, tmp_path: Path
) -> None:
    if find_postgresql() is None:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    run_dir = tmp_path / "run-killed-with-archive"
    process = start_executive("run", write_test(UP_FOR_EVER, settings=SETTINGS), "--run-dir", str(run_dir))
    try:
        lines_until(process, "UP")
        home = server_home(run_dir)
        assert any("postgres" in line for line in processes_of(run_dir.name))
        assert any("archive run" in line for line in processes_of(run_dir.name))
        assert home.exists()

        process.send_signal(signal.SIGKILL)
        rest(process)

        await until(lambda: processes_of(run_dir.name) == [])
        await until(lambda: not home.exists())
    finally:
        ended(process)


@pytest.mark.postgresql
async def test_a_kill_of_executive_and_guardian_leaves_what_cleanup_removes_and_no_shared_memory(
    start_executive: Callable[..., "subprocess.Popen[str]"],
    write_test: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if find_postgresql() is None:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    run_dir = tmp_path / "run-killed-twice"
    process = start_executive("run", write_test(UP_FOR_EVER, settings=SETTINGS), "--run-dir", str(run_dir))
    try:
        lines_until(process, "UP")
        home = server_home(run_dir)
        server = int((home / "data" / "postmaster.pid").read_text().splitlines()[0])
        segments = segments_made_by(server)
        assert segments
        await kill_both(process, tmp_path / "runtime")

        assert run_cli(["cleanup"]) == 0
        assert "postgres" in capsys.readouterr().out
        assert processes_of(run_dir.name) == []
        assert not home.exists()
        await until(lambda: not segments_made_by(server))
    finally:
        ended(process)


@pytest.mark.postgresql
def test_a_server_that_dies_is_the_infrastructures_failure(
    executive: Callable[..., Any], write_test: Write, tmp_path: Path
) -> None:
    if find_postgresql() is None:
        pytest.skip("no PostgreSQL server here; apt-get install postgresql")
    body = f"""{ARCHIVED}
import os, re, signal
home = re.search("host=([^&]+)", node._planned.site.archive_uri).group(1)
os.kill(int(open(home + "/data/postmaster.pid").readline()), signal.SIGKILL)
await dsl.wait_for(blocks_to_be_produced(10_000))
"""

    run_dir = tmp_path / f"run-{secrets.token_hex(4)}"

    done = executive("run", write_test(body, settings=SETTINGS), "--run-dir", str(run_dir))

    assert done.code == 3, done.out
    assert "the run's PostgreSQL ended with SIGKILL" in done.out
    assert processes_of(run_dir.name) == []


def test_archive_that_is_killed_is_named_on_the_first_screen_with_its_last_lines(
    executive: Callable[..., Any], write_test: Write, tmp_path: Path
) -> None:
    body = f"""{ARCHIVED}
import os, signal
os.kill(node.archive._companion._process.pid, signal.SIGKILL)
await dsl.wait_for(blocks_to_be_produced(10_000))
"""

    done = executive("run", write_test(body, settings=SETTINGS), "--run-dir", str(tmp_path / "run"))

    assert done.code == 1, done.out
    verdict = done.out.partition("FAILED")[2].splitlines()[:8]
    assert "archive-node-1-archive crashed: it was killed by SIGKILL" in verdict[1]
    assert any("Archive process ready" in line for line in verdict), verdict
    assert any("coda-executive logs" in line and "archive-node-1-archive" in line for line in verdict)


def segments_made_by(pid: int) -> list[str]:
    """Ids of the System V segments that a process has made."""
    lines = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return [line[1] for line in lines if line[4] == str(pid)]


@pytest.mark.postgresql
def test_on_a_users_server_a_run_makes_and_drops_a_database_of_its_own(
    executive: Callable[..., Any],
    write_test: Write,
    tmp_path: Path,
    postgres_uri: str,  # noqa: F811
) -> None:
    done = executive(
        "run",
        write_test(ARCHIVED, settings=SETTINGS),
        *("--run-dir", str(tmp_path / "run"), "--archive-uri", postgres_uri, "--keep", "always"),
    )

    assert done.code == 0, done.out
    plan = (tmp_path / "run" / "plan.json").read_text()
    database = re.search(r"postgresql:///(coda_\w+)\?", plan)
    assert database is not None
    assert (
        f"CREATE DATABASE {database.group(1)}"
        in (tmp_path / "run" / "nodes" / "archive-node-1" / "archive.sql").read_text()
    )
    assert databases(postgres_uri) == ["postgres"]


@pytest.mark.postgresql
async def test_killed_executives_database_on_a_users_server_is_dropped_by_the_guardian(
    start_executive: Callable[..., "subprocess.Popen[str]"],
    write_test: Write,
    tmp_path: Path,
    postgres_uri: str,  # noqa: F811
) -> None:
    run_dir = tmp_path / "run-killed-on-a-users-server"
    arguments = ["run", write_test(UP_FOR_EVER, settings=SETTINGS), "--run-dir", str(run_dir)]
    process = start_executive(*arguments, "--archive-uri", postgres_uri)
    try:
        lines_until(process, "UP")
        assert len(databases(postgres_uri)) == 2

        process.send_signal(signal.SIGKILL)
        rest(process)

        await until(lambda: databases(postgres_uri) == ["postgres"])
        await until(lambda: processes_of(run_dir.name) == [])
    finally:
        ended(process)


@pytest.mark.postgresql
async def test_database_on_a_users_server_is_told_and_dropped_by_cleanup_when_executive_and_guardian_were_killed(
    start_executive: Callable[..., "subprocess.Popen[str]"],
    executive: Callable[..., Any],
    write_test: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    postgres_uri: str,  # noqa: F811
) -> None:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    arguments = ["run", write_test(UP_FOR_EVER, settings=SETTINGS), "--run-dir", str(tmp_path / "run-killed")]
    process = start_executive(*arguments, "--archive-uri", postgres_uri)
    try:
        lines_until(process, "UP")
        await kill_both(process, tmp_path / "runtime")
        (database,) = set(databases(postgres_uri)) - {"postgres"}

        shown = executive("cleanup", "--dry-run")
        assert f"database {database} on {postgres_uri}" in shown.out, shown
        assert databases(postgres_uri) == [database, "postgres"]
        done = executive("cleanup")
        assert done.code == 0, done.out
        assert databases(postgres_uri) == ["postgres"]
        assert journals(tmp_path / "runtime") == []
    finally:
        ended(process)


@pytest.mark.postgresql
def test_database_on_a_users_server_is_dropped_by_the_executive_when_its_guardian_was_killed(
    executive: Callable[..., Any],
    write_test: Write,
    tmp_path: Path,
    postgres_uri: str,  # noqa: F811
) -> None:
    body = f"""{ARCHIVED}
import os, signal
os.kill(node._process._guardian.pid, signal.SIGKILL)
await dsl.wait_for(blocks_to_be_produced(10_000))
"""
    arguments = ["run", write_test(body, settings=SETTINGS), "--run-dir", str(tmp_path / "run")]

    done = executive(*arguments, "--archive-uri", postgres_uri)

    assert done.code == 3, done.out
    assert databases(postgres_uri) == ["postgres"]
    assert "stays on the server" not in done.out


@pytest.mark.postgresql
def test_database_on_a_users_server_goes_with_a_kept_testnet(
    executive: Callable[..., Any],
    tmp_path: Path,
    postgres_uri: str,  # noqa: F811
) -> None:
    network = tmp_path / "network.yaml"
    network.write_text(
        "network: {block_producers: {count: 1}, archive_nodes: {count: 1}, keyset: sample}\n"
        "runtime: {ledger: {name: test_three_even_stakes}}\n"
    )
    up = executive("deploy", str(network), "--name", "with-archive", "--archive-uri", postgres_uri)
    try:
        assert up.code == 0, up.out
        assert len(databases(postgres_uri)) == 2
    finally:
        down = executive("destroy", "with-archive")
    assert down.code == 0, down.out
    assert databases(postgres_uri) == ["postgres"]


def test_database_that_cannot_be_dropped_stays_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    journal = Journal.create("dead", tmp_path)
    journal.note(database=[f"postgresql:///postgres?host={tmp_path}", "coda_dead_1"])
    journal.let_go()

    assert run_cli(["cleanup"]) == 3

    assert "coda_dead_1" in capsys.readouterr().err
    assert journals(tmp_path / "runtime") == [journal.path]


async def kill_both(process: "subprocess.Popen[str]", runtime: Path) -> None:
    """Kill an executive and its guardian, neither of which can do the other's work."""
    (journal,) = journals(runtime)
    guardian = read_journal(journal).guardian
    assert guardian is not None
    process.send_signal(signal.SIGSTOP)
    os.kill(guardian.pid, signal.SIGKILL)
    process.kill()
    rest(process)
    await until(lambda: not Path(f"/proc/{guardian.pid}").exists())


def journals(runtime: Path) -> list[Path]:
    return list((runtime / "coda-executive" / "runs").glob("*.jsonl"))


def ended(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def databases(address: str) -> list[str]:
    programs = find_postgresql()
    assert programs is not None
    query = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"
    psql = str(programs.directory / "psql")
    told = subprocess.run(
        [psql, "-U", USER, "-A", "-t", "-c", query, address], capture_output=True, text=True, check=True
    )
    return told.stdout.split()


def test_a_password_on_the_command_line_is_refused(
    write_test: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--run-dir", str(tmp_path / "run"), "--archive-uri", "postgres://me:secret@db/archiver"]

    code = run_cli(["run", write_test(ARCHIVED, settings=SETTINGS), *arguments])

    assert code != 0
    assert "give it as PGPASSWORD" in capsys.readouterr().err
