"""Faults of configurations written in Python: the same checks, without positions."""

from dataclasses import replace
from typing import Any, cast

import pytest
from tests.coda_executive.config.networks import TWO_PRODUCERS, even_stakes

from coda_executive.config.fault import FaultyConfigError
from coda_executive.config.network import (
    BlockProducerFlags,
    BlockProducers,
    NetworkConfig,
    NodeSettings,
    Resources,
    SnarkCoordinators,
)
from coda_executive.config.schema import network_schema, runtime_schema
from coda_executive.config.validate import check, validate
from coda_protocol.currency import MAXIMUM, Balance
from coda_protocol.genesis_ledgers import sample_account
from coda_protocol.runtime_config import (
    DaemonSection,
    EpochData,
    EpochLedger,
    GenesisLedger,
    GenesisSection,
    ProofSection,
    RuntimeConfig,
)

RUNTIME = even_stakes(5)
COIN = Balance.of_coda("1")


def told(network: NetworkConfig = TWO_PRODUCERS, runtime: RuntimeConfig = RUNTIME) -> list[str]:
    return [str(fault) for fault in validate(network, runtime)]


def runtime_with(**sections: Any) -> RuntimeConfig:
    return RuntimeConfig(**{"ledger": RUNTIME.ledger, **sections})


def test_a_sound_configuration_has_no_fault() -> None:
    assert told() == []
    check(TWO_PRODUCERS, RUNTIME)


def test_check_raises_with_every_fault() -> None:
    with pytest.raises(FaultyConfigError) as caught:
        check(NetworkConfig(), RuntimeConfig())
    assert len(caught.value.faults) == 2
    assert str(caught.value).startswith("The configuration has 2 faults:\n  network.block_producers.count: ")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            NetworkConfig(block_producers=BlockProducers(-1)),
            "network.block_producers.count: expected 0 or more, found -1.",
        ),
        (
            replace(TWO_PRODUCERS, plain_nodes=5000),
            "network: expected at most 1000 nodes, found 5003.",
        ),
        (
            NetworkConfig(block_producers=BlockProducers(1, (BlockProducerFlags(),) * 2)),
            "network.block_producers.flags: expected at most 1 entries, one for each node, found 2. "
            "Raise `count`.",
        ),
        (
            replace(TWO_PRODUCERS, snark_coordinators=SnarkCoordinators(1, with_unique_keys=2)),
            "network.snark_coordinators.with_unique_keys: "
            "expected 0 to snark_coordinators.count, which is 1, found 2.",
        ),
        (
            replace(TWO_PRODUCERS, snark_coordinators=SnarkCoordinators(4)),
            "network.snark_coordinators.count: expected a ledger key for each node, "
            "found none for snark-coordinator-4: the ledger has 5. Add accounts to the ledger, or lower the count.",
        ),
        (
            NetworkConfig(block_producers=BlockProducers(1, (BlockProducerFlags("B62nonsense"),))),
            "network.block_producers.flags[0].coinbase_receiver: expected an address (B62…), "
            "found 'B62nonsense'. It is mistyped, cut, or something else.",
        ),
        (
            replace(TWO_PRODUCERS, seeds=0),
            "network.seeds: expected at least 1, found 0, and block-producer-1 has no peers. "
            "A node that knows nobody stops.",
        ),
        (
            replace(TWO_PRODUCERS, nodes={"seed-1": NodeSettings(name="Seed 1")}),
            "network.nodes.seed-1.name: expected a name of at most 53 of a-z, 0-9 and -, found 'Seed 1'.",
        ),
        (
            replace(TWO_PRODUCERS, nodes={"seed-1": NodeSettings(peers=("block-producer-3",))}),
            "network.nodes.seed-1.peers[0]: expected the name of a node, found 'block-producer-3'. "
            "Did you mean 'block-producer-2'?",
        ),
        (
            replace(TWO_PRODUCERS, nodes={"seed-1": NodeSettings(peers=("seed-1",))}),
            "network.nodes.seed-1.peers[0]: expected another node, found 'seed-1' itself.",
        ),
        (
            replace(TWO_PRODUCERS, nodes={"seed-1": NodeSettings(arguments=("-max-connections=5",))}),
            "network.nodes.seed-1.arguments[0]: expected a flag and its value as two arguments, "
            "found '-max-connections=5'. The daemon takes no `=`.",
        ),
        (
            replace(
                TWO_PRODUCERS, nodes={"seed-1": NodeSettings(arguments=("--block-producer-password", "x"))}
            ),
            "network.nodes.seed-1.arguments[0]: expected a flag that the plan leaves free, "
            "found -block-producer-password. A secret must not be an argument, which every process can read.",
        ),
        (
            replace(TWO_PRODUCERS, nodes={"seed-1": NodeSettings(environment={"A B": "x"})}),
            "network.nodes.seed-1.environment.A B: expected the name of a variable, found 'A B'.",
        ),
        (
            replace(TWO_PRODUCERS, nodes={"seed-1": NodeSettings(resources=Resources(cpus=0.0))}),
            "network.nodes.seed-1.resources.cpus: expected more than 0, found 0.",
        ),
    ],
)
def test_a_fault_of_the_network_is_told(network: NetworkConfig, message: str) -> None:
    assert message in told(network)


