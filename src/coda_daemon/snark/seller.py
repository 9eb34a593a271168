"""How a node sells SNARK work: as a coordinator of external workers, or with a local worker (daemon contract H).

Either may be switched on at the start; the local worker also at run time, by `setSnarkWorker`. Workers come to
the client port.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from coda_daemon.log import Log
from coda_daemon.ports import Child, Host
from coda_daemon.profile import Profile
from coda_daemon.snark.trade import SnarkTrade
from coda_daemon.snark.work import ProofLevel
from coda_daemon.snark.work_selection import make_selection
from coda_daemon.snark.worker import THREADS
from coda_daemon.snark.worker_process import run_snark_worker

_MODULE: Final = "Mina_lib"


@dataclass(frozen=True, slots=True, kw_only=True)
class SnarkSettings:
    """What the command line says of SNARK work. Keys are addresses; `fee` in nanomina, `wait_ms` in milliseconds.

    `selection` is one of `work_selection.SELECTIONS`; `threads` of the local worker, None for what its environment
    says. A worker's key wins over a coordinator's.
    """

    worker: str | None
    coordinator: str | None
    fee: int
    selection: str
    wait_ms: int
    level: ProofLevel
    client_port: int
    threads: int | None
    logs_gossip: bool


class SnarkSeller:
    """One node's; `run` beside the node."""

    def __init__(
        self,
        settings: SnarkSettings,
        trade: SnarkTrade,
        host: Host,
        log: Log,
        profile: Profile,
    ) -> None:
        self.fee = settings.fee
        self.worker: str | None = settings.worker
        self._settings = settings
        self._trade = trade
        self._host = host
        self._log = log
        self._profile = profile
        self._changed = asyncio.Event()
        self._sell(settings.worker or settings.coordinator)

    def set_worker(self, key: str | None) -> str | None:
        """Start, switch or stop the local worker; returns the previous key."""
        previous, self.worker = self.worker, key
        self._sell(key)
        self._changed.set()
        return previous

    def set_fee(self, fee: int) -> int:
        """Returns the previous fee; both in nanomina."""
        previous, self.fee = self.fee, fee
        if self._trade.coordinator is not None:
            self._trade.coordinator.fee = fee
        return previous

    async def run(self) -> None:
        """Keep the local worker running, until cancelled."""
        child: Child | None = None
        try:
            while True:
                self._changed.clear()
                if child is not None and self.worker is None:
                    await _stopped(child)
                    child = None
                if child is None and self.worker is not None:
                    child = await self._start_worker()
                child = await self._wait(child)
        finally:
            if child is not None:
                child.terminate()

    def _sell(self, key: str | None) -> None:
        if key is None:
            self._trade.coordinator = None
            return
        chance = self._host.chance.stream("work selection")
        selection = make_selection(self._settings.selection, chance=chance, prover=key)
        self._trade.coordinate(key, self.fee, selection, self._settings.wait_ms * 1_000_000)

    async def _start_worker(self) -> Child:
        settings = self._settings
        arguments = (
            *("-daemon-address", f"127.0.0.1:{settings.client_port}"),
            *("-proof-level", settings.level),
            *("-shutdown-on-disconnect", "true"),
            "-log-json",
        )
        self._log.info(_MODULE, "Starting a local SNARK worker for $key", key=self.worker)

        def program(host: Host) -> Coroutine[Any, Any, int]:
            return run_snark_worker(arguments, host)

        threads = {} if settings.threads is None else {THREADS: str(settings.threads)}
        return await self._host.children.start(("internal", "snark-worker", *arguments), program, threads)

    async def _wait(self, child: Child | None) -> Child | None:
        """Wait for a change, or for the worker's end: then None, after a nap."""
        if child is None:
            await self._changed.wait()
            return None
        changed = asyncio.ensure_future(self._changed.wait())
        ended = asyncio.ensure_future(child.ended())
        try:
            await asyncio.wait((changed, ended), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                return child
            self._log.error(_MODULE, "The local SNARK worker ended with $code", code=ended.result())
        finally:
            changed.cancel()
            ended.cancel()
        await asyncio.sleep(self._profile.worker_nap)
        return None


async def _stopped(child: Child) -> None:
    child.terminate()
    await child.ended()
