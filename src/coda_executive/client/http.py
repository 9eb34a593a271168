"""HTTP to a daemon's REST port over a real socket."""

import aiohttp

from coda_executive.interfaces.client import HttpReply


class AiohttpTransport:
    """Satisfies HttpTransport. Connections are not kept: a test's requests are few, and a kept one would
    outlive its node.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.post(
                    self._url + path, data=body, headers={"Content-Type": content_type}
                ) as reply:
                    return HttpReply(reply.status, await reply.read())
            except aiohttp.ClientConnectorError as error:
                raise ConnectionRefusedError(str(error)) from error
            except aiohttp.ClientError as error:
                raise ConnectionResetError(f"{type(error).__name__}: {error}") from error
