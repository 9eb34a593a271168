"""Configuration files of every format, keysets, merging, positions."""

import json
from pathlib import Path

import pytest

from coda_executive.config.fault import FaultyConfigError
from coda_executive.config.files import load_keyset, load_network, load_runtime_config
from coda_executive.config.network import NetworkConfig
from coda_executive.config.validate import validate
from coda_executive.errors import ConfigError
from coda_protocol.currency import Balance, Fee
from coda_protocol.runtime_config import RuntimeConfig
from coda_protocol.sample_keys import sample_keypair

ONE, TWO = (str(sample_keypair(index).public) for index in (1, 2))
SECRETS = tuple(sample_keypair(index).private.reveal() for index in (1, 2))

YAML = f"""\
network:
  block_producers:
    count: 1
    flags: [{{coinbase_receiver: {TWO}}}]
  snark_coordinators: {{count: 1, flags: [{{snark_worker_fee: "0.5", work_selection: seq}}]}}
  nodes:
    block-producer-1: {{name: whale, arguments: [-max-connections, "5"], resources: {{cpus: 2, memory_mib: 512}}}}
runtime:
  genesis: {{k: 6, genesis_state_timestamp: 2024-05-01T12:00:00Z}}
  proof: {{level: none, transaction_capacity: {{2_to_the: 3}}}}
  ledger:
    accounts:
      - {{pk: {ONE}, sk: {SECRETS[0]}, balance: "10"}}
      - {{pk: {TWO}, balance: "10"}}
"""
TOML = f"""\
[network.block_producers]
count = 1
flags = [{{coinbase_receiver = "{TWO}"}}]
[network.snark_coordinators]
count = 1
[[network.snark_coordinators.flags]]
snark_worker_fee = "0.5"
work_selection = "seq"
[network.nodes.block-producer-1]
name = "whale"
arguments = ["-max-connections", "5"]
resources = {{cpus = 2, memory_mib = 512}}
[runtime]
genesis = {{k = 6, genesis_state_timestamp = "2024-05-01T12:00:00Z"}}
proof = {{level = "none", transaction_capacity = {{2_to_the = 3}}}}
[[runtime.ledger.accounts]]
pk = "{ONE}"
sk = "{SECRETS[0]}"
balance = "10"
[[runtime.ledger.accounts]]
pk = "{TWO}"
balance = "10"
"""


def loaded(tmp_path: Path, name: str, text: str) -> tuple[NetworkConfig, RuntimeConfig]:
    (tmp_path / name).write_text(text)
    return load_network(tmp_path / name)


def faults(tmp_path: Path, name: str, text: str) -> list[str]:
    with pytest.raises(FaultyConfigError) as caught:
        loaded(tmp_path, name, text)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults]


def test_yaml_json_and_toml_say_the_same(tmp_path: Path) -> None:
    import yaml

    network, runtime = loaded(tmp_path, "net.yaml", YAML)
    value = yaml.safe_load(YAML.replace("2024-05-01T12:00:00Z", '"2024-05-01T12:00:00Z"'))

    assert loaded(tmp_path, "net.json", json.dumps(value)) == (network, runtime)
    assert loaded(tmp_path, "net.toml", TOML) == (network, runtime)
    assert network.snark_coordinators.flags[0].snark_worker_fee == Fee.of_coda("0.5")
    assert network.nodes["block-producer-1"].arguments == ("-max-connections", "5")
    assert not validate(network, runtime)


def test_a_fault_in_json_has_line_and_column(tmp_path: Path) -> None:
    text = '{"network": {"block_producers": {"count": 1}},\n "runtime": {"ledger": {"name": 5}}}\n'
    assert faults(tmp_path, "net.json", text) == [
        "net.json:2:33: runtime.ledger.name: expected text, found the number 5. Put it in quotes."
    ]


def test_a_name_twice_in_json_has_line_and_column(tmp_path: Path) -> None:
    text = '{"network": {},\n\t"runtime": {"genesis": {"k": 1, "a\\"b": [1, {}, "x"], "k": 2}}}'
    assert faults(tmp_path, "net.json", text) == [
        "net.json:2:56: runtime.genesis.k: expected each name once, found 'k' again. Remove one of them."
    ]


def test_json_that_does_not_parse_says_where(tmp_path: Path) -> None:
    assert faults(tmp_path, "net.json", '{"network": \n  nope}') == [
        "net.json:2:3: expected JSON, found a mistake (expecting value)."
    ]


def test_a_fault_in_toml_has_line_and_column(tmp_path: Path) -> None:
    text = TOML.replace('balance = "10"', 'balance = "ten"')
    assert faults(tmp_path, "net.toml", text) == [
        'net.toml:19:11: runtime.ledger.accounts[0].balance: expected decimal coda such as "1000.5", '
        "found 'ten'.",
        'net.toml:22:11: runtime.ledger.accounts[1].balance: expected decimal coda such as "1000.5", '
        "found 'ten'.",
    ]