ACCOUNTS = tuple(sample_account(index, COIN) for index in (1, 2, 3))


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        (
            runtime_with(daemon=DaemonSection(slot_chain_end=1)),
            "runtime.daemon.slot_chain_end: expected at least 2, found 1. Else no slot can hold a block.",
        ),
        (
            runtime_with(daemon=DaemonSection(slot_tx_end=9, slot_chain_end=5)),
            "runtime.daemon.slot_tx_end: expected at most slot_chain_end, which is 5, found 9.",
        ),
        (
            runtime_with(daemon=DaemonSection(client_port=3085, rest_port=3085)),
            "runtime.daemon.rest-port: expected a port that nothing else uses, "
            "found 3085, which is client-port's too.",
        ),
        (
            runtime_with(daemon=DaemonSection(client_port=70000)),
            "runtime.daemon.client-port: expected a port from 1 to 65535, found 70000.",
        ),
        (
            runtime_with(genesis=GenesisSection(delta=-1)),
            "runtime.genesis.delta: expected at least 0, found -1.",
        ),
        (
            RuntimeConfig(ledger=GenesisLedger(accounts=())),
            "runtime.ledger.accounts: expected at least one account, found an empty list.",
        ),
        (
            RuntimeConfig(ledger=GenesisLedger(hash="3NKnothing")),
            "runtime.ledger.hash: expected a ledger hash (jw… or jx…), found '3NKnothing'. "
            "It is mistyped, cut, or something else.",
        ),
        (
            RuntimeConfig(
                ledger=GenesisLedger(
                    accounts=tuple(sample_account(i, Balance(MAXIMUM // 2)) for i in (1, 2, 3))
                )
            ),
            "runtime.ledger.accounts: expected balances of at most 18446744073.709551615 coda in all, "
            "found more than that.",
        ),
        (
            RuntimeConfig(ledger=GenesisLedger(accounts=ACCOUNTS), proof=ProofSection(ledger_depth=1)),
            "runtime.ledger: expected at most 2 accounts, which is what proof.ledger_depth 1 holds, found 3. "
            "Depth 2 holds them.",
        ),
        (
            RuntimeConfig(
                ledger=GenesisLedger(accounts=ACCOUNTS[:1]),
                epoch_data=EpochData(staking=EpochLedger(accounts=ACCOUNTS[:2])),
            ),
            "runtime.epoch_data.staking.accounts[1]: "
            "expected no more accounts than the genesis ledger has, 1, found 2.",
        ),
        (
            RuntimeConfig(
                ledger=GenesisLedger(accounts=ACCOUNTS),
                epoch_data=EpochData(
                    staking=EpochLedger(accounts=ACCOUNTS[:2]), next=EpochLedger(accounts=ACCOUNTS[:1])
                ),
            ),
            "runtime.epoch_data.staking.accounts[1]: "
            "expected no more accounts than epoch_data.next has, 1, found 2.",
        ),
        (
            RuntimeConfig(
                ledger=GenesisLedger(accounts=ACCOUNTS),
                epoch_data=EpochData(staking=EpochLedger(accounts=ACCOUNTS[:1], seed="nonsense")),
            ),
            "runtime.epoch_data.staking.seed: expected an epoch seed (2v…), found 'nonsense'. "
            "It is mistyped, cut, or something else.",
        ),
    ],
)
def test_a_fault_of_the_runtime_configuration_is_told(runtime: RuntimeConfig, message: str) -> None:
    assert message in told(runtime=runtime)


def test_a_balance_that_is_a_bare_number_is_a_fault_not_a_crash() -> None:
    account = sample_account(1, cast("Balance", 1000))
    assert told(runtime=RuntimeConfig(ledger=GenesisLedger(accounts=(account,)))) == [
        "runtime.ledger.accounts[0].balance: expected a Balance, found the number 1000. "
        'Write Balance.of_coda("1000").'
    ]


def test_a_producer_may_lack_stake_when_the_test_says_so() -> None:
    accounts = (sample_account(1, COIN), sample_account(2, COIN, delegate=1))
    runtime = RuntimeConfig(ledger=GenesisLedger(accounts=accounts))
    assert len(told(runtime=runtime)) == 1
    flags = (BlockProducerFlags(), BlockProducerFlags(may_lack_stake=True))
    assert told(NetworkConfig(block_producers=BlockProducers(2, flags)), runtime) == []


def test_epoch_ledgers_may_have_other_balances_and_the_genesis_winner() -> None:
    staking = (sample_account(0, COIN), sample_account(1, Balance.of_coda("7")), ACCOUNTS[1])
    runtime = RuntimeConfig(
        ledger=GenesisLedger(accounts=ACCOUNTS), epoch_data=EpochData(staking=EpochLedger(accounts=staking))
    )
    assert told(runtime=runtime) == []


def test_the_schemas_refuse_unknown_names_and_hide_no_key_types() -> None:
    schema = network_schema()
    assert schema["$defs"]["NetworkConfig"]["additionalProperties"] is False
    assert schema["$defs"]["NetworkConfig"]["properties"]["keyset"]["type"] == "string"
    assert schema["$defs"]["Account"]["properties"]["balance"]["type"] == "string"
    assert "2_to_the" in str(schema["$defs"]["ProofSection"])
    assert "PrivateKey" not in str(schema)
    assert set(runtime_schema()["$defs"]) < set(schema["$defs"])
