"""Public clients on a real network of three processes: PyPI's mina-sdk drives it, npm's mina-signer signs for it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mina_sdk import Currency, GraphQLError, MinaDaemonClient  # type: ignore[import-untyped]
from tests.coda_daemon.test_real_network import (
    PASSWORD,
    RealDaemon,
    agree,
    network,
    wait_until,
)

from coda_protocol.key_files import write_private_key
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES

from .conftest import MinaSigner

__all__ = ["network"]  # the fixture
pytestmark = pytest.mark.real

ONE, TWO, NEW = (str(sample_keypair(index).public) for index in (1, 2, 9))
FEE = Currency("0.01")


@pytest.fixture
def clients(network: list[RealDaemon]) -> Iterator[list[MinaDaemonClient]]:
    """A client for each of a seed and two producers that agree on a first block."""
    wait_until("common best tip", lambda: agree(network, above=1))
    made = [MinaDaemonClient(f"http://127.0.0.1:{daemon.rest_port}/graphql", retries=1) for daemon in network]
    yield made
    for client in made:
        client.close()


def unlock(daemon: RealDaemon, index: int, directory: Path) -> None:
    """Give a node a sample key and unlock it: the SDK has no request for that."""
    key = directory / f"key-{index}"
    key.write_bytes(
        write_private_key(sample_keypair(index).private, PASSWORD, entropy=os.urandom(ENTROPY_BYTES))
    )
    daemon.query(f'mutation {{ importAccount(path: "{key}", password: "{PASSWORD}") {{ success }} }}')
    who = f'publicKey: "{sample_keypair(index).public}", password: "{PASSWORD}"'
    daemon.query(f"mutation {{ unlockAccount(input: {{ {who} }}) {{ publicKey }} }}")


def test_mina_sdk_reads_status_chain_and_peers(
    network: list[RealDaemon],
    clients: list[MinaDaemonClient],
) -> None:
    for client in clients:
        status = client.get_daemon_status()
        assert (client.get_sync_status(), status.sync_status) == ("SYNCED", "SYNCED")
        assert status.blockchain_length is not None
        assert status.blockchain_length >= 2
        assert client.get_network_id() == "mina:testnet"
        peers = client.get_peers()
        assert status.peers is not None
        assert len(peers) == len(status.peers) == len(network) - 1
        chain = client.get_best_chain(3)
        heights = [block.height for block in chain]
        assert sorted(heights) == list(range(min(heights), min(heights) + len(heights)))
        assert {block.creator_pk for block in client.get_best_chain(1)} <= {ONE, TWO}


def test_mina_sdk_pays_and_delegates(
    network: list[RealDaemon],
    clients: list[MinaDaemonClient],
    tmp_path: Path,
) -> None:
    seed, *_, other = clients
    with pytest.raises(GraphQLError, match="unlock the account"):
        seed.send_payment(TWO, NEW, Currency("5"), FEE)
    unlock(network[0], 2, tmp_path)

    payment = seed.send_payment(TWO, NEW, Currency("5"), FEE, memo="from the SDK")
    delegation = seed.send_delegation(TWO, ONE, FEE)

    assert (payment.nonce, delegation.nonce) == (0, 1)
    wait_until("both included", lambda: other.get_account(TWO).nonce == 2)
    assert other.get_account(TWO).delegate == ONE
    assert other.get_account(NEW).balance.total == Currency("4")  # the account's creation costs 1
    wait_until("an empty pool", lambda: seed.get_pooled_user_commands() == [])
    assert sum(block.command_transaction_count for block in other.get_best_chain()) == 2


def test_mina_sdk_sees_the_pool_of_another_node(
    network: list[RealDaemon],
    clients: list[MinaDaemonClient],
    tmp_path: Path,
) -> None:
    """More payments than a block takes: some always wait."""
    unlock(network[0], 2, tmp_path)
    sent = [clients[0].send_payment(TWO, ONE, Currency("1"), FEE) for _ in range(8)]

    def heard() -> bool:
        pooled = {one["id"] for one in clients[1].get_pooled_user_commands(TWO)}
        return bool(pooled & {one.id for one in sent}) or clients[1].get_account(TWO).nonce > 0

    wait_until("the payments at another node", heard)
    wait_until("all included", lambda: clients[2].get_account(TWO).nonce == len(sent))


@pytest.mark.npm
def test_payments_and_delegations_signed_offline_by_mina_signer_are_included(
    network: list[RealDaemon],
    clients: list[MinaDaemonClient],
    mina_signer: MinaSigner,
) -> None:
    secret = sample_keypair(2).private.reveal()
    common = {"from": TWO, "fee": "10000000", "memo": "signed offline", "validUntil": "4294967295"}
    payment = {**common, "to": NEW, "amount": "5000000000", "nonce": "0"}
    delegation = {**common, "to": ONE, "nonce": "1"}
    signed = [
        mina_signer.ask("sign", kind=kind, command=command, privateKey=secret)
        for kind, command in (("payment", payment), ("delegation", delegation))
    ]
    fields = "{ %s(input: $input, signature: $signature) { %s { hash } } }"
    documents = [
        "mutation ($input: SendPaymentInput!, $signature: SignatureInput!) "
        + fields % ("sendPayment", "payment"),
        "mutation ($input: SendDelegationInput!, $signature: SignatureInput!) "
        + fields % ("sendDelegation", "delegation"),
    ]

    hashes = [
        _hash(clients[0]._request(document, {"input": command, "signature": one["signature"]}))
        for document, command, one in zip(documents, (payment, delegation), signed, strict=True)
    ]

    assert hashes == [one["hash"] for one in signed]
    wait_until("both included", lambda: clients[2].get_account(TWO).nonce == 2)
    assert clients[2].get_account(TWO).delegate == ONE
    assert clients[2].get_account(NEW).balance.total == Currency("4")


def _hash(data: dict[str, Any]) -> str:
    ((payload,),) = (answer.values() for answer in data.values())
    return str(payload["hash"])
