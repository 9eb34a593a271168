"""The REST port as a function from request to response: GraphQL, status, and little else (daemon contract
D.1, D.2, D.9).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from coda_daemon.arguments import DaemonArguments
from coda_daemon.genesis import Genesis
from coda_daemon.gossip.network import Gossip
from coda_daemon.log import Log
from coda_daemon.node import Node
from coda_daemon.ports import Channel, Clock, Request, Store
from coda_daemon.profile import Profile
from coda_daemon.settings import Settings
from coda_daemon.snark.seller import SnarkSeller
from coda_daemon.wallet import Wallet
from coda_daemon.web import Response, text_response
from coda_daemon.websocket import BadHandshake, accept, wants_websocket

if TYPE_CHECKING:
    from coda_daemon.graphql.execution import Executor


@dataclass(frozen=True, slots=True)
class DaemonView:
    """All that answers to requests are made from."""

    arguments: DaemonArguments
    settings: Settings
    genesis: Genesis
    node: Node
    gossip: Gossip
    clock: Clock  # block time
    log: Log
    wallet: Wallet
    seller: SnarkSeller
    store: Store
    profile: Profile


class _Query(msgspec.Struct, frozen=True):
    """What a client wants executed."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = msgspec.field(name="operationName", default=None)


class _BadRequest(Exception):
    """Answered with 400 and the message."""


_query_decoder = msgspec.json.Decoder(_Query)
_variables_decoder = msgspec.json.Decoder(dict[str, Any] | None)


class Rest:
    """Answers the requests to one daemon. GraphQL is loaded with the first query: it costs as much as all the
    rest. A limited server knows but three queries (contract D.1).
    """

    def __init__(self, view: DaemonView, *, is_limited: bool = False) -> None:
        self._view = view
        self._is_limited = is_limited
        self._executor: Executor | None = None

    async def handle(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", "/":
                return text_response(
                    200,
                    "This page is intentionally left blank. The graphql endpoint can be found at `/graphql`",
                )
            case "GET", ("/status" | "/status/performance"):
                from coda_daemon.graphql.status import status_json

                status = status_json(self._view, with_performance=request.path != "/status")
                body = msgspec.json.format(msgspec.json.encode(status))
                return Response(200, body, {"content-type": "application/json"})
            case "GET", "/graphql" if wants_websocket(request):
                return self._websocket(request)
            case "GET", "/graphql" if "text/html" in request.headers.get("accept", ""):
                return Response(200, _PAGE.encode(), {"content-type": "text/html; charset=utf-8"})
            case (("GET" | "POST"), "/graphql"):
                return self._graphql(request)
        return text_response(404, "Route not found")

    def _graphql(self, request: Request) -> Response:
        try:
            query = _read_query(request)
        except _BadRequest as error:
            return text_response(400, str(error))
        if not query.query:
            return text_response(400, "Must provide query string")
        status, body = self._loaded().execute(query.query, query.variables, query.operation_name)
        # The real daemon sends no content type with GraphQL answers.
        return Response(status, body)

    def _websocket(self, request: Request) -> Response:
        from coda_daemon.graphql.subscriptions import PROTOCOLS, serve

        try:
            headers, protocol = accept(request, protocols=tuple(PROTOCOLS))
        except BadHandshake as error:
            return Response(error.status, str(error).encode(), {"sec-websocket-version": "13"})
        executor = self._loaded()

        async def talk(channel: Channel) -> None:
            await serve(self._view, executor, protocol, channel)

        return Response(101, b"", headers, talk)

    def _loaded(self) -> "Executor":
        if self._executor is None:
            from coda_daemon.graphql.execution import Executor

            self._executor = Executor(self._view, is_limited=self._is_limited)
        return self._executor


def _read_query(request: Request) -> _Query:
    """URL parameters over the body (contract D.1). A POST of another content type has no body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = _Query()
    try:
        if request.method == "POST" and kind == "application/json":
            body = _query_decoder.decode(request.body)
        elif request.method == "POST" and kind == "application/graphql":
            body = _Query(query=request.body.decode())
        url = request.query
        return _Query(
            query=url.get("query", body.query),
            variables=_variables_decoder.decode(url["variables"]) if "variables" in url else body.variables,
            operation_name=url.get("operationName", body.operation_name),
        )
    except (ValueError, RecursionError) as error:
        raise _BadRequest(f"The body is not what its content type says: {error}") from None


_PAGE = """<!doctype html>
<title>GraphQL of a reference daemon</title>
<form onsubmit="ask(); return false">
<textarea id=query rows=12 cols=80>{ syncStatus daemonStatus { blockchainLength peers { host } } }</textarea>
<p><button>Run</button></p>
</form>
<pre id=answer></pre>
<script>
async function ask() {
  const body = JSON.stringify({query: document.getElementById("query").value})
  const headers = {"Content-Type": "application/json"}
  const answer = await fetch("/graphql", {method: "POST", body, headers})
  document.getElementById("answer").textContent = JSON.stringify(await answer.json(), null, 2)
}
</script>
"""
