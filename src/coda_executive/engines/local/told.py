"""Waiting for a line that a process writes into its log."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from coda_executive.engines.local.guarded import last_lines
from coda_executive.errors import DeployError
from coda_executive.log_engines.changes import DirectoryChanges

_LOOK_AGAIN_SECONDS: Final = 0.5  # in case a watch missed something; a process that ends need not write


def size_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


async def until_told(
    who: str, log: Path, text: str, *, begin: int, goes_on: Callable[[], bool], limit: float
) -> bool:
    """Whether a line with `text` was written into a log, from the byte `begin` on, before its process ended.

    Raises DeployError when neither has happened within `limit` seconds.
    """
    news = asyncio.Event()
    with closing(DirectoryChanges(lambda _directory: news.set())) as changes:
        changes.watch(log.parent)
        try:
            async with asyncio.timeout(limit):
                while text.encode() not in (written := _written(log, begin)):
                    if not goes_on():
                        return False
                    begin += written.rfind(b"\n") + 1
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                            await news.wait()
                    news.clear()
        except TimeoutError as error:
            told = " / ".join(last_lines(log)[-3:]) or "nothing"
            raise DeployError(
                f"{who} was started {limit:g} s ago and has not said {text!r} yet; the end of {log}: {told}. If the "
                f"machine is just slow, raise --ready-limit."
            ) from error
    return True


def _written(log: Path, begin: int) -> bytes:
    with log.open("rb") as file:
        file.seek(begin)
        return file.read()
