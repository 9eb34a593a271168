"""Questions over the REST port (daemon contract D, J), by the standard library: aiohttp costs a quarter of a second."""

import json
from typing import Any, Final

from coda_daemon.client_commands.command import CommandFailed, Values

_DEFAULT: Final = "http://localhost:3085/graphql"
_LIMIT: Final = 120.0  # seconds; making a key takes the daemon some


class GraphqlFailed(CommandFailed):
    """GraphQL cannot be reached, or answers with errors (daemon contract A.8)."""

    exit_code = 17


def ask_graphql(values: Values, query: str, **variables: Any) -> Any:
    """The `data` of the answer. Raises CommandFailed."""
    url = _url(values.optional("rest-server") or _DEFAULT)
    body = json.dumps({"query": query, "variables": variables}).encode()
    status, text = _post(url, body)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = text.decode(errors="replace")
    if isinstance(answer, dict) and not answer.get("errors"):
        return answer["data"]
    errors = answer["errors"] if isinstance(answer, dict) else [{"message": f"HTTP {status}: {answer}"}]
    raise GraphqlFailed("\n".join(f"Error: {error['message']}" for error in errors))


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    try:
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = make(parts.hostname or "", parts.port, timeout=_LIMIT)
        try:
            connection.request("POST", parts.path or "/graphql", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise GraphqlFailed(
            f"Error: Unable to connect to the daemon at {url}: {error}\n"
            "- The daemon might not be running, or was just started. Run `coda daemon` to start one.\n"
            "- If its GraphQL is elsewhere, give the URL or port as -rest-server."
        ) from error


def _url(text: str) -> str:
    if text.isdecimal():
        return f"http://localhost:{text}/graphql"
    return text if "://" in text else f"http://{text}"
