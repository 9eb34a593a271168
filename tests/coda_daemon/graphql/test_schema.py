"""The schema that a daemon serves: the real one's, field by field, and an answer for every field of it."""

import asyncio
import json
from importlib.resources import files
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    introspection_from_schema,
    is_leaf_type,
    is_required_argument,
)
from tests.coda_daemon.commands_testbed import payment
from tests.coda_daemon.graphql.test_sending import send, with_network
from tests.coda_daemon.worlds import RunningDaemon

from coda_daemon.graphql.execution import load_schema
from coda_daemon.ledger.account import MINA_TOKEN
from coda_protocol.sample_keys import sample_keypair

PRODUCER = str(sample_keypair(1).public)

# Of the real daemon's schema, by the copy in PyPI's mina-sdk. Types that only these fields use are left out with them.
LEFT_OUT = {
    "mutation.sendZkapp": "no zkApps",
    "mutation.mockZkapp": "no zkApps",
    "mutation.internalSendZkapp": "no zkApps",
    "query.accountActions": "no zkApps",
    "mutation.archivePrecomputedBlock": "feeds an archive from outside",
    "mutation.archiveExtensionalBlock": "feeds an archive from outside",
    "mutation.createHDAccount": "needs a Ledger device",
    "mutation.sendRosettaTransaction": "Rosetta's",
    "mutation.sendProofBundle": "newer than the contract",
    "query.snarkWorkRange": "newer than the contract",
    "query.snarkedLedgerAccountMembership": "no proofs",
    "query.encodedSnarkedLedgerAccountMembership": "no proofs",
    "query.blockchainVerificationKey": "no proofs",
    "query.fork_config": "newer than the contract",
    "query.protocolState": "binary forms of the real daemon",
    "query.threadGraph": "the real daemon's threads",
    "Histograms.snarkWorkerZkappTransitionTime": "2025 on; the contract's generation has one for both",
    "Histograms.snarkWorkerNonzkappTransitionTime": "2025 on; the contract's generation has one for both",
}
OURS = {"Histograms.snarkWorkerTransitionTime"}  # what these two were before
# In the schema, but answered with an error that says so.
UNANSWERED = {"ledgerProofStatement": "registers of the zkApp machine; this daemon's proofs have none"}


def type_text(kind: dict[str, Any] | None) -> str:
    """As in SDL. The copy was made by an introspection query that is not deep enough: `?` stands for the rest."""
    if kind is None:
        return "?"
    match kind:
        case {"kind": "NON_NULL"}:
            return f"{type_text(kind.get('ofType'))}!"
        case {"kind": "LIST"}:
            return f"[{type_text(kind.get('ofType'))}]"
    return str(kind["name"])


def members(introspection: dict[str, Any]) -> dict[str, str]:
    """Each type, field, argument, enum value and interface by a name of its own, with its type."""
    found: dict[str, str] = {}
    for kind in introspection["__schema"]["types"]:
        name = kind["name"]
        if name.startswith("__"):
            continue
        found[name] = kind["kind"]
        for field in kind.get("fields") or ():
            mark = " deprecated" if field["isDeprecated"] else ""
            found[f"{name}.{field['name']}"] = type_text(field["type"]) + mark
            for argument in field["args"]:
                found[f"{name}.{field['name']}({argument['name']})"] = type_text(argument["type"])
        for field in kind.get("inputFields") or ():
            found[f"{name}.{field['name']}"] = type_text(field["type"])
        for value in kind.get("enumValues") or ():
            found[f"{name}={value['name']}"] = "value"
        for interface in kind.get("interfaces") or ():
            found[f"{name}:{interface['name']}"] = "interface"
    return found


def real_schema() -> dict[str, Any]:
    data = json.loads(files("mina_sdk").joinpath("schema/graphql_schema.json").read_bytes())
    schema: dict[str, Any] = data.get("data", data)
    return schema


