"""A process that owns a run and is killed by the tests: `owner.py STAGE DIRECTORY CONDUCT WRAPPED`.

It brings a testnet of two stub daemons to STAGE, prints the pid of its guardian, and waits, or is busy with
it.
"""

import asyncio
import sys
from pathlib import Path

import msgspec
from tests.coda_executive.engines.local.testnets import Recorded, deploy, stub, wrapped

STOP_LIMIT = 0.5


async def main(stage: str, directory: Path, conduct: str, behind: str) -> None:
    daemon = wrapped(directory, stub(conduct)) if behind == "wrapped" else stub(conduct)
    run = Recorded(directory, daemon)
    run.options = msgspec.structs.replace(run.options, stop_limit=STOP_LIMIT)
    manager = run.manager()
    await manager.sites([])
    assert manager._guardian is not None
    print(manager._guardian.pid, flush=True)
    if stage == "deploying":
        await asyncio.sleep(3600)
    _, nodes = await deploy(manager, 2)
    if stage == "starting":
        while True:
            await manager.launch()
            await asyncio.gather(*(node.kill() for node in nodes))
    await manager.launch()
    for node in nodes:
        await run.until_up(node)
    print("up", flush=True)
    if stage == "destroying":
        await manager.destroy()
        print("destroyed", flush=True)
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
