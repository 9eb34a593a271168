"""Testnets that are kept up by hand, through the command line."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.coda_executive.engines.local.testnets import stub
from tests.coda_executive.runs import held_executive
from tests.coda_executive.runs.stub_runs import environment, gone, what_is_left

from coda_executive.cli.main import run_cli
from coda_executive.executive.keeping import kept_testnets

# A clean-up finds what dead runs left on the whole machine: such tests must not run beside each other.
pytestmark = [pytest.mark.real, pytest.mark.xdist_group("leftovers")]

Executive = Callable[..., Any]
NETWORK = """
network:
  block_producers: {count: 1}
  keyset: sample
runtime:
  genesis: {k: 12, slots_per_epoch: 480, slots_per_sub_window: 2, grace_period_slots: 140}
  proof: {level: none, block_window_duration_ms: 1000}
  ledger: {name: test_three_even_stakes}
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A state directory of the test's own; a testnet that a failed test leaves up is destroyed."""
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.chdir(tmp_path)
    yield
    for kept in kept_testnets():
        kept.keeper.destroy_kept(kept.testnet.name)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(NETWORK)
    return path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process; answers exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_cli(arguments)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


Cli = Callable[..., tuple[int, str, str]]


def sync_status(url: str) -> str:
    request = urllib.request.Request(
        url, json.dumps({"query": "{ syncStatus }"}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        document: dict[str, dict[str, str]] = json.load(reply)
    return document["data"]["syncStatus"]


def pids(cli: Cli, name: str) -> dict[str, int | None]:
    document = json.loads(cli("env", name, "--json")[1])
    return {node: row["pid"] for node, row in document["nodes"].items()}


def test_a_deployed_testnet_is_up_until_it_is_destroyed(
    executive: Executive, cli: Cli, network: Path, tmp_path: Path
) -> None:
    """The whole life: deploy, ls, env, GraphQL, stop, start, logs, destroy; cleanup never touches it."""
    deployed = executive("deploy", str(network), "--lease", "2h", "--run-dir", str(tmp_path / "run"))
    assert deployed.code == 0, deployed.out
    assert "seed-1 is initialised" in deployed.out
    assert "export CODA_SEED_1_GRAPHQL=http://127.0.0.1:" in deployed.out

    assert cli("cleanup") == (0, "nothing is left of dead runs\n", "")
    (row,) = json.loads(cli("ls", "--json")[1])
    assert (row["name"], row["engine"], row["lease_seconds"]) == ("small", "local", 7200.0)
    assert row["nodes"] == {"seed-1": True, "block-producer-1": True}
    assert "small  local   2 of 2    2 h" in cli("ls")[1]

    code, exports, _ = cli("env", "small")
    assert code == 0
    script = f'{exports}\necho "$CODA_SEED_1_GRAPHQL $CODA_BLOCK_PRODUCER_1_KEY_BLOCK_PRODUCER $CODA_NODES"'
    url, key, *nodes = subprocess.check_output(["/bin/sh", "-c", script], text=True).split()
    assert sync_status(url) in ("SYNCED", "BOOTSTRAP", "CATCHUP", "LISTENING", "CONNECTING")
    assert Path(key).stat().st_mode & 0o777 == 0o600
    assert nodes == ["seed-1", "block-producer-1"]

    before = pids(cli, "small")
    assert cli("stop", "small", "block-producer-1") == (0, "", "")
    assert "1 of 2" in cli("ls")[1]
    assert cli("start", "small") == (0, "", "")
    after = pids(cli, "small")
    assert after["seed-1"] == before["seed-1"]
    assert after["block-producer-1"] not in (None, before["block-producer-1"])
    assert "block-producer-1" in cli("logs", "small")[1]
    assert json.loads((tmp_path / "run" / "outcome.json").read_text())["verdict"] == "passed"

    code, _, said = cli("deploy", str(network))
    assert code == 3
    assert "a testnet named small is up already" in said
    code, _, said = cli("stop", "small", "seed-9")
    assert code == 4
    assert "has no node 'seed-9'; it has seed-1, block-producer-1" in said

    code, said, _ = cli("destroy", "small")
    assert code == 0
    assert gone([pid for pid in (*before.values(), *after.values()) if pid])()
    assert cli("ls")[1].startswith("no testnet is up")
    assert sorted(path.name for path in (tmp_path / "run" / "nodes" / "seed-1").iterdir()) == ["daemon.log"]
    assert not list((tmp_path / "runtime" / "coda-executive" / "runs").iterdir())
    code, _, said = cli("destroy", "small")
    assert code == 4
    assert "no testnet named 'small' is up; none is" in said


def test_a_testnet_that_does_not_come_up_is_destroyed(
    executive: Executive, cli: Cli, network: Path, tmp_path: Path
) -> None:
    done = executive("deploy", str(network), "--daemon", stub("dies"), "--run-dir", str(tmp_path / "run"))

    assert done.code == 1
    assert "crashed: it exited with code 1" in done.out
    assert cli("ls")[1].startswith("no testnet is up")
    assert not list((tmp_path / "runtime" / "coda-executive" / "runs").iterdir())


def test_what_cannot_be_deployed_is_refused_before_anything_starts(
    cli: Cli, network: Path, tmp_path: Path
) -> None:
    for arguments, words in (
        (("deploy", "missing.yaml"), "missing.yaml cannot be read"),
        (("deploy", str(network), "--engine", "simulation"), "end with the command that deploys them"),
        (("deploy", str(network), "--name", "a b"), "a testnet's name has letters"),
        (("deploy", str(network), "--lease", "soon"), "expected a length of time such as 90s, 15m, 2h or 1d"),
        (("deploy", str(network), "--lease", "0"), "--lease must be above 0"),
        (("env", "nobody"), "no testnet named 'nobody' is up"),
    ):
        code, _, said = cli(*arguments)
        assert code == 4, said
        assert words in said
    assert not (tmp_path / "runs").exists()


def test_a_lease_is_renewed_by_use_and_changed_by_env(executive: Executive, cli: Cli, network: Path) -> None:
    assert executive("deploy", str(network), "--name", "mine", "--lease", "1d").code == 0
    try:
        (row,) = json.loads(cli("ls", "--json")[1])
        assert row["lease_seconds"] == 86400
        assert json.loads(cli("env", "mine", "--lease", "90m", "--json")[1])["lease_seconds"] == 5400
    finally:
        assert cli("destroy", "mine", "--keep-state")[0] == 0
    assert list((Path(row["directory"]) / "nodes" / "seed-1" / "config").iterdir())


def test_following_its_logs_ends_when_it_is_destroyed(
    start_executive: Callable[..., "subprocess.Popen[str]"], executive: Executive, cli: Cli, network: Path
) -> None:
    assert executive("deploy", str(network)).code == 0
    followed = start_executive("logs", "small", "--follow")
    try:
        assert followed.stdout is not None
        first = followed.stdout.readline()
        assert followed.poll() is None
        assert cli("destroy", "small")[0] == 0
        rest = followed.stdout.read()
        assert followed.wait() == 0
    finally:
        followed.kill()
        followed.communicate()
    assert first
    assert "seed-1" in rest


def test_a_signal_at_the_moment_of_keeping_destroys_it(cli: Cli, network: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    process = subprocess.Popen(
        [
            *(sys.executable, held_executive.__file__, "keeping"),
            *("deploy", str(network), "--run-dir", str(run_dir)),
        ],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        while "HELD" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        shown = process.stdout.read()
        assert process.wait() == 130
    finally:
        process.kill()
        process.communicate()
    assert "phase keep" in shown
    assert what_is_left(run_dir) == []
    assert cli("ls")[1].startswith("no testnet is up")
