"""Client commands against a daemon that runs, as their users type them (daemon contract A.8, A.11, J)."""

import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.coda_daemon.test_real_network import COMMAND, LIMIT, PASSWORD, free_ports, wait_until
from tests.coda_daemon.worlds import config_for

from coda_daemon.cli import run
from coda_daemon.client_commands import rpc
from coda_protocol.key_files import write_private_key
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.runtime_config import encode
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES
from coda_protocol.timestamp import Timestamp

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("client commands")]

PAYER, OTHER = (sample_keypair(index) for index in (1, 2))


class Daemon:
    """A seed whose network produces no blocks: key 1 holds stake, but nobody produces with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "config"
        with free_ports(3) as (self.gossip_port, self.rest_port, self.client_port):
            pass
        config = config_for(2)
        assert config.genesis is not None
        genesis = msgspec.structs.replace(
            config.genesis, genesis_state_timestamp=Timestamp(int(datetime.now(UTC).timestamp() * 1000))
        )
        (directory / "config.json").write_bytes(encode(msgspec.structs.replace(config, genesis=genesis)))
        arguments = [
            *("-config-directory", str(self.config), "-config-file", str(directory / "config.json")),
            *("-libp2p-keypair", libp2p_keypair_from_seed("alone").reveal(), "-seed", "-log-json"),
            *("-external-ip", "127.0.0.1", "-bind-ip", "127.0.0.1", "-external-port", str(self.gossip_port)),
            *("-rest-port", str(self.rest_port), "-client-port", str(self.client_port)),
        ]
        with (directory / "stdout").open("ab") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "daemon", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "CODA_PROFILE": "dev"},
            )
        wait_until("frontier", lambda: '"Starting transition frontier' in (directory / "stdout").read_text())


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("client-commands"))
    yield daemon
    daemon.process.kill()
    daemon.process.wait()


class Shell:
    """Runs commands in this process; `rest` and `rpc` add where the daemon is."""

    def __init__(self, daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
        self._daemon = daemon
        self._capsys = capsys

    def rest(self, *arguments: str, code: int = 0) -> str:
        return self.type(*arguments, "-rest-server", str(self._daemon.rest_port), code=code)

    def rpc(self, *arguments: str, code: int = 0) -> str:
        return self.type(*arguments, "-daemon-port", str(self._daemon.client_port), code=code)

    def type(self, *arguments: str, code: int = 0) -> str:
        """What a command says, on stdout or else on stderr."""
        self._capsys.readouterr()
        found = run(arguments)
        said = self._capsys.readouterr()
        assert found == code, said
        return said.out if code == 0 else said.err


@pytest.fixture
def shell(daemon: Daemon, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("MINA_PRIVKEY_PASS", PASSWORD)
    return Shell(daemon, capsys)


def unlocked_payer(daemon: Daemon, shell: Shell) -> str:
    """Key 1, imported into the daemon's wallet and unlocked."""
    path = daemon.directory / "keys" / "payer"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(write_private_key(PAYER.private, PASSWORD, entropy=os.urandom(ENTROPY_BYTES)))
    path.chmod(0o600)
    key = str(PAYER.public)
    assert key in shell.rest("accounts", "import", "-privkey-path", str(path))
    assert shell.rest("accounts", "unlock", "-public-key", key) == f"Unlocked account!\nPublic key: {key}\n"
    return key


def pooled(shell: Shell) -> list[dict[str, str]]:
    return list(json.loads(shell.rest("advanced", "pooled-user-commands")))


def test_status_is_a_table_and_json(daemon: Daemon, shell: Shell) -> None:
    table = shell.rpc("client", "status")
    status = json.loads(shell.rpc("client", "status", "-json"))

    assert table.startswith("Mina daemon status\n-----")
    assert "\nBlock height:                                  1\n" in table
    assert f"\n\tClient port:    {daemon.client_port}\n" in table
    assert (status["blockchain_length"], status["conf_dir"]) == (1, str(daemon.config))
    assert status["histograms"] is None


