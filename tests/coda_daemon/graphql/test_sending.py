"""Sending and following commands, and the daemon's wallet, through GraphQL in virtual time (daemon contract D.4,
D.5).
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.coda_daemon.commands_testbed import COIN, FEE, delegation, payment
from tests.coda_daemon.worlds import RunningDaemon, World, config_for, producer_environment

from coda_daemon.ledger.command import Command
from coda_executive.client.daemon_client import DaemonClient
from coda_executive.engines.simulation.event_loop import run
from coda_executive.engines.simulation.http import SimulatedHttpTransport
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.client import TransactionStatus
from coda_protocol.currency import Amount, Fee
from coda_protocol.key_files import write_private_key
from coda_protocol.keys import PrivateKey
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES
from coda_protocol.signatures import Signature

Check = Callable[[RunningDaemon, RunningDaemon], Coroutine[Any, Any, None]]
ONE, TWO, NEW = (str(sample_keypair(index).public) for index in (1, 2, 7))
PASSWORD = "naughty blue worm"
SEND = """mutation ($input: SendPaymentInput!, $signature: SignatureInput) {
  sendPayment(input: $input, signature: $signature) { payment { id hash nonce amount fee memo kind validUntil
    isDelegation failureReason feePayer { publicKey } source { publicKey } receiver { publicKey } } } }"""
FLAGS = ("-log-txn-pool-gossip", "true")


def with_network(check: Check, *, after: float = 12) -> None:
    """Call `check(seed, producer)` on two nodes where keys 1 and 2 have 1000 coda and only key 1 produces."""

    async def main() -> None:
        world = World()
        seed, producer = (
            machine.start(*arguments, *FLAGS, **(producer_environment(index) if index else {}))
            for index, (machine, arguments) in enumerate(world.testnet(config_for(2), 1))
        )
        await asyncio.sleep(after)
        await check(seed, producer)

    run(main)


class Nodes(NamedTuple):
    seed: RunningDaemon
    producer: RunningDaemon


def in_network(check: Callable[[Nodes], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that runs on both nodes."""

    def test() -> None:
        with_network(lambda seed, producer: check(Nodes(seed, producer)))

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test


def client(daemon: RunningDaemon) -> DaemonClient:
    machine = daemon.machine
    return DaemonClient(
        machine.name, SimulatedHttpTransport(machine._network, machine._machine.machine, 3085)
    )


def arguments_of(command: Command, **changes: Any) -> dict[str, Any]:
    """The variables that send a signed payment."""
    given = {
        "from": command.fee_payer,
        "to": command.receiver,
        "amount": str(command.amount),
        "fee": str(command.fee),
        "nonce": str(command.nonce),
        "validUntil": str(command.valid_until),
    }
    return {"input": {**given, **changes}, "signature": {"rawSignature": command.signed.signature.raw_hex}}


async def send(daemon: RunningDaemon, command: Command, **changes: Any) -> Any:
    return await daemon.post(SEND, arguments_of(command, **changes))


async def message(daemon: RunningDaemon, variables: dict[str, Any]) -> str:
    """The one error that a payment is answered with; its shape is that of a non-null field's (D.2)."""
    body = await daemon.post(SEND, variables)
    assert body["data"] is None
    assert [error.get("path") for error in body["errors"]] == [["sendPayment"]]
    return str(body["errors"][0]["message"])


def events(daemon: RunningDaemon, name: str) -> list[dict[str, Any]]:
    return [line["metadata"] for line in daemon.machine.log if line["message"].startswith(name)]


