"""Objects in a bucket: the four requests of S3 that genesis files need, over aiohttp."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from xml.etree import ElementTree

import aiohttp
from yarl import URL

from coda_executive.errors import GenesisStoreError
from coda_executive.genesis_store.location import Bucket
from coda_executive.genesis_store.sigv4 import Credentials, S3Request, signed_headers
from coda_executive.support.clock import wall_time

_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=60)  # seconds
_PAUSES = (0.2, 0.8)  # seconds before the second and the third try
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_MOST_PAGES = 100  # of 1,000 keys each


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    length: int | None


class S3Store:
    """Satisfies ObjectStore. Requests are signed, tried three times, and may be repeated without harm."""

    def __init__(self, bucket: Bucket, credentials: Credentials, session: aiohttp.ClientSession) -> None:
        self._bucket = bucket
        self._credentials = credentials
        self._session = session
        self._host = bucket.endpoint.partition("://")[2]

    @staticmethod
    @asynccontextmanager
    async def opened(bucket: Bucket, credentials: Credentials) -> "AsyncIterator[S3Store]":
        """Hold its connections for the length of a block."""
        # Only the endpoint is asked: no proxy of the environment, no cookies, no compressed bodies to unpack.
        async with aiohttp.ClientSession(
            timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session:
            yield S3Store(bucket, credentials, session)

    def __repr__(self) -> str:
        return f"<S3Store {self._bucket} at {self._bucket.endpoint}>"

    async def put(self, key: str, content: bytes) -> None:
        await self._expect_ok(self._request("PUT", key, body=content), f"store {key}")

    async def get(self, key: str) -> bytes:
        return (await self._expect_ok(self._request("GET", key), f"fetch {key}")).body

    async def size(self, key: str) -> int | None:
        reply = await self._send(self._request("HEAD", key))
        if reply.status == 404:
            return None
        self._check(reply, f"look for {key}")
        return reply.length

    async def keys(self, prefix: str) -> tuple[str, ...]:
        found: list[str] = []
        token: str | None = None
        for _page in range(_MOST_PAGES):
            query = {"list-type": "2", "prefix": self._bucket.prefix + prefix}
            if token is not None:
                query["continuation-token"] = token
            request = S3Request("GET", self._host, f"/{self._bucket.name}", query)
            reply = await self._expect_ok(request, f"list {prefix}")
            page, token = self._read_page(reply.body)
            found += page
            if token is None:
                break
        mine = len(self._bucket.prefix)
        return tuple(sorted(key[mine:] for key in found if key.startswith(self._bucket.prefix)))

    def _request(self, method: str, key: str, *, body: bytes = b"") -> S3Request:
        path = f"/{self._bucket.name}/{self._bucket.prefix}{key}"
        return S3Request(method, self._host, path, headers={"accept-encoding": "identity"}, body=body)

    async def _expect_ok(self, request: S3Request, what: str) -> _Reply:
        reply = await self._send(request)
        self._check(reply, what)
        return reply

    async def _send(self, request: S3Request) -> _Reply:
        """The reply to a request; transient failures are tried again. Raises GenesisStoreError."""
        for pause in (*_PAUSES, None):
            try:
                reply = await self._send_once(request)
            except (aiohttp.ClientError, TimeoutError) as error:
                if pause is None or isinstance(error, aiohttp.InvalidURL):
                    raise self._failure(
                        f"reach {self._bucket.endpoint}", f"{type(error).__name__}: {error}"
                    ) from error
            else:
                if pause is None or reply.status not in _TRANSIENT:
                    return reply
            await asyncio.sleep(pause)
        raise AssertionError("the last try has no pause")

    async def _send_once(self, request: S3Request) -> _Reply:
        headers = signed_headers(request, self._credentials, region=self._bucket.region, now=wall_time())
        # A file, not bytes: aiohttp hands a large body to the socket in pieces then.
        body = BytesIO(request.body) if request.body else None
        url = URL(self._bucket.endpoint + request.target, encoded=True)
        async with self._session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as reply:
            # A body shorter than announced raises ClientPayloadError here: nothing cut off goes further.
            return _Reply(reply.status, await reply.read(), reply.content_length)

    def _check(self, reply: _Reply, what: str) -> None:
        if 200 <= reply.status < 300:
            return
        code, message = _error_of(reply.body)
        reasons = {
            301: "the bucket is in another region; give it as the region",
            307: "the bucket is in another region; give it as the region",
            401: "check the credentials in the environment",
            403: "check the credentials in the environment, the machine's clock, and what they allow",
            404: "check the bucket's name and the endpoint",
        }
        answer = (
            f"status {reply.status}" + (f", {code}" if code else "") + (f": {message}" if message else "")
        )
        raise self._failure(what, answer, reasons.get(reply.status, "see the server's own log"))

    def _failure(self, what: str, why: str, advice: str = "check the endpoint") -> GenesisStoreError:
        return GenesisStoreError(f"The genesis store {self._bucket} could not {what}: {why}. Next: {advice}.")

    def _read_page(self, body: bytes) -> tuple[list[str], str | None]:
        """Keys, and the token that asks for the next page."""
        try:
            root = _parse_xml(body)
        except ElementTree.ParseError as error:
            raise self._failure("list its keys", f"the reply is not XML ({error})") from error
        keys = [key.text or "" for key in root.iterfind("{*}Contents/{*}Key")]
        return keys, root.findtext("{*}NextContinuationToken") or None


def _error_of(body: bytes) -> tuple[str, str]:
    """Code and message of an error reply, and nothing else of it: others quote the request that was signed."""
    try:
        root = _parse_xml(body)
    except ElementTree.ParseError:
        return "", ""
    code, message = (root.findtext(name) or "" for name in ("Code", "Message"))
    return code[:60], re.sub(r"\s+", " ", message)[:200].rstrip(".")


def _parse_xml(body: bytes) -> ElementTree.Element:
    if b"<!" in body:
        raise ElementTree.ParseError("a document type declaration, which no S3 reply has")
    return ElementTree.fromstring(body)  # noqa: S314  entities cannot be declared, see above
