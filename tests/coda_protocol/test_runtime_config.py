"""Mina's runtime configuration: parse, encode, merge, defaults."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_protocol.constants import CompiledProfile, effective, with_defaults
from coda_protocol.currency import MAXIMUM, Amount, Balance, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.runtime_config import (
    Account,
    DaemonSection,
    EpochData,
    EpochLedger,
    GenesisLedger,
    GenesisSection,
    NumberText,
    ProofSection,
    RuntimeConfig,
    Timing,
    TransactionsPerSecond,
    TwoToThe,
    encode,
    merge,
    parse,
)
from coda_protocol.timestamp import Timestamp

# The example of daemon contract B.4, shortened.
EXAMPLE: dict[str, Any] = {
    "daemon": {"txpool_max_size": 3000, "network_id": "testnet", "client-port": 8301},
    "genesis": {
        "k": 12,
        "delta": 0,
        "slots_per_epoch": 120,
        "slots_per_sub_window": 2,
        "grace_period_slots": 30,
        "genesis_state_timestamp": "2024-05-01T12:00:00Z",
    },
    "proof": {
        "level": "none",
        "sub_windows_per_window": 3,
        "ledger_depth": 20,
        "work_delay": 2,
        "block_window_duration_ms": 5000,
        "transaction_capacity": {"2_to_the": 3},
        "coinbase_amount": "720",
        "supercharged_coinbase_factor": 1,
        "account_creation_fee": "1",
    },
    "ledger": {
        "name": "example",
        "add_genesis_winner": False,
        "accounts": [
            {"pk": "B62qj9XspoeXJ7kTcLvx6JJsmbqaGkPZkyrRg1Dr66BQb2GoePVwN5n", "balance": "1000000"},
            {
                "pk": "B62qk4SV2pb7ZsAMziqUPurLjG9wD9MtEsQfgYwcSnYNn2osSnCSHJz",
                "balance": "1000.5",
                "delegate": "B62qj9XspoeXJ7kTcLvx6JJsmbqaGkPZkyrRg1Dr66BQb2GoePVwN5n",
                "nonce": "0",
                "timing": {
                    "initial_minimum_balance": "900",
                    "cliff_time": "20",
                    "cliff_amount": "300",
                    "vesting_period": "4",
                    "vesting_increment": "50",
                },
                "permissions": {
                    "send": "signature",
                    "set_verification_key": {"auth": "signature", "txn_version": "3"},
                },
            },
        ],
    },
    "epoch_data": {
        "staking": {
            "seed": "2va9BGv9JrLTtrzZttiEMDYw1Zj6a6EHzXjmP9evHDTG3oEquURA",
            "accounts": [
                {"pk": "B62qj9XspoeXJ7kTcLvx6JJsmbqaGkPZkyrRg1Dr66BQb2GoePVwN5n", "balance": "1000000"}
            ],
        }
    },
}


def parsed(value: object) -> RuntimeConfig:
    return parse(json.dumps(value).encode())


def test_the_contracts_example_comes_back_as_it_was() -> None:
    config = parsed(EXAMPLE)

    assert json.loads(encode(config)) == EXAMPLE
    assert config.proof is not None
    assert config.proof.transaction_capacity == TwoToThe(3)
    assert config.ledger is not None
    assert config.ledger.accounts is not None
    assert config.ledger.accounts[1].balance == Balance.of_coda("1000.5")


def test_unknown_names_are_dropped_at_every_level_as_the_daemon_does() -> None:
    config = parsed({"genesis": {"k": 3, "kk": 4}, "elsewhere": 1})
    assert config == RuntimeConfig(genesis=GenesisSection(k=3))


def test_null_means_absent() -> None:
    assert parsed({"genesis": None, "proof": {"level": None}}) == RuntimeConfig(proof=ProofSection())


@pytest.mark.parametrize("name", ["2_to_the", "two_to_the", "log_2"])
def test_the_capacity_exponent_has_three_names(name: str) -> None:
    config = parsed({"proof": {"transaction_capacity": {name: 4}}})
    assert config.proof == ProofSection(transaction_capacity=TwoToThe(4))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"genesis": {"k": "3"}}, "runtime configuration, genesis.k: expected int | null, found str"),
        (
            {"ledger": {"accounts": [{"pk": "B62", "balance": 3}]}},
            "runtime configuration, ledger.accounts[0].balance: "
            'expected text of decimal coda such as "1000.5", found the int 3',
        ),
        (
            {"ledger": {"num_accounts": 3}},
            "runtime configuration, ledger: expected a field 'accounts', 'name' or 'hash', found none of them",
        ),
        (
            {"proof": {"transaction_capacity": {"2_to_the": 1, "txns_per_second_x10": 2}}},
            "runtime configuration, proof.transaction_capacity: "
            'expected {"2_to_the": n} or {"txns_per_second_x10": n}, found an object',
        ),
        ([], "runtime configuration, $: expected object, found array"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        parsed(value)
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"a": \x00}'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match="runtime configuration: expected one JSON object"):
        parse(data)


def test_later_files_win_field_by_field_but_ledgers_whole() -> None:
    first = parsed(EXAMPLE)
    ledger = GenesisLedger(name="test")
    later = RuntimeConfig(genesis=GenesisSection(k=5), proof=ProofSection(level="check"), ledger=ledger)

    merged = merge(first, later, RuntimeConfig(daemon=DaemonSection(slot_tx_end=9)))

    assert merged.genesis is not None
    assert (merged.genesis.k, merged.genesis.slots_per_epoch) == (5, 120)
    assert merged.proof is not None
    assert (merged.proof.level, merged.proof.ledger_depth) == ("check", 20)
    assert merged.ledger == ledger
    assert merged.epoch_data == first.epoch_data
    assert merged.daemon is not None
    assert (merged.daemon.slot_tx_end, merged.daemon.client_port) == (9, 8301)


def test_a_value_of_zero_or_false_still_wins() -> None:
    merged = merge(
        RuntimeConfig(genesis=GenesisSection(delta=2)), RuntimeConfig(genesis=GenesisSection(delta=0))
    )
    assert merged.genesis == GenesisSection(delta=0)


def test_defaults_are_the_compiled_profiles() -> None:
    mainnet = with_defaults(RuntimeConfig(), CompiledProfile.MAINNET)
    assert (mainnet.k, mainnet.slots_per_epoch, mainnet.slot_ms) == (290, 7140, 180_000)
    assert mainnet.transaction_capacity_log_2 == 7
    dev = with_defaults(RuntimeConfig(), CompiledProfile.DEV)
    assert (dev.k, dev.grace_period_slots, dev.account_creation_fee) == (24, 180, Fee.of_coda("0.001"))
    test = with_defaults(RuntimeConfig(), CompiledProfile.TEST)
    assert (test.k, test.slot_ms, test.snark_fee) == (20, 120_000, Fee.of_coda("0.025"))
    lightnet = with_defaults(RuntimeConfig(), CompiledProfile.LIGHTNET)
    assert (lightnet.k, lightnet.proof_level) == (30, "none")


@pytest.mark.parametrize("profile", list(CompiledProfile))
def test_every_profile_can_be_written_out_and_read_back(profile: CompiledProfile) -> None:
    constants = with_defaults(RuntimeConfig(), profile)
    written = parse(encode(effective(RuntimeConfig(), constants)))
    again = with_defaults(written, CompiledProfile.DEV)
    assert again.slots_per_epoch == constants.slots_per_epoch
    assert again.coinbase_amount == constants.coinbase_amount
    assert again.transaction_capacity_log_2 == constants.transaction_capacity_log_2


def test_what_the_configuration_says_beats_the_profile() -> None:
    constants = with_defaults(parsed(EXAMPLE), CompiledProfile.MAINNET)
    assert (constants.k, constants.slot_ms, constants.proof_level) == (12, 5000, "none")
    assert constants.genesis_ms == Timestamp.of_text("2024-05-01T12:00:00Z")


def test_an_accounts_repr_does_not_show_its_private_key() -> None:
    account = Account(pk="B62qexample", sk="EKsecret", balance=Balance.of_coda("1"))
    assert "EKsecret" not in repr(account)
    assert repr(account) == "<Account B62qexample 1 with sk>"


amounts = st.integers(0, MAXIMUM)
numbers = st.integers(0, 2**32 - 1).map(NumberText)
counts = st.none() | st.integers(0, 2**31)
texts = st.text(max_size=20)
timings = st.builds(
    Timing,
    initial_minimum_balance=amounts.map(Balance),
    cliff_time=numbers,
    cliff_amount=amounts.map(Amount),
    vesting_period=numbers,
    vesting_increment=amounts.map(Amount),
)
accounts = st.builds(
    Account,
    pk=texts,
    sk=st.none() | texts,
    balance=amounts.map(Balance),
    delegate=st.none() | texts,
    timing=st.none() | timings,
    nonce=st.none() | numbers,
)
account_lists = st.lists(accounts, max_size=4).map(tuple)
configs = st.builds(
    RuntimeConfig,
    daemon=st.none()
    | st.builds(DaemonSection, rest_port=counts, peers=st.none() | st.lists(texts).map(tuple)),
    genesis=st.none()
    | st.builds(
        GenesisSection,
        k=counts,
        genesis_state_timestamp=st.none() | st.integers(0, 4 * 10**12).map(Timestamp),
    ),
    proof=st.none()
    | st.builds(
        ProofSection,
        transaction_capacity=st.none()
        | st.builds(TwoToThe, st.integers(0, 9))
        | st.builds(TransactionsPerSecond, st.integers(0, 9)),
        coinbase_amount=st.none() | amounts.map(Amount),
    ),
    ledger=st.none() | st.builds(GenesisLedger, accounts=account_lists, name=st.none() | texts),
    epoch_data=st.none()
    | st.builds(EpochData, staking=st.builds(EpochLedger, accounts=account_lists, seed=st.none() | texts)),
)


@given(configs)
def test_parse_and_encode_agree(config: RuntimeConfig) -> None:
    assert parse(encode(config)) == config


@given(configs, configs, configs)
def test_merging_is_associative(a: RuntimeConfig, b: RuntimeConfig, c: RuntimeConfig) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merge(a, b, c)