@in_network
async def test_a_signed_payment_is_gossiped_included_and_seen_by_all(net: Nodes) -> None:
    command = payment(2, 1, 5 * COIN, memo="")
    sent = (await send(net.seed, command))["data"]["sendPayment"]["payment"]

    assert (sent["id"], sent["hash"], sent["nonce"]) == (command.id, command.hash, 0)
    assert (sent["amount"], sent["fee"], sent["kind"]) == (str(5 * COIN), str(FEE), "PAYMENT")
    assert (sent["validUntil"], sent["isDelegation"], sent["failureReason"]) == ("4294967295", False, None)
    assert [sent[who]["publicKey"] for who in ("feePayer", "source", "receiver")] == [TWO, TWO, ONE]
    assert sent["memo"] == "E4YM2vTHhWEg66xpj52JErHUBU4pZ1yageL4TVDDpTTSsv8mK6YaH"
    await asyncio.sleep(0.1)
    for node in (net.seed, net.producer):
        assert await client(node).transaction_status(command.id) is TransactionStatus.PENDING
        assert [one.id for one in await client(node).pooled_user_commands()] == [command.id]
        account = await client(node).account(TWO)
        assert account is not None
        assert (account.nonce, account.inferred_nonce) == (0, 1)

    await asyncio.sleep(30)
    for node in (net.seed, net.producer):
        assert await client(node).transaction_status(command.id) is TransactionStatus.INCLUDED
        assert await client(node).pooled_user_commands() == ()
        account = await client(node).account(TWO)
        assert account is not None
        assert (account.total, account.nonce, account.inferred_nonce) == (995 * COIN - FEE, 1, 1)
    summary = [str(command.signed.signature), TWO, "0"]
    assert events(net.seed, "Broadcasting transaction pool diff")[0]["fee_payer_summaries"] == [summary]
    received = events(net.producer, "Received transaction-pool")[0]
    assert received["fee_payer_summaries"] == [summary]
    assert received["sender"]["Remote"]["host"] == net.seed.machine.address
    told = [
        line["user_commands"]
        for line in events(net.seed, "Added_breadcrumb_user_commands")
        if line["user_commands"]
    ]
    assert told == [[{"data": command.hash, "status": ["Applied"]}]]


@in_network
async def test_a_block_shows_its_commands_fee_transfer_and_coinbase(net: Nodes) -> None:
    good, failing = payment(2, 1, 3), payment(2, 7, COIN // 2, nonce=1)
    for command in (good, failing):
        assert "errors" not in await send(net.seed, command)
    await asyncio.sleep(30)

    fields = """{ bestChain { commandTransactionCount transactions {
      userCommands { __typename id failureReason ... on UserCommandPayment { amount } }
      feeTransfer { recipient fee type } coinbase coinbaseReceiverAccount { publicKey } } } }"""
    chain = (await net.producer.post(fields))["data"]["bestChain"]

    (block,) = [one for one in chain if one["commandTransactionCount"]]
    assert block["commandTransactionCount"] == 2
    shown = block["transactions"]
    assert [(one["id"], one["failureReason"]) for one in shown["userCommands"]] == [
        (good.id, None),
        (failing.id, "Amount_insufficient_to_create_account"),
    ]
    assert {one["__typename"] for one in shown["userCommands"]} == {"UserCommandPayment"}
    assert shown["feeTransfer"] == [{"recipient": ONE, "fee": str(2 * FEE), "type": "Fee_transfer"}]
    assert (shown["coinbase"], shown["coinbaseReceiverAccount"]) == (str(720 * COIN), {"publicKey": ONE})


@in_network
async def test_a_delegation_shows_in_the_account(net: Nodes) -> None:
    command = delegation(2, 1)
    signature = command.signed.signature

    sent = await client(net.seed).send_delegation(TWO, ONE, fee=Fee(FEE), nonce=0, signature=signature)

    assert (sent.id, sent.is_delegation, sent.amount) == (command.id, True, 0)
    await asyncio.sleep(30)
    account = await client(net.producer).account(TWO)
    assert account is not None
    assert account.delegate == ONE


@in_network
async def test_each_fault_has_its_words_in_the_order_of_the_checks(net: Nodes) -> None:
    """Each has all faults of those below it, but one that comes before."""
    command = payment(2, 1)
    pair = {"field": str(command.signed.signature.field), "scalar": str(command.signed.signature.scalar)}
    good = arguments_of(command)["input"]
    wrong = {"rawSignature": payment(2, 1, 77).signed.signature.raw_hex}

    bad_all = {**good, "memo": "x" * 33, "fee": "5", "nonce": "9"}
    assert await message(net.seed, {"input": bad_all}) == (
        "Couldn't find an unlocked key for specified `sender`. "
        "Did you unlock the account you're making a transaction from?"
    )
    assert await message(net.seed, {"input": bad_all, "signature": {}}) == "Invalid `memo` provided."
    cheap = {**good, "fee": "5", "nonce": "9"}
    assert await message(net.seed, {"input": cheap, "signature": {}}) == (
        "Invalid user command. Fee 0.000000005 is less than the minimum fee, 0.001."
    )
    late = {**good, "nonce": "9"}
    assert await message(net.seed, {"input": late, "signature": {"field": "1"}}) == (
        "Either field+scalar or rawSignature must by non-null"
    )
    assert await message(net.seed, {"input": late, "signature": {"rawSignature": "zz"}}) == (
        "rawSignature decoding error"
    )
    assert await message(net.seed, {"input": late, "signature": wrong}) == (
        "Couldn't send user command: Error creating user command: "
        "Input nonce 9 either different from inferred nonce 0 or below minimum_nonce 0"
    )
    stranger = {name: value for name, value in good.items() if name != "nonce"} | {"from": NEW}
    assert await message(net.seed, {"input": stranger, "signature": wrong}) == (
        "Couldn't send user command: Error creating user command: Couldn't infer nonce for transaction from "
        "specified `sender` since `sender` is not in the ledger or sent a transaction in transaction pool."
    )
    assert await message(net.seed, {"input": good, "signature": wrong}) == (
        "Couldn't send user command: Error creating user command: Error: Invalid_signature"
    )
    assert "errors" not in await net.seed.post(SEND, {"input": good, "signature": pair})
    status = await net.seed.post("{ daemonStatus { userCommandsSent metrics { transactionPoolSize } } }")
    assert status["data"]["daemonStatus"] == {"userCommandsSent": 9, "metrics": {"transactionPoolSize": 1}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fee": "abc"}, 'Argument `fee` of type `UInt64` expected on field `sendPayment`, found "abc".'),
        ({"fee": "01"}, 'Argument `fee` of type `UInt64` expected on field `sendPayment`, found "01".'),
        ({"amount": -1}, "Argument `amount` of type `UInt64` expected on field `sendPayment`, found -1."),
        ({"to": "B62x"}, 'Argument `to` of type `PublicKey` expected on field `sendPayment`, found "B62x".'),
        ({"fee": None}, "Argument `fee` of type `UInt64!` expected on field `sendPayment`, found null."),
    ],
)
def test_values_of_variables_are_told_like_values_in_the_document(
    changes: dict[str, Any], expected: str
) -> None:
    async def check(seed: RunningDaemon, _producer: RunningDaemon) -> None:
        body = await seed.post(SEND, arguments_of(payment(2, 1), **changes))
        assert body == {"errors": [{"message": expected}], "data": None}

    with_network(check)


