"""Which ledger key each node gets."""

import pytest
from tests.coda_executive.config.networks import even_stakes, without_secrets

from coda_executive.config.fault import FaultyConfigError
from coda_executive.config.key_allocation import allocate_keys, sample_keyset
from coda_executive.config.ledger_accounts import resolved
from coda_executive.config.network import (
    BlockProducers,
    NetworkConfig,
    SnarkCoordinatorFlags,
    SnarkCoordinators,
)
from coda_executive.errors import ConfigError
from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import sample_account
from coda_protocol.runtime_config import GenesisLedger, RuntimeConfig
from coda_protocol.sample_keys import sample_keypair

LEDGER_HASH = "jw6bz2wud1N6itRUHZ5ypo3267stk4UgzkiuWtAMPRZo9g4Udyd"


def address(index: int) -> str:
    return str(sample_keypair(index).public)


def allocated(network: NetworkConfig, runtime: RuntimeConfig) -> dict[str, str]:
    return {id: key.public for id, key in allocate_keys(network, resolved(runtime)).items()}


def test_producers_get_keys_1_to_n_and_coordinators_the_next() -> None:
    network = NetworkConfig(
        block_producers=BlockProducers(2), snark_coordinators=SnarkCoordinators(2), plain_nodes=1
    )
    assert allocated(network, even_stakes(4)) == {
        "block-producer-1": address(1),
        "block-producer-2": address(2),
        "snark-coordinator-1": address(3),
        "snark-coordinator-2": address(4),
    }


def test_the_genesis_winner_belongs_to_no_node_wherever_it_stands() -> None:
    balance = Balance.of_coda("1")
    accounts = tuple(sample_account(index, balance) for index in (1, 0, 2))
    network = NetworkConfig(block_producers=BlockProducers(2))

    keys = allocated(network, RuntimeConfig(ledger=GenesisLedger(accounts=accounts)))

    assert keys == {"block-producer-1": address(1), "block-producer-2": address(2)}


@pytest.mark.parametrize(
    ("unique", "numbers"), [(None, [2, 3, 4]), (3, [2, 3, 4]), (1, [2, 3, 3]), (0, [2, 2, 2])]
)
def test_coordinators_without_unique_keys_share_the_last(unique: int | None, numbers: list[int]) -> None:
    network = NetworkConfig(
        block_producers=BlockProducers(1), snark_coordinators=SnarkCoordinators(3, with_unique_keys=unique)
    )
    keys = allocated(network, even_stakes(4))
    assert [keys[f"snark-coordinator-{index}"] for index in (1, 2, 3)] == [address(n) for n in numbers]


def test_a_worker_key_need_not_be_in_the_ledger() -> None:
    flags = (SnarkCoordinatorFlags(worker_key=address(900)),)
    network = NetworkConfig(
        block_producers=BlockProducers(1), snark_coordinators=SnarkCoordinators(1, flags=flags)
    )
    assert allocated(network, even_stakes(1))["snark-coordinator-1"] == address(900)


@pytest.mark.parametrize(
    "ledger",
    [
        GenesisLedger(name="test_three_even_stakes"),
        GenesisLedger(hash=LEDGER_HASH),
        without_secrets(even_stakes(3)).ledger,
    ],
    ids=["by name", "by hash", "accounts without sk"],
)
def test_a_ledger_without_secrets_needs_a_keyset(ledger: GenesisLedger) -> None:
    runtime = RuntimeConfig(ledger=ledger)
    network = NetworkConfig(block_producers=BlockProducers(3))
    with pytest.raises(ConfigError):
        allocated(network, runtime)

    with_keyset = NetworkConfig(block_producers=BlockProducers(3), keyset=sample_keyset())
    keys = allocated(with_keyset, runtime)

    assert list(keys.values()) == [address(1), address(2), address(3)]


def test_coordinators_alone_need_no_secret() -> None:
    network = NetworkConfig(snark_coordinators=SnarkCoordinators(2))
    assert len(allocated(network, without_secrets(even_stakes(2)))) == 2


def test_a_keyset_with_the_wrong_keys_is_refused() -> None:
    network = NetworkConfig(block_producers=BlockProducers(1), keyset=sample_keyset()[5:])
    with pytest.raises(FaultyConfigError, match=f"expected the private key of {address(1)}"):
        allocated(network, without_secrets(even_stakes(1)))


def test_the_private_key_is_the_addresss_own() -> None:
    key = allocate_keys(NetworkConfig(block_producers=BlockProducers(1)), even_stakes(1))
    [(_, allocated_key)] = key.items()
    assert allocated_key.private is not None
    assert str(allocated_key.private.public_key()) == allocated_key.public
    assert allocated_key.private.reveal() not in repr(allocated_key)
