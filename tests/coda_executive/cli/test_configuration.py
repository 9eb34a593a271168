"""`plan`, `schema` and `genesis`: what a user sees and the exit codes."""

import json
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli
from coda_executive.genesis_store.genesis_files import GenesisFile
from coda_protocol.sample_keys import sample_keypair

NETWORK = """\
network:
  block_producers: {count: 2}
  keyset: sample
runtime:
  ledger: {name: test_three_even_stakes}
"""
ROOT = "jwT4yEEzGnQVThKQfDoLGqLwwDam48LPRi1K7YkjgE6XRYvcG31"


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NETWORK)
    return tmp_path / "net.yaml"


@pytest.mark.usefixtures("network")
def test_a_plan_is_the_same_text_each_time_and_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["plan", "net.yaml", "--json"]) == 0
    first = capsys.readouterr().out
    assert run_cli(["plan", "net.yaml", "--json"]) == 0
    assert capsys.readouterr().out == first
    document = json.loads(first)
    assert list(document["nodes"]) == ["seed-1", "block-producer-1", "block-producer-2"]
    assert document["nodes"]["block-producer-1"]["environment"]["MINA_PRIVKEY_PASS"] == "(hidden)"
    assert sample_keypair(1).private.reveal() not in first


@pytest.mark.usefixtures("network")
def test_the_difference_of_a_file_to_itself_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["plan", "net.yaml", "--diff", "net.yaml"]) == 0
    assert capsys.readouterr().out == "The two plans are the same.\n"
    assert run_cli(["plan", "net.yaml", "--diff", "net.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"same": True, "difference": []}


def test_what_differs_is_told_with_the_names_of_the_files(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network.with_name("other.yaml").write_text(NETWORK + "  genesis: {k: 7}\n")
    assert run_cli(["plan", "net.yaml", "--diff", "other.yaml"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["--- net.yaml", "+++ other.yaml"]
    assert '+    "k": 7,' in shown


def test_the_local_engine_plans_both_files_on_the_same_places(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network.with_name("other.yaml").write_text(NETWORK + "  genesis: {k: 7}\n")
    assert run_cli(["plan", "net.yaml", "--engine", "local", "--diff", "other.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "client-port" not in shown
    assert '+    "k": 7,' in shown


def test_faults_go_to_stderr_with_exit_code_4(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network.write_text(NETWORK.replace("2}", "two}") + "  genesis: {kk: 3}\n")
    assert run_cli(["plan", "net.yaml"]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == "coda-executive: The configuration has 2 faults:"
    assert captured.err.splitlines()[1].startswith("  net.yaml:2:28: ")
    assert captured.err.splitlines()[2].startswith("  net.yaml:6:17: ")


def test_lenient_passes_an_unknown_name_on(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network.write_text(NETWORK + "  genesis: {kk: 3}\n")
    assert run_cli(["plan", "net.yaml", "--lenient", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runtime"]["genesis"]["kk"] == 3


def test_schemas_describe_every_field_and_close_every_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("network", "runtime"):
        assert run_cli(["schema", kind]) == 0
        schema = json.loads(capsys.readouterr().out)
        for name, definition in schema["$defs"].items():
            assert definition["additionalProperties"] is False, name
            for field, part in definition["properties"].items():
                assert part["description"], (name, field)
        assert "kept" not in json.dumps(schema)
    section = schema["$defs"]["RuntimeConfig"]["properties"]["genesis"]
    assert section["description"] == "Constants of consensus."


def test_an_unknown_schema_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["schema", "keyset"]) == 4
    assert "'network', 'runtime'" in capsys.readouterr().err


@pytest.mark.usefixtures("network")
def test_options_of_a_genesis_store_without_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["plan", "net.yaml"], ["run", "block-production", "--engine", "simulation"]):
        assert run_cli([*command, "--genesis-region", "eu"]) == 4
        assert "belong to a --genesis-store" in capsys.readouterr().err


def test_a_ledger_that_the_store_lacks_ends_with_exit_code_3(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network.write_text(NETWORK.replace("{name: test_three_even_stakes}", f"{{hash: {ROOT}}}"))
    assert run_cli(["plan", "net.yaml", "--genesis-store", "nowhere"]) == 3
    assert f"has no archive of the ledger {ROOT}" in capsys.readouterr().err


def test_stored_files_stand_in_the_plan_of_every_node(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = GenesisFile(ROOT, f"genesis_ledger_{ROOT}.coda", b"an archive")
    made = network.with_name("made")
    made.mkdir()
    (made / archive.name).write_bytes(archive.content)
    hashes = network.with_name("hashes.json")
    hashes.write_text(json.dumps({"ledger": {"hash": ROOT, "s3_data_hash": archive.digest}}))
    network.write_text(NETWORK.replace("{name: test_three_even_stakes}", f"{{hash: {ROOT}}}"))

    assert run_cli(["genesis", "store", "made", "store", "--hash-file", "hashes.json"]) == 0
    assert capsys.readouterr().out == f"ledger {ROOT} in store\n1 files, 1 of them new there\n"
    assert run_cli(["plan", "net.yaml", "--genesis-store", "store", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["runtime"]["ledger"]["s3_data_hash"] == archive.digest
    for name, node in document["nodes"].items():
        assert node["files"][f"genesis/{archive.name}"]["bytes"] == len(archive.content)
        at = node["arguments"].index("-genesis-ledger-dir")
        assert node["arguments"][at + 1] == f"/nodes/{name}/genesis"