def test_schema_is_the_real_ones_but_for_what_is_listed() -> None:
    real, ours = members(real_schema()), members(dict(introspection_from_schema(load_schema())))
    shared_types = {name for name in real if name.isidentifier()} & set(ours)
    missing = {
        name
        for name in real
        if name not in ours and name.split(".")[0] in shared_types and "(" not in name and "." in name
    }

    assert missing == set(LEFT_OUT)
    assert set(ours) - set(real) == OURS
    different = {name for name in real if name in ours and real[name] != ours[name] and "?" not in real[name]}
    assert different == set()
    arguments = {name for name in real if "(" in name and name.partition("(")[0] in ours}
    assert arguments <= set(ours)
    values = {name for name in real if name.partition("=")[0] in shared_types and "=" in name}
    assert values <= set(ours)


ARGUMENTS = {
    "publicKey": json.dumps(PRODUCER),
    "tokenId": json.dumps(MINA_TOKEN),
    "ipAddress": '"10.0.0.1"',
    "offset": "0",
}
VRF_MESSAGE = '{globalSlot: 7, epochSeed: "2va9", delegatorIndex: 0}'
SPECIAL = {
    "block": "(height: %(tip)d)",
    "account": f'(publicKey: "{PRODUCER}")',
    "transactionStatus": '(payment: "%(payment)s")',
    "validatePayment": None,  # takes a signature: test_sending
    "evaluateVrf": f'(publicKey: "{PRODUCER}", message: {VRF_MESSAGE}, '
    'vrfThreshold: {delegatedStake: "1", totalStake: "2"})',
    "checkVrf": f'(input: {{publicKey: "{PRODUCER}", message: {VRF_MESSAGE}, c: "1", s: "2", '
    'scaledMessageHash: ["3", "4"]})',
}


def selection(schema: GraphQLSchema, kind: Any, around: tuple[str, ...] = ()) -> str:
    """All fields of a type, and of theirs; within itself a type shows its leaves only."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    assert isinstance(named, GraphQLObjectType | GraphQLInterfaceType)
    parts = ["__typename"]
    for name, field in named.fields.items():
        if name in UNANSWERED or any(map(is_required_argument, field.args.values())):
            continue
        if is_leaf_type(get_named_type(field.type)):
            parts.append(name)
        elif named.name not in around:
            parts.append(f"{name} {selection(schema, field.type, (*around, named.name))}")
    if isinstance(named, GraphQLInterfaceType):
        for each in schema.get_implementations(named).objects:
            own = [name for name in each.fields if name not in named.fields]
            if own:
                inner = " ".join(f"{name} {{ publicKey }}" for name in own)
                parts.append(f"... on {each.name} {{ {inner} }}")
    return f"{{ {' '.join(parts)} }}"


def root_field(schema: GraphQLSchema, name: str, field: GraphQLField, facts: dict[str, Any]) -> str | None:
    given = SPECIAL.get(name, "")
    if given is None:
        return None
    if not given:
        needed = [argument for argument, value in field.args.items() if is_required_argument(value)]
        given = f"({', '.join(f'{one}: {ARGUMENTS[one]}' for one in needed)})" if needed else ""
    return f"{name}{given % facts if '%' in given else given} {selection(schema, field.type)}"


def test_every_field_of_every_query_is_answered() -> None:
    """On a daemon with blocks, transactions in them and in the pool, a wallet, peers and filtered logs."""
    schema = load_schema()
    query = schema.query_type
    assert query is not None

    async def check(_seed: RunningDaemon, producer: RunningDaemon) -> None:
        included, waiting = payment(1, 2, nonce=0), payment(2, 1, nonce=0)
        await send(producer, included)
        await producer.post('mutation { createAccount(input: {password: ""}) { account { publicKey } } }')
        await producer.post('mutation { startFilteredLog(filter: ["d5cd43b465d7dee8fa3413e5c7923698"]) }')
        await asyncio.sleep(12)
        await send(producer, waiting)
        status = (await producer.post("{ daemonStatus { blockchainLength } }"))["data"]["daemonStatus"]
        facts = {"tip": status["blockchainLength"], "payment": included.id}
        for name, field in query.fields.items():
            text = root_field(schema, name, field, facts)
            if text is None:
                continue
            answer = await producer.post(f"{{ {text} }}")
            assert "errors" not in answer, (name, answer["errors"])

    with_network(check)
