"""Debian's chromium without a window, driven over its DevTools protocol."""

import asyncio
import base64
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_STARTING_SECONDS = 60.0
_ANSWER_SECONDS = 60.0


class Page:
    """A tab. `problems` are its errors, warnings of its console and requests that it made but for its own file."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        self.problems: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._session: str | None = None

    async def attach(self) -> None:
        target = await self._call("Target.createTarget", url="about:blank")
        session = await self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self._call(f"{domain}.enable")

    async def open(self, path: Path, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        """Show a file, and return once its logs are there."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._call("Emulation.setEmulatedMedia", features=[scheme])
        await self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self._call("Page.navigate", url=path.as_uri())
        await self.run(
            """new Promise((resolve) => {
                const look = () => document.querySelector('#logs') && (!document.querySelector('#log-view')
                    || document.documentElement.dataset.logs) ? resolve() : setTimeout(look, 5);
                look();
            })"""
        )

    async def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise. AssertionError if it throws."""
        answer = await self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def screenshot(self, *, whole: bool = False) -> bytes:
        """What is in sight, or the `whole` page, as PNG."""
        answer = await self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    async def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        async with asyncio.timeout(_ANSWER_SECONDS):
            while (answer := await self._socket.receive_json()).get("id") != number:
                self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _note(self, event: dict[str, Any]) -> None:
        match event:
            case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                self.problems.append(str(details.get("exception", details).get("description", details)))
            case {"method": "Log.entryAdded", "params": {"entry": entry}}:
                self.problems.append(f"{entry['level']}: {entry['text']}")
            case {"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}} if not (
                url.startswith(("file:", "about:", "blob:"))
            ):
                self.problems.append(f"it asked for {url}")
            case _:
                pass


@asynccontextmanager
async def browser(directory: Path) -> AsyncIterator[Page]:
    """A tab of a browser that keeps everything in `directory` and ends with the block."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is not installed"
    # What it drops in the temporary directory stays when it is killed; a socket's path there must be short.
    temporary = tempfile.TemporaryDirectory(prefix="cr-", ignore_cleanup_errors=True)
    process = await asyncio.create_subprocess_exec(
        *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
        *("--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={directory}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(directory), "TMPDIR": temporary.name},
        start_new_session=True,
    )
    assert process.stderr is not None
    drain: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(_STARTING_SECONDS):
            address = await _address(process.stderr)
        drain = asyncio.create_task(process.stderr.read())
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(address, max_msg_size=0) as socket,
        ):
            page = Page(socket)
            await page.attach()
            yield page
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if drain is not None:
            await drain
        temporary.cleanup()


async def _address(output: asyncio.StreamReader) -> str:
    told = []
    async for line in output:
        told.append(line.decode(errors="replace"))
        if "DevTools listening on " in told[-1]:
            return told[-1].partition("DevTools listening on ")[2].strip()
    raise AssertionError(f"chromium did not start:\n{''.join(told)}")
