"""The command `coda` without a node: version, events, keys; and what it must not load."""

import io
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from coda_daemon import tools
from coda_daemon.build import VERSION
from coda_daemon.cli import _SUBCOMMANDS, run
from coda_daemon.client_commands import accounts, advanced, client, ledger, transactions
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.structured_events import BY_NAME


@pytest.mark.parametrize("arguments", [["version"], ["-version"], ["daemon", "-version"]])
def test_version_is_told_as_the_real_daemon_does(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 0
    assert capsys.readouterr().out.startswith("Commit ")


def test_the_version_is_the_distributions() -> None:
    assert version("coda-executive") == VERSION


def test_structured_events_are_dumped_with_id_and_fields(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["internal", "dump-structured-events"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert run(["internal", "dump-structured-events", "-pretty", "-out-file", str(tmp_path / "f")]) == 0

    assert ["Block_produced", "64e2d3e86c37c09b15efdaf7470ce879", ["breadcrumb"]] in rows
    assert len(rows) == len(BY_NAME)
    assert json.loads((tmp_path / "f").read_text()) == rows


def test_a_generated_key_pair_is_valid_and_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINA_PRIVKEY_PASS", "naughty blue worm")
    path = tmp_path / "keys" / "key"

    assert run(["advanced", "generate-keypair", "-privkey-path", str(path)]) == 0
    told = capsys.readouterr().out
    assert run(["advanced", "validate-keypair", "-privkey-path", str(path)]) == 0
    capsys.readouterr()
    assert run(["advanced", "dump-keypair", "-privkey-path", str(path)]) == 0
    dumped = capsys.readouterr().out

    public = (tmp_path / "keys" / "key.pub").read_text().strip()
    assert f"Public key: {public}" in told
    assert f"Public key: {public}\nPrivate key: EK" in dumped
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert run(["advanced", "generate-keypair", "-privkey-path", str(path)]) == 4
    monkeypatch.setenv("MINA_PRIVKEY_PASS", "other")
    assert run(["advanced", "validate-keypair", "-privkey-path", str(path)]) == 4


def test_a_generated_libp2p_key_has_its_peer_id_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINA_LIBP2P_PASS", "")
    path = str(tmp_path / "libp2p")

    assert run(["libp2p", "generate-keypair", "-privkey-path", path]) == 0
    told = capsys.readouterr().out
    assert run(["libp2p", "dump-keypair", "-privkey-path", path]) == 0

    assert capsys.readouterr().out == told
    assert told.strip().endswith((tmp_path / "libp2p.peerid").read_text().strip())


def test_missing_passwords_and_flags_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MINA_PRIVKEY_PASS", raising=False)

    assert run(["advanced", "dump-keypair"]) == 1
    assert run(["advanced", "dump-keypair", "-privkey-path", "/nowhere"]) == 4
    assert "MINA_PRIVKEY_PASS" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["advanced", "nonsense"], ["client", "-status"]])
def test_unknown_subcommands_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 1
    assert "unknown subcommand" in capsys.readouterr().err


@pytest.mark.real
def test_a_daemon_is_loaded_without_heavy_packages() -> None:
    code = (
        "import sys, coda_daemon.cli, coda_daemon.process, coda_daemon.daemon, coda_daemon.simulated;"
        "print([name for name in ('aiohttp', 'graphql', 'nacl', 'rich', 'click') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize("group", ["client", "accounts", "ledger", "advanced", "libp2p", "internal"])
def test_each_group_lists_its_subcommands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "-help"]) == 0
    listed = capsys.readouterr().out
    assert run([group]) == 1
    assert capsys.readouterr().err == listed
    assert f"coda {group} SUBCOMMAND" in listed
    assert run([group, "-version"]) == 0
    assert capsys.readouterr().out.startswith("Commit ")


CLIENT_COMMANDS = [
    command.syntax.name.removeprefix("coda ")
    for module in (client, transactions, accounts, ledger, advanced)
    for command in module.COMMANDS
]


def test_all_client_commands_are_listed() -> None:
    groups = ("client", "accounts", "ledger", "advanced")
    listed = {name for name in _SUBCOMMANDS if name.split()[0] in groups}
    without_daemon = {name for name in listed if tools.find(*name.split())}
    assert set(CLIENT_COMMANDS) == listed - without_daemon
    assert len(without_daemon) == 6


@pytest.mark.parametrize("name", CLIENT_COMMANDS)
def test_client_commands_have_help_that_loads_nothing_heavy(name: str) -> None:
    script = (
        "import sys; from coda_daemon.cli import run; code = run(sys.argv[1:]); "
        "heavy = {'asyncio', 'aiohttp', 'graphql', 'nacl', 'http.client'} & set(sys.modules); "
        "print(sorted(heavy)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *name.split(), "-help"], capture_output=True, text=True, check=True
    )
    assert f"coda {name}" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_private_key_is_wrapped_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keypair = sample_keypair(3)
    monkeypatch.setenv("MINA_PRIVKEY_PASS", "p")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{keypair.private.reveal()}\n"))
    path = str(tmp_path / "wrapped")

    assert run(["advanced", "wrap-key", "-privkey-path", path]) == 0
    assert run(["advanced", "validate-keypair", "-privkey-path", path]) == 0
    assert str(keypair.public) in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO("no key\n"))
    assert run(["advanced", "wrap-key", "-privkey-path", f"{path}-2"]) == 4


def test_compiled_constants_are_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["advanced", "compile-time-constants"]) == 0
    assert json.loads(capsys.readouterr().out)["genesis"]["k"] == 30  # lightnet's, contract B.3