def test_payment_is_sent_and_cancelled_by_one_that_replaces_it(daemon: Daemon, shell: Shell) -> None:
    payer, other = unlocked_payer(daemon, shell), str(OTHER.public)
    sent = shell.rest(
        *("client", "send-payment", "-sender", payer, "-receiver", other),
        *("-amount", "1.5", "-fee", "0.01", "-memo", "rent"),
    )
    prefix = "Dispatched payment with ID "
    assert sent.startswith(prefix)
    name = sent.removeprefix(prefix).strip()
    (payment,) = pooled(shell)
    assert (payment["id"], payment["amount"], payment["fee"]) == (name, "1500000000", "10000000")
    assert shell.type("advanced", "hash-transaction", "-transaction-id", name).strip() == payment["hash"]
    assert shell.rpc("advanced", "get-nonce", "-address", payer) == "1\n"

    cancelled = shell.rest("client", "cancel-transaction", "-id", name)

    (replacement,) = pooled(shell)
    assert cancelled.startswith("Fee to cancel transaction is 0.010000001 coda.\n")
    assert cancelled.strip().endswith(replacement["id"])
    assert (replacement["amount"], replacement["fee"]) == ("0", "10000001")
    assert replacement["nonce"] == payment["nonce"]
    assert "no transaction with this ID" in shell.rest("client", "cancel-transaction", "-id", name, code=1)

    delegated = shell.rest("client", "delegate-stake", "-sender", payer, "-receiver", other)
    assert delegated.startswith("Dispatched stake delegation with ID ")
    assert [command["kind"] for command in pooled(shell)] == ["PAYMENT", "STAKE_DELEGATION"]
    assert pooled(shell)[1]["fee"] == "250000000"  # the default, contract I.7


def test_accounts_are_made_listed_locked_and_exported(daemon: Daemon, shell: Shell, tmp_path: Path) -> None:
    made = shell.rest("accounts", "create")
    key = made.removeprefix("Added new account!\nPublic key: ").strip()
    listed = shell.rest("accounts", "list")
    assert f"  Public Key: {key}\n  Balance: 0\n  Locked: false\n" in listed

    assert shell.rest("accounts", "lock", "-public-key", key) == f"Locked account!\nPublic key: {key}\n"
    assert f"{key}\n  Balance: 0\n  Locked: true" in shell.rest("accounts", "list")
    path = str(tmp_path / "exported" / "key")
    flags = ("-public-key", key, "-privkey-path", path, "-config-directory", str(daemon.config))
    assert shell.type("accounts", "export", *flags) == f"Account exported to {path}: {key}\n"
    assert key in shell.type("advanced", "validate-keypair", "-privkey-path", path)
    assert "already present" in shell.rest("accounts", "import", "-privkey-path", path)
    stranger = str(sample_keypair(9).public)
    assert "Could not find owned account" in shell.rest("accounts", "lock", "-public-key", stranger, code=17)


def test_balances_and_tokens_are_the_ledgers(shell: Shell) -> None:
    known, unknown = str(OTHER.public), str(sample_keypair(9).public)

    assert shell.rest("client", "get-balance", "-public-key", known) == "Balance: 1000 mina\n"
    assert (
        shell.rest("client", "get-balance", "-public-key", unknown) == "There are no funds in this account\n"
    )
    assert "wSHV2S4qX9jFsLjQo8r1BsMLH2ZRKsZx6EJd1sbozGPieEC4Jf" in shell.rest(
        "client", "get-tokens", "-public-key", known
    )
    assert "Could not use -public-key" in shell.rest("client", "get-balance", "-public-key", "B62", code=1)


def test_ledgers_are_exported_as_a_configuration_lists_them(
    daemon: Daemon, shell: Shell, tmp_path: Path
) -> None:
    ledgers = {
        kind: shell.rpc("ledger", "export", kind)
        for kind in ("staged-ledger", "snarked-ledger", "staking-epoch-ledger", "next-epoch-ledger")
    }
    (tmp_path / "ledger.json").write_text(ledgers["staged-ledger"])
    flags = ("-ledger-file", str(tmp_path / "ledger.json"), "-depth", "10")

    assert len(set(ledgers.values())) == 1  # at genesis
    assert [account["pk"] for account in json.loads(ledgers["staged-ledger"])] == [
        *(str(PAYER.public), str(OTHER.public)),
    ]
    status = json.loads(shell.rpc("client", "status", "-json"))
    assert shell.type("ledger", "hash", *flags).strip() == status["ledger_merkle_root"]
    assert shell.type("ledger", "currency", *flags) == "MINA : 2000\n"
    assert "expected one of staged-ledger" in shell.rpc("ledger", "export", "genesis", code=1)
    absent = ("ledger", "export", "staged-ledger", "-state-hash", "3Nabsent")
    assert "not found in transition frontier" in shell.rpc(*absent, code=1)


