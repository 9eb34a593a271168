"""A program under the guardian that is run once, to its end."""

import asyncio

from coda_executive.engines.local.process import Command, Guardian, ProcessEnd


async def run_errand(guardian: Guardian, key: str, command: Command) -> ProcessEnd:
    """Run it and return how it ended; a cancelled one is killed. `key` must be free. Raises DeployError."""
    ended: asyncio.Future[ProcessEnd] = asyncio.get_running_loop().create_future()

    def on_end(end: ProcessEnd) -> None:
        if not ended.done():
            ended.set_result(end)

    try:
        await guardian.spawn(key, command, on_end)
        return await ended
    finally:
        if not guardian.is_lost:
            await guardian.kill(key)