def test_toml_that_does_not_parse_says_where(tmp_path: Path) -> None:
    [fault] = faults(tmp_path, "net.toml", "[network]\ncount = = 3\n")
    assert fault.startswith("net.toml:2:9: expected TOML, found ")


def test_text_that_is_no_utf_8_says_where(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_bytes(b"network:\n  \xff: 3\n")
    with pytest.raises(FaultyConfigError, match=r"net\.yaml:2:3: expected UTF-8 text, found byte 0xff"):
        load_network(tmp_path / "net.yaml")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    assert faults(tmp_path, "net.ini", "") == [
        f"net.ini:1:1: expected a file name ending in .yaml, .json or .toml, found '{'net.ini'}'."
    ]


def test_the_runtime_may_be_a_file_of_its_own_whose_faults_are_placed_in_it(tmp_path: Path) -> None:
    network = "network: {block_producers: {count: 1}, keyset: sample}\nruntime: runtime_config.json\n"
    runtime = tmp_path / "runtime_config.json"
    runtime.write_text('{"ledger": {"name": "test"}}')
    _, config = loaded(tmp_path, "net.yaml", network)
    assert config.ledger is not None
    assert config.ledger.name == "test"

    runtime.write_text('{"ledger": {"name": "test"},\n "genesis": {"k": 0, "kk": 1}}')
    assert faults(tmp_path, "net.yaml", network) == [
        "runtime_config.json:2:19: runtime.genesis.k: expected at least 1, found 0.",
        "runtime_config.json:2:28: runtime.genesis.kk: expected a known name, found 'kk'. Did you mean 'k'?",
    ]


def test_a_keyset_file_gives_the_secrets_of_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(
        json.dumps({"keys": [{"pk": ONE, "sk": SECRETS[0]}, {"pk": TWO, "sk": SECRETS[1]}]})
    )
    pairs = load_keyset(tmp_path / "keys.json")
    assert pairs == (sample_keypair(1), sample_keypair(2))

    text = "network: {block_producers: {count: 2}, keyset: keys.json}\nruntime: {ledger: {name: test}}\n"
    network, _ = loaded(tmp_path, "net.yaml", text)
    assert network.keyset == pairs


def test_a_keysets_pairs_must_belong_together_and_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "keys.yaml").write_text(
        f"keys:\n  - {{pk: {ONE}, sk: {SECRETS[1]}}}\n  - {{pk: {TWO}, sk: EKx}}\n"
    )
    with pytest.raises(FaultyConfigError) as caught:
        load_keyset(tmp_path / "keys.yaml")
    assert [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults] == [
        f"keys.yaml:2:71: keys[0].sk: expected the private key of {ONE}, "
        "found the private key of another address.",
        "keys.yaml:3:71: keys[1].sk: expected a private key (EK…), found another text of 3 characters.",
    ]


def test_a_missing_keyset_is_a_fault_of_the_network(tmp_path: Path) -> None:
    text = "network: {block_producers: {count: 2}, keyset: keys.json}\nruntime: {ledger: {name: test}}\n"
    [fault] = faults(tmp_path, "net.yaml", text)
    assert fault.startswith(
        "net.yaml:1:48: network.keyset: expected a keyset file, or `sample`, found 'keys.json'."
    )


def test_runtime_files_are_merged_and_a_fault_is_placed_where_the_value_was_written_last(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text('{"genesis": {"k": 5, "slots_per_epoch": 100, "grace_period_slots": 10}}')
    second.write_text('{"genesis": {"k": 0}}')
    with pytest.raises(FaultyConfigError) as caught:
        load_runtime_config(first, second)
    assert [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults] == [
        "second.json:1:19: genesis.k: expected at least 1, found 0.",
        "first.json:1:41: genesis.slots_per_epoch: expected a number divisible by 3, found 100. "
        "The nearest are 99 and 102.",
    ]
    second.write_text('{"genesis": {"slots_per_epoch": 99}}')
    config = load_runtime_config(first, second)
    assert config.genesis is not None
    assert (config.genesis.k, config.genesis.slots_per_epoch) == (5, 99)


def test_large_ledgers_are_not_refused(tmp_path: Path) -> None:
    file = tmp_path / "runtime_config.json"
    value = {"ledger": {"accounts": [{"pk": ONE, "balance": "5"}]}, "proof": {"ledger_depth": 10}}
    file.write_text(json.dumps(value))
    config = load_runtime_config(file)
    assert config.ledger is not None
    assert config.ledger.accounts is not None
    assert config.ledger.accounts[0].balance == Balance.of_coda("5")


def test_an_unreadable_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_runtime_config(tmp_path)
