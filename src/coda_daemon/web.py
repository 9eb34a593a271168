"""HTTP requests and responses as values, so that a handler is a function of one to the other."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from coda_daemon.ports import Channel


@dataclass(frozen=True, slots=True)
class Request:
    """A `ports.Request`. Header names are lower case; of a repeated query parameter the first counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A `ports.Response`. The length header is the server's to add."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    talk: Callable[[Channel], Awaitable[None]] | None = None


def text_response(status: int, text: str) -> Response:
    return Response(status, text.encode(), {"content-type": "text/plain; charset=utf-8"})
