"""GraphQL and the REST port of a running daemon, in virtual time (daemon contract D)."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from tests.coda_daemon.worlds import RunningDaemon, World, config_for, producer_environment

from coda_daemon.build import commit
from coda_daemon.rest import Rest
from coda_daemon.web import Request
from coda_executive.engines.simulation.event_loop import run
from coda_protocol import structured_events
from coda_protocol.sample_keys import sample_keypair

Check = Callable[[RunningDaemon, RunningDaemon], Coroutine[Any, Any, None]]
PRODUCER = str(sample_keypair(1).public)


def with_network(check: Check, *, after: float = 42) -> None:
    """Call `check(seed, producer)` on a network of two, `after` seconds after its start; genesis is at 1."""

    async def main() -> None:
        world = World()
        seed, producer = (
            machine.start(*arguments, **(producer_environment(index) if index else {}))
            for index, (machine, arguments) in enumerate(world.testnet(config_for(1), 1))
        )
        await asyncio.sleep(after)
        await check(seed, producer)

    run(main)


def query(text: str, *, after: float = 42, variables: dict[str, Any] | None = None) -> Any:
    """The body that the producer answers with."""
    answers = []

    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        answers.append(await producer.post(text, variables))

    with_network(check, after=after)
    return answers[0]


def test_status_of_a_producer() -> None:
    data = query(
        """{ syncStatus version daemonStatus {
          syncStatus blockchainLength stateHash numAccounts commitId confDir chainId userCommandsSent
          blockProductionKeys coinbaseReceiver snarkWorker snarkWorkFee uptimeSecs consensusMechanism
          highestBlockLengthReceived highestUnvalidatedBlockLengthReceived catchupStatus
          globalSlotSinceGenesisBestTip ledgerMerkleRoot
          consensusTimeNow { epoch slot globalSlot startTime endTime }
          consensusTimeBestTip { globalSlot }
          nextBlockProduction { times { globalSlot } generatedFromConsensusAt { globalSlotSinceGenesis } }
          consensusConfiguration { delta k slotsPerEpoch slotDuration epochDuration genesisStateTimestamp
            acceptableNetworkDelay }
          peers { host libp2pPort peerId }
          addrsAndPorts { externalIp bindIp libp2pPort clientPort peer { peerId } }
          histograms { rpcTimings { getAncestry { impl { values } } } }
          metrics { blockProductionDelay transactionPoolSize }
        } }"""
    )["data"]

    status = data["daemonStatus"]
    assert data["syncStatus"] == status["syncStatus"] == "SYNCED"
    assert data["version"] == status["commitId"] == commit()
    assert status["blockchainLength"] == status["highestBlockLengthReceived"] > 5
    assert status["blockProductionKeys"] == [PRODUCER]
    assert status["consensusConfiguration"] == {
        "delta": 0,
        "k": 12,
        "slotsPerEpoch": 120,
        "slotDuration": 2000,
        "epochDuration": 240_000,
        "genesisStateTimestamp": "2030-01-01 00:00:01.000000Z",
        "acceptableNetworkDelay": 2000,
    }
    assert status["consensusTimeNow"]["globalSlot"] == "20"
    assert status["consensusTimeNow"]["startTime"] == "1893456041000"
    assert int(status["nextBlockProduction"]["times"][0]["globalSlot"]) > 20
    assert status["uptimeSecs"] == 42
    assert [peer["host"] for peer in status["peers"]] == ["10.0.0.1"]
    assert (status["snarkWorkFee"], status["coinbaseReceiver"]) == (10**8, None)
    assert status["histograms"] == {"rpcTimings": {"getAncestry": {"impl": None}}}


def test_before_genesis_there_is_no_chain() -> None:
    body = query(
        "{ daemonStatus { stateHash blockchainLength numAccounts } bestChain { stateHash } }", after=0.5
    )

    assert body["data"] == {
        "daemonStatus": {"stateHash": None, "blockchainLength": None, "numAccounts": None},
        "bestChain": None,
    }
    assert body["errors"] == [
        {"message": "Could not obtain best chain from transition frontier", "path": ["bestChain"]}
    ]


def test_the_best_chain_is_oldest_first_and_begins_at_the_root() -> None:
    fields = (
        "{ stateHash protocolState { previousStateHash consensusState { blockHeight slotSinceGenesis } } }"
    )
    data = query(f"{{ bestChain {fields} last: bestChain(maxLength: 2) {fields} }}", after=100)["data"]

    chain = data["bestChain"]
    heights = [int(block["protocolState"]["consensusState"]["blockHeight"]) for block in chain]
    assert len(chain) == 13  # the root and k = 12 blocks after it
    assert heights == list(range(heights[0], heights[0] + 13))
    for parent, block in pairwise(chain):
        assert block["protocolState"]["previousStateHash"] == parent["stateHash"]
    assert data["last"] == chain[-2:]


def test_a_block_in_full() -> None:
    data = query(
        """{ bestChain(maxLength: 1) {
          creator creatorAccount { publicKey balance { total liquid locked } }
          winnerAccount { publicKey delegate delegateAccount { publicKey } }
          stateHash stateHashField commandTransactionCount
          snarkJobs { prover } transactions { coinbase coinbaseReceiverAccount { publicKey }
            userCommands { id } zkappCommands { id } feeTransfer { fee } }
          protocolState { previousStateHash
            blockchainState { date utcDate snarkedLedgerHash stagedLedgerHash stagedLedgerProofEmitted
              bodyReference }
            consensusState { blockHeight epochCount minWindowDensity lastVrfOutput totalCurrency slot
              slotSinceGenesis epoch superchargedCoinbase blockStakeWinner blockCreator coinbaseReceiever
              hasAncestorInSameCheckpointWindow
              stakingEpochData { seed startCheckpoint lockCheckpoint epochLength ledger { hash totalCurrency } }
              nextEpochData { seed epochLength ledger { hash } } } }
        } }"""
    )["data"]

    (block,) = data["bestChain"]
    consensus = block["protocolState"]["consensusState"]
    assert block["creator"] == block["creatorAccount"]["publicKey"] == PRODUCER
    assert block["winnerAccount"]["delegateAccount"]["publicKey"] == PRODUCER
    assert block["transactions"]["coinbase"] == "720000000000"
    assert block["transactions"]["coinbaseReceiverAccount"]["publicKey"] == PRODUCER
    coinbases = (int(consensus["blockHeight"]) - 1) * 720_000_000_000
    assert int(block["creatorAccount"]["balance"]["total"]) == 1000 * 10**9 + coinbases
    assert int(consensus["totalCurrency"]) == 1000 * 10**9 + coinbases
    assert block["stateHash"].startswith("3N")
    assert int(block["stateHashField"]) > 0
    assert consensus["stakingEpochData"]["seed"].startswith("2v")


def test_blocks_are_found_by_height_or_hash() -> None:
    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        fields = "{ stateHash protocolState { consensusState { blockHeight } } }"
        first = (await producer.post(f"{{ block(height: 2) {fields} }}"))["data"]["block"]
        again = await producer.post(
            f"query($hash: String) {{ block(stateHash: $hash) {fields} }}", {"hash": first["stateHash"]}
        )
        assert again["data"]["block"] == first
        assert first["protocolState"]["consensusState"]["blockHeight"] == "2"

    with_network(check, after=20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("height: 9999", "Could not find block in transition frontier with height 9999"),
        ('stateHash: "3Nx"', "Block with state hash 3Nx not found in transition frontier"),
        ('height: 1, stateHash: "3Nx"', "Must provide exactly one of state hash, height"),
    ],
)
def test_blocks_that_are_not_there(arguments: str, message: str) -> None:
    assert query(f"{{ block({arguments}) {{ stateHash }} }}") == {
        "errors": [{"message": message, "path": ["block"]}],
        "data": None,
    }


def test_the_genesis_block_is_always_there() -> None:
    block = query(
        "{ genesisBlock { creator transactions { coinbase coinbaseReceiverAccount { publicKey } }"
        " protocolState { consensusState { blockHeight slotSinceGenesis } } } }",
        after=0.5,
    )["data"]["genesisBlock"]

    assert block == {
        "creator": "B62qiy32p8kAKnny8ZFwoMhYpBppM1DWVCqAPBYNcXnsAHhnfAAuXgg",
        "transactions": {"coinbase": "720000000000", "coinbaseReceiverAccount": None},
        "protocolState": {"consensusState": {"blockHeight": "1", "slotSinceGenesis": "0"}},
    }


def test_accounts_of_the_best_tips_ledger() -> None:
    stranger = str(sample_keypair(7).public)
    data = query(
        f"""{{ account(publicKey: "{PRODUCER}") {{ publicKey nonce inferredNonce tokenId delegate
              stakingActive locked timing {{ cliffTime }} permissions {{ send receive
              setVerificationKey {{ auth txnVersion }} }} receiptChainHash votingFor
              delegators {{ publicKey }} balance {{ blockHeight stateHash unknown }} }}
            none: account(publicKey: "{stranger}") {{ nonce }}
            accounts(publicKey: "{PRODUCER}") {{ publicKey }}
            wallet(publicKey: "{stranger}") {{ publicKey nonce balance {{ total }} }}
            trackedAccounts {{ publicKey }} }}"""
    )["data"]

    account = data["account"]
    assert account["publicKey"] == account["delegate"] == PRODUCER
    assert (account["nonce"], account["stakingActive"], account["locked"]) == ("0", True, None)
    assert account["timing"] == {"cliffTime": None}
    assert account["permissions"] == {
        "send": "Signature",
        "receive": "None",
        "setVerificationKey": {"auth": "Signature", "txnVersion": "3"},
    }
    assert account["delegators"] == [{"publicKey": PRODUCER}]
    assert data["none"] is None
    assert data["accounts"] == [{"publicKey": PRODUCER}]
    assert data["wallet"] == {"publicKey": stranger, "nonce": None, "balance": {"total": "0"}}
    assert data["trackedAccounts"] == []


def test_constants_and_configuration() -> None:
    data = query(
        "{ genesisConstants { accountCreationFee coinbase genesisTimestamp } networkID signatureKind timeOffset"
        " initialPeers getPeers { host libp2pPort } runtimeConfig connectionGatingConfig { isolate }"
        " snarkPool { fee } pendingSnarkWork { workBundle { workId } } pooledUserCommands { id }"
        " currentSnarkWorker { key } }"
    )["data"]

    assert data["genesisConstants"] == {
        "accountCreationFee": "1000000000",
        "coinbase": "720000000000",
        "genesisTimestamp": "2029-12-31T16:00:01.000000-08:00",
    }
    assert (data["networkID"], data["signatureKind"], data["timeOffset"]) == ("mina:testnet", "testnet", 0)
    assert data["initialPeers"][0].startswith("/ip4/10.0.0.1/tcp/8302/p2p/12D3Koo")
    assert data["getPeers"] == [{"host": "10.0.0.1", "libp2pPort": 8302}]
    assert data["runtimeConfig"]["genesis"]["k"] == 12
    assert data["runtimeConfig"]["ledger"]["hash"].startswith("j")
    assert (data["snarkPool"], data["pooledUserCommands"]) == ([], [])
    assert all(len(work["workBundle"]) == 2 for work in data["pendingSnarkWork"])


def test_filtered_logs_capture_from_the_call_on() -> None:
    synced, produced = structured_events.SYNCED.id, structured_events.BLOCK_PRODUCED.id

    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        start = f'mutation {{ startFilteredLog(filter: ["{synced}", "{produced}"]) }}'
        get = "query($offset: Int!) { getFilteredLogEntries(offset: $offset) { logMessages isCapturing } }"
        before = (await producer.post(get, {"offset": 0}))["data"]["getFilteredLogEntries"]
        assert before == {"logMessages": [], "isCapturing": False}
        assert (await producer.post(start))["data"] == {"startFilteredLog": True}
        assert (await producer.post(start))["data"] == {"startFilteredLog": False}
        await asyncio.sleep(30)

        entries = (await producer.post(get, {"offset": 0}))["data"]["getFilteredLogEntries"]
        rest = (await producer.post(get, {"offset": 2}))["data"]["getFilteredLogEntries"]

        assert entries["isCapturing"]
        assert {json.loads(line)["event_id"] for line in entries["logMessages"]} == {produced}
        assert rest["logMessages"] == entries["logMessages"][2:]

    with_network(check)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("{ foo }", {"errors": [{"message": "Field 'foo' is not defined on type 'query'"}]}),
        (
            '{ account(publicKey: "B62nonsense") { nonce } }',
            {
                "errors": [
                    {
                        "message": "Argument `publicKey` of type `PublicKey` expected on field `account`, "
                        'found "B62nonsense".'
                    }
                ],
                "data": None,
            },
        ),
        (
            "{ account { nonce } }",
            {
                "errors": [
                    {
                        "message": "Argument `publicKey` of type `PublicKey!` expected on field `account`, "
                        "but not provided."
                    }
                ],
                "data": None,
            },
        ),
        (
            'mutation { sendPayment(input: { from: "x", to: "y", amount: 1, fee: "abc" }) '
            "{ payment { id } } }",
            {
                "errors": [
                    {
                        "message": "Argument `fee` of type `UInt64` expected on field `sendPayment`, "
                        'found "abc".'
                    }
                ],
                "data": None,
            },
        ),
        (
            'mutation { logs: exportLogs(basename: "../x") { exportLogs { tarfile } } }',
            {
                "errors": [
                    {
                        "message": "Could not export the logs: expected the plain name of a file, found '../x'",
                        "path": ["logs"],
                    }
                ],
                "data": None,
            },
        ),
        ("fragment F on query { syncStatus }", None),
    ],
)
def test_errors_have_the_shapes_of_the_real_server(text: str, body: Any) -> None:
    answer = query(text)

    assert set(answer) <= {"errors", "data"}
    if body is not None:
        assert answer == body


def test_a_syntax_error_is_answered_by_a_bare_string() -> None:
    assert isinstance(query("{ syncStatus"), str)


def test_operations_are_chosen_by_name() -> None:
    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        text = "query A { syncStatus } query B { version }"

        async def ask(name: str | None) -> Any:
            body = json.dumps({"query": text, "operationName": name}).encode()
            return json.loads((await producer.post_raw(body))[1])

        assert await ask("B") == {"data": {"version": commit()}}
        assert (await ask(None))["errors"] == [{"message": "Operation name required"}]
        assert (await ask("C"))["errors"] == [{"message": "Operation not found"}]

    with_network(check, after=1)


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"{", "application/json", b"The body is not what its content type says"),
        (b'{"query": 3}', "application/json", b"The body is not what its content type says"),
        (b"{}", "application/json", b"Must provide query string"),
        (b'{"query": "{ syncStatus }"}', "text/plain", b"Must provide query string"),
        (b"\xff", "application/graphql", b"The body is not what its content type says"),
        (
            b'{"query": "subscription { newSyncUpdate }"}',
            "application/json",
            b"Subscriptions are only supported via websocket transport",
        ),
    ],
)
def test_requests_that_are_no_query_get_400(body: bytes, content_type: str, text: bytes) -> None:
    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        status, answer = await producer.post_raw(body, content_type)
        assert (status, answer[: len(text)]) == (400, text)

    with_network(check, after=1)


def test_queries_come_as_graphql_text_too() -> None:
    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        status, answer = await producer.post_raw(b"{ version }", "application/graphql")
        assert (status, json.loads(answer)) == (200, {"data": {"version": commit()}})

    with_network(check, after=1)


def test_routes_of_the_rest_port() -> None:
    """The handler itself: a function of requests."""
    seen: list[Rest] = []
    handle = Rest.handle

    async def spying(self: Rest, request: Any) -> Any:
        seen.append(self)
        return await handle(self, request)

    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        await producer.post("{ version }")
        rest = seen[0]

        async def get(path: str, query: dict[str, str] | None = None, **headers: str) -> tuple[int, bytes]:
            response = await handle(rest, Request("GET", path, query or {}, headers))
            return response.status, response.body

        assert (await get("/"))[1].startswith(b"This page is intentionally left blank.")
        assert await get("/nothing") == (404, b"Route not found")
        assert b"<textarea" in (await get("/graphql", accept="text/html"))[1]
        variables = {
            "query": "query($n: Int) { bestChain(maxLength: $n) { stateHash } }",
            "variables": '{"n": 1}',
        }
        status, body = await get("/graphql", variables)
        assert (status, len(json.loads(body)["data"]["bestChain"])) == (200, 1)
        assert (await get("/graphql", {"query": "{version}", "variables": "["}))[0] == 400
        status, body = await get("/status")
        found = json.loads(body)
        assert found["sync_status"] == "Synced"
        assert found["peers"][0]["libp2p_port"] == 8302
        assert b"\n  " in body

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rest, "handle", spying)
        with_network(check)


KEY = json.dumps(PRODUCER)


@pytest.mark.parametrize(
    "text",
    [
        f"{{ account(publicKey: {KEY}, colour: 3) {{ nonce }} }}",
        f"query($unused: Int) {{ account(publicKey: {KEY}) {{ nonce }} }}",
        f"query($colour: Int) {{ account(publicKey: {KEY}, colour: $colour) {{ nonce }} }}",
        f"{{ account(publicKey: {KEY}) {{ nonce }} }} fragment Unused on query {{ version }}",
    ],
)
def test_what_the_real_server_ignores_is_ignored(text: str) -> None:
    assert query(text, after=5)["data"]["account"]["nonce"] == "0"


def test_an_object_without_selection_is_empty() -> None:
    assert query("{ daemonStatus }", after=5) == {"data": {"daemonStatus": {}}}


@pytest.mark.parametrize("given", ["literal", "variable"])
def test_unknown_input_fields_are_ignored(given: str) -> None:
    """Clients of 1.x send a token with a payment."""
    fields = {"from": PRODUCER, "to": PRODUCER, "amount": "1", "fee": "10000000", "token": "1"}
    text = "mutation($input: SendPaymentInput!) { sendPayment(input: $input) { payment { id } } }"
    variables: dict[str, Any] | None = {"input": fields}
    if given == "literal":
        inside = ", ".join(f"{name}: {json.dumps(value)}" for name, value in fields.items())
        text, variables = f"mutation {{ sendPayment(input: {{{inside}}}) {{ payment {{ id }} }} }}", None

    (error,) = query(text, after=5, variables=variables)["errors"]

    assert error["message"].startswith("Couldn't find an unlocked key")


@pytest.mark.parametrize(
    "text",
    ["{ account(publicKey: $x) { nonce } }", "query($x: PublicKey!) { account(publicKey: $x) { nonce } }"],
)
def test_a_missing_variable_is_told_in_the_real_words(text: str) -> None:
    assert query(text, after=5) == {"errors": [{"message": "Missing variable `x`"}], "data": None}


def test_trust_status_of_what_is_no_address_is_null() -> None:
    assert query(
        '{ a: trustStatus(ipAddress: "x") { trust } b: trustStatus(ipAddress: "::1") { trust } }', after=5
    ) == {"data": {"a": None, "b": []}}