def test_settings_are_changed_and_shown(shell: Shell) -> None:
    key = str(OTHER.public)

    assert shell.rest("client", "set-snark-work-fee", "0.2") == (
        "Updated snark work fee: 200000000\nOld snark work fee: 100000000\n"
    )
    assert shell.rest("client", "set-snark-worker") == (
        "Will stop doing snark work\nPrevious snark worker public key : None\n"
    )
    assert "Now sending coinbases to B62" in shell.rest(
        "advanced", "set-coinbase-receiver", "-public-key", key
    )
    assert shell.rest("advanced", "set-coinbase-receiver", "-block-producer") == (
        f"Was sending coinbases to {key}\nNow sending coinbases to the block producer\n"
    )
    assert json.loads(shell.rest("advanced", "runtime-config"))["genesis"]["k"] == 12
    assert shell.rest("advanced", "get-peers") == ""
    peer = f"/ip4/127.0.0.1/tcp/9/p2p/{libp2p_keypair_from_seed('another').peer_id}"
    assert shell.rest("advanced", "add-peers", peer, "-seed", "false") == f"Added peer {peer}\n"


def test_logs_are_exported_with_and_without_the_daemon(daemon: Daemon, shell: Shell) -> None:
    remote = shell.rest("client", "export-logs", "-tarfile", "for-a-friend").split()[-1]
    local = shell.type("client", "export-local-logs", "-config-directory", str(daemon.config)).split()[-1]

    assert remote == str(daemon.config / "exported_logs" / "for-a-friend.tar.gz")
    for path in (remote, local):
        with tarfile.open(path) as tar:
            assert {"mina.log", "mina.version"} <= set(tar.getnames())
            member = tar.extractfile("mina.log")
            assert member is not None
            assert b"booting up" in member.read()
    assert "plain name" in shell.rest("client", "export-logs", "-tarfile", "../up", code=17)


def test_nobody_home_is_15_over_rpc_and_17_over_graphql(shell: Shell) -> None:
    with free_ports(1) as (port,):
        pass

    said = shell.type("client", "status", "-daemon-port", f"127.0.0.1:{port}", code=15)
    assert "The daemon might not be running" in said
    assert "-daemon-port" in said
    said = shell.type("accounts", "list", "-rest-server", str(port), code=17)
    assert "-rest-server" in said


def test_stop_daemon_ends_it_with_0_and_no_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daemon = Daemon(tmp_path)
    try:
        assert Shell(daemon, capsys).rpc("client", "stop-daemon") == "Daemon stopping\n"
        assert daemon.process.wait(LIMIT) == 0
        assert not (daemon.config / ".mina-lock").exists()
    finally:
        daemon.process.kill()
        daemon.process.wait()


def test_password_is_never_asked_without_a_terminal(daemon: Daemon, tmp_path: Path) -> None:
    flags = ("-public-key", str(PAYER.public), "-rest-server", str(daemon.rest_port))
    done = subprocess.run(
        [sys.executable, "-m", "coda_daemon", "accounts", "unlock", *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 1
    assert b"MINA_PRIVKEY_PASS" in done.stderr


def test_a_reader_that_has_seen_enough_gets_no_traceback(daemon: Daemon, tmp_path: Path) -> None:
    flags = ("ledger", "export", "staged-ledger", "-daemon-port", str(daemon.client_port))
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, *flags],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_daemon_that_does_not_answer_is_given_up(
    daemon: Daemon, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "_LIMIT", 0.2)
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        assert "no answer within 0.2 s" in shell.rpc("client", "status", code=15)
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def test_the_client_trust_list_is_shown_and_changed(daemon: Daemon, shell: Shell) -> None:
    def listed() -> list[str]:
        return shell.rpc("advanced", "client-trustlist", "list").split()

    assert listed() == ["127.0.0.0/8", "127.0.0.1/32"]
    change = ("-ip-address", "10.0.0.0/8")
    assert shell.rpc("advanced", "client-trustlist", "add", *change) == "Successfully added client\n"
    assert listed()[-1] == "10.0.0.0/8"
    assert (daemon.config / "client_trustlist").read_text() == "(10.0.0.0/8)\n"
    assert shell.rpc("advanced", "client-trustlist", "remove", *change) == "Successfully removed client\n"
    assert "not among the networks" in shell.rpc("advanced", "client-trustlist", "remove", *change, code=1)
    assert "needs -ip-address" in shell.rpc("advanced", "client-trustlist", "add", code=1)