@in_network
async def test_missing_variables_are_told(net: Nodes) -> None:
    missing = await net.seed.post(SEND, {})
    null = await net.seed.post(SEND, {"input": None})

    assert missing == {"errors": [{"message": "Missing variable `input`"}], "data": None}
    assert null["errors"] == [
        {
            "message": "Argument `input` of type `SendPaymentInput!` expected on field `sendPayment`, found null."
        }
    ]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (payment(2, 1, 2000 * COIN), "Insufficient_funds"),
        (payment(2, 1, until=1), "Expired"),
        (payment(7, 1, nonce=0), "Fee_payer_account_not_found"),
        (payment(2, 1, 2**64 - 1), "Overflow"),
    ],
)
def test_the_pool_s_codes_are_told_and_logged(command: Command, code: str) -> None:
    async def check(seed: RunningDaemon, _producer: RunningDaemon) -> None:
        assert await message(seed, arguments_of(command)) == f'Couldn\'t send user command: ["{code}"]'
        (event,) = events(seed, "Rejecting command because")
        assert (event["command"], event["reason"]) == (command.id, [code])

    with_network(check)


@in_network
async def test_replacing_needs_a_higher_fee_and_the_same_again_is_fine(net: Nodes) -> None:
    assert "errors" not in await send(net.seed, payment(2, 1))
    assert "errors" not in await send(net.seed, payment(2, 1))
    assert await message(net.seed, arguments_of(payment(2, 1, 7))) == (
        'Couldn\'t send user command: ["Insufficient_replace_fee"]'
    )
    assert "errors" not in await send(net.seed, payment(2, 1, 7, fee=FEE + 1))


def test_before_genesis_nothing_can_be_sent() -> None:
    async def check(seed: RunningDaemon, _producer: RunningDaemon) -> None:
        assert await message(seed, arguments_of(payment(2, 1))) == "Daemon is bootstrapping"

    with_network(check, after=0.5)


