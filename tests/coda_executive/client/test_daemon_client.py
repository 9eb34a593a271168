"""One client for every engine: typed answers, and every shape of failure told apart."""

from collections.abc import Callable

import msgspec
import pytest

from coda_executive.client.daemon_client import DaemonClient
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.client import (
    AccountState,
    AccountTiming,
    HttpReply,
    Peer,
    SentCommand,
    SnarkWork,
    TransactionStatus,
)
from coda_protocol.currency import Amount, Balance, Fee
from coda_protocol.hashes import TransactionHash
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import Signature
from coda_protocol.slots import GlobalSlot

Answer = HttpReply | BaseException


class ScriptedTransport:
    """Answers every request alike, and keeps what was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.bodies: list[dict[str, object]] = []

    async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply:
        assert (path, content_type) == ("/graphql", "application/json")
        self.bodies.append(msgspec.json.decode(body))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def answering(value: object, status: int = 200) -> DaemonClient:
    return DaemonClient("node-1", ScriptedTransport(HttpReply(status, msgspec.json.encode(value))))


async def test_the_sync_status_is_what_the_daemon_says() -> None:
    assert await answering({"data": {"syncStatus": "SYNCED"}}).sync_status() == "SYNCED"


def block(height: int) -> dict[str, object]:
    return {
        "stateHash": f"3N{height}",
        "creatorAccount": {"publicKey": "B62"},
        "protocolState": {
            "previousStateHash": f"3N{height - 1}",
            "consensusState": {"blockHeight": str(height), "slotSinceGenesis": str(2 * height)},
        },
    }


@pytest.mark.parametrize("order", [list, lambda blocks: list(reversed(list(blocks)))])
async def test_the_best_chain_is_oldest_first_whatever_the_server_s_order(
    order: Callable[[object], list[object]],
) -> None:
    """Tools disagree on the order that daemons serve (daemon contract D.3); heights decide."""
    client = answering({"data": {"bestChain": order(block(height) for height in (1, 2, 3))}})

    chain = await client.best_chain()

    assert [(b.height, b.global_slot, b.state_hash, b.parent) for b in chain] == [
        (1, 2, "3N1", "3N0"),
        (2, 4, "3N2", "3N1"),
        (3, 6, "3N3", "3N2"),
    ]


async def test_a_bootstrapping_node_has_no_height() -> None:
    status = {
        "syncStatus": "BOOTSTRAP",
        "blockchainLength": None,
        "highestBlockLengthReceived": 7,
        "stateHash": None,
        "globalSlotSinceGenesisBestTip": None,
        "uptimeSecs": 3,
        "commitId": "abc",
        "peers": [{"host": "127.0.0.1", "libp2pPort": 9, "peerId": "12D3"}],
    }

    found = await answering({"data": {"daemonStatus": status}}).daemon_status()

    assert (found.blockchain_length, found.state_hash, found.global_slot_best_tip) == (None, None, None)
    assert found.highest_block_length_received == 7
    assert found.peers == (Peer("127.0.0.1", 9, "12D3"),)


REFUSALS = [
    (HttpReply(400, b"Must provide query string"), "HTTP 400: Must provide query string"),
    (HttpReply(200, b'"Syntax error"'), "refused a GraphQL document"),
    (
        HttpReply(200, b'{"errors":[{"message":"Daemon is bootstrapping"}],"data":null}'),
        "Daemon is bootstrapping",
    ),
]
STUMBLES = [
    (HttpReply(500, b"oops"), "HTTP 500: oops"),
    (HttpReply(200, b"<html>"), "no JSON"),
    (HttpReply(200, b'{"data":null}'), "without data or errors"),
    (HttpReply(200, b'{"data":{"syncStatus":7.5}}'), "another shape"),
    (HttpReply(200, b'{"errors":[{"message":"no hash"}],"data":{"sendPayment":{}}}'), "no hash"),
]


@pytest.mark.parametrize(
    ("reply", "part", "definite"),
    [*((*each, True) for each in REFUSALS), *((*each, False) for each in STUMBLES)],
)
async def test_only_a_refusal_surely_had_no_effect(reply: HttpReply, part: str, definite: bool) -> None:
    """A server that stumbles over its answer may have done what was asked."""
    client = DaemonClient("node-1", ScriptedTransport(reply))

    with pytest.raises(RequestFailed) as caught:
        await client.sync_status()

    assert part in str(caught.value)
    assert str(caught.value).startswith("node-1")
    assert caught.value.definite is definite


@pytest.mark.parametrize(
    ("error", "definite"),
    [(ConnectionRefusedError("nobody"), True), (TimeoutError(), False), (ConnectionResetError("cut"), False)],
)
async def test_a_lost_reply_is_neither_done_nor_failed_and_nothing_is_sent_twice(
    error: BaseException, definite: bool
) -> None:
    transport = ScriptedTransport(error)

    with pytest.raises(RequestFailed) as caught:
        await DaemonClient("node-1", transport).sync_status()

    assert caught.value.definite is definite
    assert len(transport.bodies) == 1


KEY, OTHER = "B62a", "B62b"
COMMAND = {
    "id": "AAA",
    "hash": "5Ja",
    "nonce": 3,
    "amount": "5",
    "fee": "7",
    "kind": "PAYMENT",
    "failureReason": None,
    "source": {"publicKey": KEY},
    "receiver": {"publicKey": OTHER},
}


async def test_a_payment_is_sent_in_nanomina_with_what_is_given_only() -> None:
    transport = ScriptedTransport(
        HttpReply(200, msgspec.json.encode({"data": {"sendPayment": {"payment": COMMAND}}}))
    )
    client = DaemonClient("node-1", transport)

    sent = await client.send_payment(KEY, OTHER, amount=Amount(5), fee=Fee(7))
    await client.send_payment(
        KEY,
        OTHER,
        amount=Amount(5),
        fee=Fee(7),
        nonce=0,
        valid_until=GlobalSlot(9),
        memo="hi",
        signature=Signature(1, 2),
    )

    assert sent == SentCommand(
        "AAA", TransactionHash("5Ja"), KEY, OTHER, Amount(5), Fee(7), 3, is_delegation=False, failure=None
    )
    least = {"from": KEY, "to": OTHER, "fee": "7", "amount": "5"}
    full = {**least, "nonce": "0", "validUntil": "9", "memo": "hi"}
    assert [body["variables"] for body in transport.bodies] == [
        {"input": least, "signature": None},
        {"input": full, "signature": {"rawSignature": Signature(1, 2).raw_hex}},
    ]


async def test_a_delegation_has_no_amount() -> None:
    fields = {**COMMAND, "kind": "STAKE_DELEGATION", "amount": "0"}
    transport = ScriptedTransport(
        HttpReply(200, msgspec.json.encode({"data": {"sendDelegation": {"delegation": fields}}}))
    )

    sent = await DaemonClient("node-1", transport).send_delegation(KEY, OTHER, fee=Fee(7))

    assert sent.is_delegation
    assert transport.bodies[0]["variables"] == {
        "input": {"from": KEY, "to": OTHER, "fee": "7"},
        "signature": None,
    }


async def test_an_account_is_typed_and_may_be_missing() -> None:
    fields = {
        "publicKey": KEY,
        "balance": {"total": "10", "liquid": "7", "locked": "3"},
        "nonce": "1",
        "inferredNonce": "2",
        "delegateAccount": {"publicKey": OTHER},
    }

    found = await answering({"data": {"account": fields}}).account(KEY)

    assert found == AccountState(KEY, Balance(10), Balance(7), Balance(3), 1, 2, OTHER)
    assert await answering({"data": {"account": None}}).account(KEY) is None


async def test_pool_status_and_wallet_are_typed() -> None:
    pool = await answering({"data": {"pooledUserCommands": [COMMAND]}}).pooled_user_commands()
    status = await answering({"data": {"transactionStatus": "PENDING"}}).transaction_status("AAA")
    imported = await answering({"data": {"importAccount": {"publicKey": KEY}}}).import_account("f", "p")

    assert [command.nonce for command in pool] == [3]
    assert status is TransactionStatus.PENDING
    assert imported == KEY
    with pytest.raises(RequestFailed, match="another shape"):
        await answering({"data": {"transactionStatus": "LOST"}}).transaction_status("AAA")


async def test_the_contents_of_blocks_come_in_the_order_of_the_chain() -> None:
    def contents(height: int) -> dict[str, object]:
        epoch = {"ledger": {"hash": f"jx{height}"}}
        return {
            "stateHash": f"3N{height}",
            "commandTransactionCount": 3,
            "snarkJobs": [{"workIds": [1, 2]}],
            "transactions": {"coinbase": "720000000000"},
            "protocolState": {
                "blockchainState": {"snarkedLedgerHash": "jw"},
                "consensusState": {
                    "blockHeight": str(height),
                    "slotSinceGenesis": "9",
                    "stakingEpochData": epoch,
                    "nextEpochData": epoch,
                },
            },
        }

    client = answering({"data": {"bestChain": [contents(3), contents(2)]}})

    first, last = await client.block_contents()

    assert (first.height, last.height) == (2, 3)
    assert (last.commands, last.works, last.coinbase) == (3, 1, Amount.of_coda("720"))
    assert (last.snarked_ledger, last.staking_ledger, last.next_ledger) == ("jw", "jx3", "jx3")


async def test_a_node_is_told_with_whom_to_talk() -> None:
    transport = ScriptedTransport(
        HttpReply(200, b'{"data": {"setConnectionGatingConfig": {"isolate": true}}}')
    )

    await DaemonClient("node-1", transport).gate(isolate=True, banned=[Peer("127.0.0.1", 8302, "12D3")])

    assert transport.bodies[0]["variables"] == {
        "input": {
            "isolate": True,
            "bannedPeers": [{"host": "127.0.0.1", "libp2pPort": 8302, "peerId": "12D3"}],
            "trustedPeers": [],
        }
    }


async def test_a_change_of_worker_or_fee_answers_what_was_before() -> None:
    last_worker = answering({"data": {"setSnarkWorker": {"lastSnarkWorker": None}}})
    last_fee = answering({"data": {"setSnarkWorkFee": {"lastFee": "25000000"}}})

    assert await last_worker.set_snark_worker("B62") is None
    assert await last_fee.set_snark_work_fee(Fee(1)) == Fee.of_coda("0.025")


async def test_work_on_offer_and_a_node_s_own_address_are_told() -> None:
    work = {"prover": "B62", "fee": "7", "workIds": [1, 2]}
    peer = {"host": "127.0.0.1", "libp2pPort": 8302, "peerId": "12D3"}
    offer = answering({"data": {"snarkPool": [work]}})
    status = answering({"data": {"daemonStatus": {"addrsAndPorts": {"peer": peer}}}})

    assert await offer.snark_pool() == (SnarkWork("B62", Fee(7), (1, 2)),)
    assert await status.own_peer() == Peer("127.0.0.1", 8302, "12D3")


async def test_a_node_is_asked_to_spam() -> None:
    transport = ScriptedTransport(HttpReply(200, b'{"data": {"sendTestPayments": 0}}'))
    sender = sample_keypair(1)

    await DaemonClient("node-1", transport).send_test_payments(
        [sender], "B62", amount=Amount(5), fee=Fee(6), count=7, delay=0.25
    )

    assert transport.bodies[0]["variables"] == {
        "senders": [sender.private.reveal()],
        "receiver": "B62",
        "amount": "5",
        "fee": "6",
        "count": "7",
        "delay": "250",
    }


async def test_an_account_of_another_token_tells_its_vesting_schedule() -> None:
    transport = ScriptedTransport(
        HttpReply(
            200,
            msgspec.json.encode(
                {
                    "data": {
                        "account": {
                            "publicKey": KEY,
                            "tokenId": "wSH",
                            "balance": {"total": "10", "liquid": "7", "locked": "3"},
                            "nonce": "1",
                            "inferredNonce": "1",
                            "votingFor": "3NK",
                            "timing": {
                                "initialMinimumBalance": "9",
                                "cliffTime": "8",
                                "cliffAmount": "7",
                                "vestingPeriod": "6",
                                "vestingIncrement": "5",
                            },
                        }
                    }
                }
            ),
        )
    )

    found = await DaemonClient("node-1", transport).account(KEY, token="wSH")

    assert transport.bodies[0]["variables"] == {"publicKey": KEY, "token": "wSH"}
    assert found is not None
    assert found.timing == AccountTiming(Balance(9), GlobalSlot(8), Amount(7), 6, Amount(5))
    assert (found.voting_for, found.token) == ("3NK", "wSH")


async def test_metrics_wallet_and_kept_log_lines_are_typed() -> None:
    counters = {
        "blockProductionDelay": [3, 1],
        "transactionPoolDiffReceived": 2,
        "transactionPoolDiffBroadcasted": 3,
        "transactionsAddedToPool": 4,
        "transactionPoolSize": 5,
        "snarkPoolDiffReceived": 6,
        "snarkPoolDiffBroadcasted": 7,
        "pendingSnarkWork": 8,
        "snarkPoolSize": 9,
    }
    entries = {"logMessages": ["{}"], "isCapturing": True}

    found = await answering({"data": {"daemonStatus": {"metrics": counters}}}).metrics()
    assert found.block_production_delay == (3, 1)
    assert (found.transaction_diffs_received, found.transaction_diffs_broadcast) == (2, 3)
    assert (found.transactions_added, found.transaction_pool_size) == (4, 5)
    assert (found.snark_diffs_received, found.snark_diffs_broadcast) == (6, 7)
    assert (found.pending_snark_work, found.snark_pool_size) == (8, 9)
    assert await answering({"data": {"createAccount": {"publicKey": KEY}}}).create_account("p") == KEY
    assert await answering({"data": {"startFilteredLog": False}}).start_filtered_log(["id"]) is False
    assert await answering({"data": {"getFilteredLogEntries": entries}}).filtered_log_entries(3) == ("{}",)
