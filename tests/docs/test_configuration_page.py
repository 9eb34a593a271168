"""docs/configuration.md: its files are read, its commands run, its tables made anew."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tools.make_configuration_docs import PAGE, with_fields

from coda_daemon.cli import run as run_coda
from coda_executive.cli.main import run_cli
from coda_executive.config.files import load_network

TEXT = PAGE.read_text("utf-8")
FILES = dict(re.findall(r"```(?:yaml|json|toml) (\S+)\n(.*?)```", TEXT, re.DOTALL))
SESSIONS = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
NETWORKS = [name for name, text in FILES.items() if re.search(r"^\[?network", text, re.MULTILINE)]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with all files of the page."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


def commands(session: str) -> list[tuple[str, str]]:
    """Each command line with what the page says it prints."""
    parts = re.split(r"^\$ (.*)\n", session, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def test_the_tables_are_current() -> None:
    """If not, run tools/make_configuration_docs.py."""
    assert with_fields(TEXT) == TEXT


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "wrong.yaml"])
def test_every_network_file_of_the_page_is_sound(name: str) -> None:
    network, runtime = load_network(Path(name))
    assert network.block_producers.count > 0
    assert runtime.ledger is not None


@pytest.mark.usefixtures("reader")
def test_every_command_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """An ellipsis on a line stands for any text, on a line of its own for any lines."""
    shown = [command for session in SESSIONS for command in commands(session)]
    assert len(shown) >= 5
    root_of_page = re.findall(r"hash: (j[wx]\w+)", FILES["by-hash.yaml"])[0]
    for command, expected in shown:
        program, *arguments = shlex.split(command)
        (run_cli if program == "coda-executive" else run_coda)(arguments)
        captured = capsys.readouterr()
        printed = captured.out + captured.err
        if Path("hashes.json").exists():
            # Which root a ledger has changes with what the daemon keeps in an account.
            root = json.loads(Path("hashes.json").read_text())["ledger"]["hash"]
            Path("by-hash.yaml").write_text(FILES["by-hash.yaml"].replace(root_of_page, root))
            printed = printed.replace(root, root_of_page)
        pattern = re.escape(expected.rstrip("\n")).replace("…\n", "(.*\n)*?").replace("…", "(.|\n)*?")
        assert re.fullmatch(pattern, printed.rstrip("\n")), printed
