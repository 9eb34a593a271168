"""Client commands as far as they need no daemon."""

import getpass
import io
import sys
from typing import Any

import pytest

from coda_daemon.client_commands.command import CommandFailed, Values
from coda_daemon.client_commands.graphql import _url
from coda_daemon.client_commands.passwords import password_of
from coda_daemon.client_commands.rpc import _address
from coda_daemon.client_commands.status_table import status_table

TIME = {"epoch": "1", "slot": "7", "global_slot": "127", "start_time": "8000", "end_time": "10000"}
BOOTSTRAPPING: dict[str, Any] = {
    **dict.fromkeys(("num_accounts", "blockchain_length", "ledger_merkle_root", "state_hash")),
    **dict.fromkeys(("snark_worker", "coinbase_receiver", "consensus_time_best_tip", "histograms")),
    **dict.fromkeys(("global_slot_since_genesis_best_tip", "next_block_production")),
    "highest_block_length_received": 0,
    "highest_unvalidated_block_length_received": 0,
    "uptime_secs": 3661,
    "chain_id": "c0de",
    "commit_id": "f00",
    "conf_dir": "/config",
    "peers": [],
    "user_commands_sent": 0,
    "snark_work_fee": 5,
    "sync_status": "Bootstrap",
    "block_production_keys": [],
    "consensus_time_now": TIME,
    "consensus_mechanism": "proof_of_stake",
    "consensus_configuration": {
        "delta": 0,
        "k": 12,
        "slots_per_epoch": 120,
        "slot_duration": 2500,
        "epoch_duration": 300_000,
        "genesis_state_timestamp": "2030-01-01 00:00:01.000000Z",
        "acceptable_network_delay": 2000,
    },
    "addrs_and_ports": {
        "external_ip": "10.0.0.1",
        "bind_ip": "0.0.0.0",
        "peer": {"peer_id": "12D3"},
        "libp2p_port": 8302,
        "client_port": 8301,
    },
    "metrics": {"block_production_delay": [0, 3], "transaction_pool_size": 4},
}


def test_table_has_what_there_is_in_aligned_columns() -> None:
    table = status_table(BOOTSTRAPPING)

    assert "Block height" not in table
    assert "\nLocal uptime:                           1h1m1s\n" in table
    assert "\nCoinbase receiver:                      Block producer\n" in table
    assert "\n\tSlot duration:             2500ms\n" in table
    assert "\n\tblock_production_delay:  2 (0 3)\n" in table
    assert "Performance" not in table


def test_table_of_a_producer_names_its_key_and_its_next_slot() -> None:
    later = {**TIME, "global_slot": "130", "start_time": "14000"}
    producer = {
        **BOOTSTRAPPING,
        "block_production_keys": ["B62a"],
        "next_block_production": {"times": [later]},
        "histograms": {
            "rpc_timings": {"get_ancestry": {"impl": {"values": [1, 2], "underflow": 0, "overflow": 3}}},
            "external_transition_latency": None,
        },
    }
    table = status_table(producer)

    assert "Block producers running:                1 (B62a)\n" in table
    assert "Next block will be produced in:         6s (at slot 130)\n" in table
    assert "rpc_timings get_ancestry impl:  1 2 (below 0, above 3)" in table
    assert "None this epoch" in status_table({**producer, "next_block_production": {"times": []}})
    assert "Now\n" in status_table({**producer, "next_block_production": {"times": [TIME]}})


def test_password_comes_from_the_environment_even_when_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINA_PRIVKEY_PASS", "")
    assert password_of("Password") == ""


def test_password_is_asked_on_a_terminal_twice_when_it_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["one", "one", "one", "two"])
    monkeypatch.delenv("MINA_PRIVKEY_PASS", raising=False)
    monkeypatch.setattr(sys, "stdin", terminal := io.StringIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(typed))

    assert password_of("Password", is_new=True) == "one"
    with pytest.raises(CommandFailed, match="differ"):
        password_of("Password", is_new=True)


def test_addresses_may_be_given_short() -> None:
    assert [_address("8301"), _address("node:1"), _address("::1:1")] == [
        ("127.0.0.1", 8301),
        ("node", 1),
        ("::1", 1),
    ]
    assert [_url("3085"), _url("node:1/graphql"), _url("https://x/graphql")] == [
        "http://localhost:3085/graphql",
        "http://node:1/graphql",
        "https://x/graphql",
    ]
    for text in ("node", "node:", "1:99999"):
        with pytest.raises(CommandFailed, match="expected HOST:PORT or PORT"):
            _address(text)


def test_money_and_keys_are_checked_before_anybody_is_asked() -> None:
    from coda_protocol.currency import Fee

    with pytest.raises(CommandFailed, match="Could not use -fee"):
        Values({"fee": ("much",)}).money("fee", Fee)
    with pytest.raises(CommandFailed, match="Could not use -sender"):
        Values({"sender": ("me",)}).public_key("sender")
