"""GraphQL documents of every kind, to a daemon that runs: what the schema allows is answered, what it does not
allow is refused, and nothing makes the answer anything but an answer.
"""

import json
import random
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
)
from tests.coda_daemon.graphql.test_queries import PRODUCER, with_network
from tests.coda_daemon.worlds import RunningDaemon

from coda_daemon.graphql.execution import load_schema
from coda_daemon.ledger.account import MINA_TOKEN

SCHEMA = load_schema()
assert SCHEMA.query_type is not None
QUERY: GraphQLObjectType = SCHEMA.query_type
SCALARS: dict[str, list[str]] = {
    "Int": ["0", "1", "-1", "290", "2147483647"],
    "Boolean": ["true", "false"],
    "String": ['""', '"x"', '"3NK"', json.dumps('\u0000\\"ü')],
    "ID": ['"1"'],
    "PublicKey": [json.dumps(PRODUCER)],
    "TokenId": [json.dumps(MINA_TOKEN)],
    "UInt32": ["0", '"4294967295"'],
    "UInt64": ["0", '"18446744073709551615"'],
}
JUNK = (
    *[
        "{",
        "}",
        "(",
        ")",
        "...",
        "@skip(if:true)",
        "$x",
        "!",
        '"',
        '"""',
        "#",
        "query",
        "-",
        "1e999",
        "[",
        ":",
        "null",
        "mutation",
        "subscription",
        "on",
        "__typename",
    ],
    *("fragment F on query", "\x00", "ü", "9" * 400, " " * 1000),
)


class Undecidable(Exception):
    """There is no value to give for an argument."""


def some_value(kind: Any, chance: random.Random) -> str:
    """Text of a value that fits a type."""
    if isinstance(kind, GraphQLNonNull):
        return some_value(kind.of_type, chance)
    if isinstance(kind, GraphQLList):
        return f"[{', '.join(some_value(kind.of_type, chance) for _ in range(chance.randint(0, 2)))}]"
    if isinstance(kind, GraphQLEnumType):
        return str(chance.choice(list(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        fields = ", ".join(f"{name}: {some_value(each.type, chance)}" for name, each in kind.fields.items())
        return f"{{{fields}}}"
    if kind.name not in SCALARS:
        raise Undecidable
    return chance.choice(SCALARS[kind.name])


def some_arguments(arguments: dict[str, GraphQLArgument], chance: random.Random) -> str:
    given = []
    for name, argument in arguments.items():
        if isinstance(argument.type, GraphQLNonNull) or chance.random() < 0.5:
            given.append(f"{name}: {some_value(argument.type, chance)}")
    return f"({', '.join(given)})" if given else ""


def some_field(name: str, field: GraphQLField, chance: random.Random, depth: int) -> str:
    kind = get_named_type(field.type)
    arguments = some_arguments(field.args, chance)
    alias = f"a{chance.randint(0, 10**6)}: "
    if is_leaf_type(kind):
        return f"{alias}{name}{arguments}"
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    return f"{alias}{name}{arguments} {some_selection(kind, chance, depth - 1)}"


def some_selection(kind: GraphQLObjectType | GraphQLInterfaceType, chance: random.Random, depth: int) -> str:
    names = list(kind.fields)
    chosen = ["__typename"] if depth <= 0 or chance.random() < 0.1 else []
    for name in chance.sample(names, min(len(names), chance.randint(1, 4))):
        field = kind.fields[name]
        if depth > 0 or is_leaf_type(get_named_type(field.type)):
            try:
                chosen.append(some_field(name, field, chance, depth))
            except Undecidable:
                continue
    text = " ".join(chosen or ["__typename"])
    if chance.random() < 0.1:
        text = f"... on {kind.name} {{ {text} }}"
    return f"{{ {text} }}"


def some_document(chance: random.Random) -> str:
    return chance.choice(["", "query ", "query Q "]) + some_selection(QUERY, chance, chance.randint(1, 5))


def mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 3)):
        place = chance.randint(0, len(text))
        match chance.randint(0, 3):
            case 0:
                text = text[:place] + chance.choice(JUNK) + text[place:]
            case 1:
                text = text[:place] + text[place + chance.randint(1, 10) :]
            case 2:
                text = text[:place] + text[: chance.randint(0, 50)] + text[place:]
            case _:
                words = text.split(" ")
                chance.shuffle(words)
                text = " ".join(words)
    return text


async def check_one(daemon: RunningDaemon, chance: random.Random) -> None:
    document = some_document(chance)
    kind = chance.randint(0, 2)
    if kind == 1:
        document = document.replace("{ ", "{ notAField ", 1)
    elif kind == 2:
        document = mutated(document, chance)
    body: dict[str, Any] = {"query": document}
    if chance.random() < 0.1:
        body["variables"] = chance.choice([{}, {"x": 1}, {"x": {"y": []}}, None])
    if chance.random() < 0.05:
        body["operationName"] = chance.choice(["Q", "", "other"])
    status, answer = await daemon.post_raw(json.dumps(body).encode())
    if kind == 2:
        assert status in (200, 400), (document, answer)
    else:
        assert status == 200, (document, answer)
    if status == 400:
        answer.decode()
        return
    found = json.loads(answer)
    if isinstance(found, str):
        assert kind == 2, (document, found)
        return
    assert set(found) <= {"data", "errors"}, found
    errors = found.get("errors", [])
    assert all(error["message"] for error in errors)
    if kind == 1:
        [error] = errors
        assert "data" not in found, document
        assert "notAField" in error["message"]
    if kind == 0 and "operationName" not in body:
        # Faults of the document have no path: there must be none.
        assert all("path" in error for error in errors), (document, errors)


def ask_all(count: int, seed: int) -> None:
    async def check(_seed: RunningDaemon, daemon: RunningDaemon) -> None:
        chance = random.Random(seed)
        for _ in range(count):
            await check_one(daemon, chance)
        assert (await daemon.post("{ syncStatus }"))["data"] == {"syncStatus": "SYNCED"}
        assert not [line for line in daemon.machine.lines if "Traceback" in line]

    with_network(check, after=20)


@pytest.mark.parametrize(
    "document",
    [
        "{" * 100_000,
        "{a" * 20_000,
        "{" + "a(b:" + "[" * 20_000,
        "{ ...A } fragment A on query { ...B } fragment B on query { ...A }",
        "{...F0} fragment F60 on query {version}"
        + "".join(f"fragment F{i} on query {{...F{i + 1} ...F{i + 1}}}" for i in range(60)),
        "{" + " version" * 20_000 + "}",
        "{" + " daemonStatus { syncStatus }" * 5_000 + "}",
        "{" + " ".join(f"a{i}: version" for i in range(5_000)) + "}",
        "#" * 100_000,
        '{ account(publicKey: "' + "x" * 100_000 + '") { nonce } }',
        "query(" + " ".join(f"$v{i}: Int" for i in range(5_000)) + ") { version }",
    ],
    ids=range(11),
)  # fmt: skip
def test_a_bomb_is_answered(document: str) -> None:
    """And in time: the test's own limit is the judge."""

    async def check(_seed: RunningDaemon, daemon: RunningDaemon) -> None:
        status, answer = await daemon.post_raw(json.dumps({"query": document}).encode())
        assert status == 200
        assert json.loads(answer)
        status, _ = await daemon.post_raw(b'{"query": "{version}", "variables": {"a":' + b"[" * 100_000)
        assert status == 400

    with_network(check, after=5)


def test_a_sample_of_documents_is_answered() -> None:
    ask_all(500, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_thirty_thousand_documents() -> None:
    ask_all(30_000, seed=2)
