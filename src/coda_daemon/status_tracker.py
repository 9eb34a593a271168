"""The node's sync status over time: when blocks were last heard of, and a log event at each change (D.7, A.9)."""

import asyncio
from collections.abc import Callable
from typing import Final

from coda_daemon.log import Log
from coda_daemon.network import Network
from coda_daemon.profile import Profile
from coda_daemon.sync_status import Situation, SyncStatus, sync_status

_MODULE: Final = "Mina_lib"
_EARLY: Final = 1e-6  # seconds


class StatusTracker:
    """`recompute` is called whenever time changed something; its owner then calls `update`."""

    def __init__(self, log: Log, profile: Profile, *, slot_ms: int, recompute: Callable[[], None]) -> None:
        self.status = SyncStatus.CONNECTING
        self.has_heard_gossip = False
        self.is_offline = False
        self._log = log
        self._profile = profile
        self._patience = profile.offline_slots * slot_ms / 1000
        self._recompute = recompute
        self._told: SyncStatus | None = None
        self._heard_at = 0.0  # by the event loop's clock
        self._timer: asyncio.TimerHandle | None = None  # looks whether the node has gone offline
        self._changed = asyncio.Event()

    def heard(self) -> None:
        """A timely block came, or was made with peers to hear it: for some slots the node is not offline."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        if self._timer is None:
            self._timer = loop.call_at(self._heard_at + self._patience, self._look)
        if self.is_offline or not self.has_heard_gossip:
            self.has_heard_gossip = True
            self._set_offline(False)

    def update(self, situation: Situation) -> None:
        self.status = sync_status(situation, catchup_gap=self._profile.catchup_gap)
        if self.status is not self._told:
            self._told = self.status
            if event := self.status.event:
                self._log.event(event)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def watch_silence(self, network: Network, *, is_seed: bool) -> None:
        """Tell of a silent network and dial afresh; returns when the node has been offline for too long."""
        if not await self._is_heard_within(self._profile.no_gossip_warning) and not is_seed:
            self._log.error(
                _MODULE,
                "No gossip was ever received; check that the external port is reachable, by port forwarding "
                "if this node is behind a router",
            )
        while True:
            await self._wait_while(lambda: not self.is_offline)
            if await self._is_heard_within(self._profile.offline_restart):
                continue
            self._log.info(_MODULE, "Offline for too long; restarting libp2p_helper")
            network.redial_all()
            if not is_seed and not await self._is_heard_within(self._profile.offline_shutdown):
                return
            await self._wait_while(lambda: self.is_offline)

    async def _is_heard_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._wait_while(lambda: self.is_offline or not self.has_heard_gossip)
        except TimeoutError:
            return False
        return True

    async def _wait_while(self, condition: Callable[[], bool]) -> None:
        while condition():
            await self._changed.wait()

    def _look(self) -> None:
        """Blocks come more often than their absence has to be noticed: the timer is not set anew for each."""
        loop = asyncio.get_running_loop()
        due = self._heard_at + self._patience
        # A loop keeps time in units of its own, and may call a little early by ours: not to be waited for again.
        if due - loop.time() > _EARLY:
            self._timer = loop.call_at(due, self._look)
        else:
            self._timer = None
            self._set_offline(True)

    def _set_offline(self, is_offline: bool) -> None:
        self.is_offline = is_offline
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        self._recompute()
