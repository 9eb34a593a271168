"""A server that misbehaves: transient errors are tried again, all else is one clear error."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from coda_executive.errors import GenesisStoreError
from coda_executive.genesis_store import s3
from coda_executive.genesis_store.location import parse_location
from coda_executive.genesis_store.object_store import ObjectStore, opened_store

pytestmark = pytest.mark.real

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIAPUBLIC", "AWS_SECRET_ACCESS_KEY": "hunter2"}
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_PAUSES", (0.0, 0.0))


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[ObjectStore]:
    """A store whose every request `handler` answers."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        location = parse_location("s3://bucket", endpoint=f"http://{host}:{port}")
        async with opened_store(location, ENVIRONMENT) as objects:
            yield objects
    finally:
        await runner.cleanup()


async def test_a_request_is_tried_three_times() -> None:
    statuses = [503, 500, 200]

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=statuses.pop(0), body=b"content")

    async with served(answer) as objects:
        assert await objects.get("jxA/01/file") == b"content"
    assert not statuses


async def test_the_third_failure_is_told() -> None:
    tries = []

    async def answer(_request: web.BaseRequest) -> web.Response:
        tries.append(1)
        return web.Response(
            status=503, text="<Error><Code>SlowDown</Code><Message>Please wait.</Message></Error>"
        )

    async with served(answer) as objects:
        with pytest.raises(GenesisStoreError, match="status 503, SlowDown: Please wait"):
            await objects.put("jxA/01/file", b"x")
    assert len(tries) == 3


async def test_a_reply_that_breaks_off_is_never_taken_for_the_object() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"Content-Length": "100"})
        await reply.prepare(request)
        await reply.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return reply

    async with served(answer) as objects:
        with pytest.raises(GenesisStoreError, match="could not reach"):
            await objects.get("jxA/01/file")


async def test_a_server_that_is_not_there_is_told() -> None:
    location = parse_location("s3://bucket", endpoint="http://127.0.0.1:1")
    async with opened_store(location, ENVIRONMENT) as objects:
        with pytest.raises(
            GenesisStoreError, match=r"could not reach http://127\.0\.0\.1:1.*check the endpoint"
        ):
            await objects.size("jxA/01/file")


async def test_an_error_page_that_quotes_the_request_is_not_passed_on() -> None:
    """S3 answers a bad signature with the whole text that was signed."""

    async def answer(request: web.BaseRequest) -> web.Response:
        quoted = f"<StringToSign>{request.headers['authorization']}</StringToSign>"
        return web.Response(status=403, text=f"<Error><Code>SignatureDoesNotMatch</Code>{quoted}</Error>")

    async with served(answer) as objects:
        with pytest.raises(GenesisStoreError, match="SignatureDoesNotMatch") as caught:
            await objects.get("jxA/01/file")
    assert "AKIAPUBLIC" not in str(caught.value)


async def test_a_redirect_is_not_followed_with_our_signature() -> None:
    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=301, headers={"Location": "http://127.0.0.1:1/"})

    async with served(answer) as objects:
        with pytest.raises(GenesisStoreError, match="in another region"):
            await objects.get("jxA/01/file")


@pytest.mark.parametrize(
    "body", ["not XML", "", '<!DOCTYPE a [<!ENTITY x "y">]><ListBucketResult>&x;</ListBucketResult>']
)
async def test_a_list_that_is_none_is_told(body: str) -> None:
    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(text=body)

    async with served(answer) as objects:
        with pytest.raises(GenesisStoreError, match="could not list its keys: the reply is not XML"):
            await objects.keys("jxA/")