# ---- reading ----


@in_network
async def test_the_pool_is_listed_by_sender_hash_and_id(net: Nodes) -> None:
    commands = [payment(2, 1), payment(2, 1, nonce=1), payment(1, 2)]
    for command in commands:
        await send(net.seed, command)
    question = """query ($ids: [ID!], $hashes: [String!], $key: PublicKey) {
      pooledUserCommands(ids: $ids, hashes: $hashes, publicKey: $key) { id } }"""

    async def found(**filters: Any) -> list[str]:
        answer = await net.seed.post(question, filters)
        return [one["id"] for one in answer["data"]["pooledUserCommands"]]

    assert await found() == [command.id for command in commands]
    assert await found(key=TWO) == [command.id for command in commands[:2]]
    assert await found(hashes=[commands[1].hash, "5Junknown"]) == [commands[1].id]
    assert await found(ids=[commands[2].id, "nonsense", delegation(1, 2).id]) == [commands[2].id]
    assert await found(hashes=[commands[0].hash], key=ONE) == []


@in_network
async def test_what_is_no_transaction_has_no_status(net: Nodes) -> None:
    assert await client(net.seed).transaction_status(payment(2, 1, 99).id) is TransactionStatus.UNKNOWN
    with pytest.raises(RequestFailed, match="Invalid transaction provided"):
        await client(net.seed).transaction_status("nonsense")
    body = await net.seed.post("{ transactionStatus }")
    assert body["errors"][0]["message"] == (
        "Invalid query: Specify either a payment ID or a zkApp transaction ID"
    )


@in_network
async def test_a_payment_is_validated_without_being_sent(net: Nodes) -> None:
    question = """query ($input: SendPaymentInput!, $signature: SignatureInput) {
      validatePayment(input: $input, signature: $signature) }"""

    good = await net.seed.post(question, arguments_of(payment(2, 1)))
    bad = await net.seed.post(question, arguments_of(payment(2, 1), amount="7"))
    missing = await net.seed.post(question, {"input": arguments_of(payment(2, 1))["input"]})

    assert (good["data"], bad["data"]) == ({"validatePayment": True}, {"validatePayment": False})
    assert missing["errors"][0]["message"] == "Signature field is missing"
    assert await client(net.seed).pooled_user_commands() == ()


# ---- the wallet ----


def put_key_file(daemon: RunningDaemon, index: int) -> str:
    box = write_private_key(sample_keypair(index).private, PASSWORD, entropy=bytes(ENTROPY_BYTES))
    daemon.machine.write("/keys/file", box, mode=0o600)
    return "/keys/file"


@in_network
async def test_an_unlocked_key_signs_what_is_sent_without_signature(net: Nodes) -> None:
    one = client(net.seed)
    assert await one.import_account(put_key_file(net.seed, 2), PASSWORD) == TWO
    with pytest.raises(RequestFailed, match="Did you unlock the account"):
        await one.send_payment(TWO, ONE, amount=Amount(COIN), fee=Fee(FEE))
    await one.unlock_account(TWO, PASSWORD)

    first = await one.send_payment(TWO, ONE, amount=Amount(COIN), fee=Fee(FEE), memo="to one")
    second = await one.send_delegation(TWO, ONE, fee=Fee(FEE))

    assert (first.nonce, second.nonce) == (0, 1)
    await one.lock_account(TWO)
    with pytest.raises(RequestFailed, match="unlock"):
        await one.send_payment(TWO, ONE, amount=Amount(COIN), fee=Fee(FEE))
    await asyncio.sleep(30)
    for sent in (first, second):
        assert await client(net.producer).transaction_status(sent.id) is TransactionStatus.INCLUDED


