"""Documents that schemathesis makes from the schema, mutations too, to a daemon that runs: each is a valid one, so
each is answered, with data or with errors that a resolver gave.
"""

import json
from functools import cache
from typing import Any

import pytest
import schemathesis
from graphql import introspection_from_schema
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from tests.coda_daemon.graphql.test_queries import PRODUCER, with_network
from tests.coda_daemon.worlds import RunningDaemon

from coda_daemon.graphql.execution import load_schema
from coda_daemon.ledger.account import MINA_TOKEN
from coda_daemon.web import Request
from coda_protocol.sample_keys import sample_keypair

KEYS = [PRODUCER, *(str(sample_keypair(index).public) for index in (2, 3))]
SCALARS = {
    "PublicKey": st.sampled_from(KEYS).map(nodes.String),
    "PrivateKey": st.sampled_from([2, 3]).map(
        lambda index: nodes.String(sample_keypair(index).private.reveal())
    ),
    "TokenId": st.just(MINA_TOKEN).map(nodes.String),
    "UInt32": st.integers(0, 2**32 - 1).map(lambda number: nodes.String(str(number))),
    "UInt64": st.integers(0, 2**64 - 1).map(lambda number: nodes.String(str(number))),
}
SLOW = ("createAccount", "addWallet")  # half a second each, for the password's hash


@cache
def documents() -> st.SearchStrategy[str]:
    for name, strategy in SCALARS.items():
        schemathesis.graphql.scalar(name, strategy)
    schema = schemathesis.graphql.from_dict({"data": dict(introspection_from_schema(load_schema()))})
    bodies: st.SearchStrategy[str] = schema.as_strategy().map(lambda case: str(case.body))
    return bodies.filter(lambda text: not any(name in text for name in SLOW))


def finished(answering: Any) -> Any:
    """The result of a coroutine that waits for nothing, as answering GraphQL is."""
    try:
        answering.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("answering a GraphQL request waited for something")


def ask_all(count: int) -> None:
    async def check(_seed: RunningDaemon, daemon: RunningDaemon) -> None:
        listener = daemon.machine._machine.machine.listeners[3085]

        @seed(1)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(documents())
        def ask(text: str) -> None:
            body = json.dumps({"query": text}).encode()
            headers = {"content-type": "application/json"}
            reply = finished(listener.serve(Request("POST", "/graphql", {}, headers, body)))
            assert reply.status == 200, text
            answer = json.loads(reply.body)
            assert "data" in answer, (text, answer)
            for error in answer.get("errors", ()):
                assert error["message"], text
                assert error["path"], (text, error)

        ask()
        assert (await daemon.post("{ version }"))["data"]
        assert not [line for line in daemon.machine.lines if "Traceback" in line]

    with_network(check, after=20)


def test_a_sample_of_generated_documents_is_answered() -> None:
    ask_all(100)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_five_thousand_generated_documents_are_answered() -> None:
    ask_all(5_000)