@in_network
async def test_the_life_of_a_wallet_key(net: Nodes) -> None:
    answer = await net.seed.post(
        'mutation { createAccount(input: {password: "p"}) { account { publicKey locked } } }'
    )
    key, locked = answer["data"]["createAccount"]["account"].values()
    store, path = net.seed.host.store, f"/node/config/wallets/store/{key}"
    assert locked is False
    assert (store.mode(path), store.mode("/node/config/wallets/store")) == (0o600, 0o700)
    assert store.read(f"{path}.pub") == f"{key}\n".encode()

    tracked = "{ trackedAccounts { publicKey locked privateKeyPath nonce balance { total } } }"
    assert (await net.seed.post(tracked))["data"]["trackedAccounts"] == [
        {"publicKey": key, "locked": False, "privateKeyPath": path, "nonce": None, "balance": {"total": "0"}}
    ]
    await client(net.seed).lock_account(key)
    assert (await net.seed.post(tracked))["data"]["trackedAccounts"][0]["locked"] is True
    with pytest.raises(RequestFailed, match="Wrong password provided"):
        await client(net.seed).unlock_account(key, "q")
    await client(net.seed).unlock_account(key, "p")
    again = await net.seed.post(
        f'mutation {{ importAccount(path: "{path}", password: "p") {{ alreadyImported }} }}'
    )
    assert again["data"]["importAccount"] == {"alreadyImported": True}
    delete = f'mutation {{ deleteAccount(input: {{publicKey: "{key}"}}) {{ publicKey }} }}'
    assert (await net.seed.post(delete))["data"]["deleteAccount"] == {"publicKey": key}
    assert not store.exists(path)
    assert (await net.seed.post(delete))["errors"][0]["message"] == (
        "Could not find account with specified public key"
    )
    with pytest.raises(RequestFailed, match="Could not find owned account associated with provided key"):
        await client(net.seed).unlock_account(key, "p")


@in_network
async def test_key_files_put_into_the_store_are_found_by_reloading(net: Nodes) -> None:
    box = write_private_key(sample_keypair(2).private, PASSWORD, entropy=bytes(ENTROPY_BYTES))
    net.seed.host.store.make_directory("/node/config/wallets/store", mode=0o700)
    net.seed.host.store.write(f"/node/config/wallets/store/{TWO}", box, mode=0o600)

    reloaded = await net.seed.post("mutation { reloadAccounts { success } }")

    assert reloaded["data"] == {"reloadAccounts": {"success": True}}
    await client(net.seed).unlock_account(TWO, PASSWORD)


@in_network
async def test_the_coinbase_receiver_can_be_changed_while_running(net: Nodes) -> None:
    change = """mutation ($to: PublicKey) { setCoinbaseReceiver(input: {publicKey: $to}) {
      lastCoinbaseReceiver currentCoinbaseReceiver } }"""
    answer = await net.producer.post(change, {"to": NEW})
    assert answer["data"]["setCoinbaseReceiver"] == {
        "lastCoinbaseReceiver": None,
        "currentCoinbaseReceiver": NEW,
    }
    await asyncio.sleep(30)

    account = await client(net.producer).account(NEW)
    assert account is not None
    assert account.total > 700 * COIN
    status = await net.producer.post("{ daemonStatus { coinbaseReceiver } }")
    assert status["data"]["daemonStatus"] == {"coinbaseReceiver": NEW}
    back = await net.producer.post(change, {"to": None})
    assert back["data"]["setCoinbaseReceiver"]["lastCoinbaseReceiver"] == NEW


@in_network
async def test_test_payments_are_sent_in_rotation_at_their_pace(net: Nodes) -> None:
    senders = [sample_keypair(index).private.reveal() for index in (1, 2)]
    mutation = """mutation ($senders: [PrivateKey!]!, $to: PublicKey!) { sendTestPayments(senders: $senders,
      receiver: $to, amount: "1000000000", fee: "10000000", repeat_count: "5", repeat_delay_ms: "100") }"""

    answer = await net.seed.post(mutation, {"senders": senders, "to": NEW})

    assert answer["data"] == {"sendTestPayments": 0}
    assert len(await client(net.seed).pooled_user_commands()) == 1
    await asyncio.sleep(60)
    nonces = [account.nonce for key in (ONE, TWO) if (account := await client(net.producer).account(key))]
    assert nonces == [3, 2]


def test_raw_signatures_and_keys_are_texts_of_the_contract() -> None:
    """What the tests above send is what other tools would send."""
    signature = payment(2, 1).signed.signature
    assert Signature.of_raw(signature.raw_hex) == signature
    assert PrivateKey.parse(sample_keypair(2).private.reveal()) == sample_keypair(2).private
    assert json.loads(msgspec.json.encode(arguments_of(payment(2, 1))))["input"]["nonce"] == "0"
