"""SNARK work as a running node trades it: the pool with its gossip and log events, and the coordinator (daemon
contract C.4, H).

A message of the topic holds one piece of work. The round in it sets a message apart from earlier ones with the
same work, which peers would take for the same again. Not kept over a restart: coordinators gossip their unsold work
again from time to time.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec

from coda_daemon.gossip.peer import Peer
from coda_daemon.ledger.transactions import CommandRules
from coda_daemon.log import Log
from coda_daemon.network import Network
from coda_daemon.ports import Clock
from coda_daemon.profile import Profile
from coda_daemon.snark.coordinator import Coordinator
from coda_daemon.snark.pool import SnarkPool
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.statement import Bundle
from coda_daemon.snark.work import ProofLevel, Work, WrongWorkError, check_work, decode_work, encode_work
from coda_daemon.snark.work_selection import Selection
from coda_protocol import structured_events
from coda_protocol.currency import Fee
from coda_protocol.format_error import FormatError
from coda_protocol.keys import PublicKey

TOPIC: Final = "snark work"
_MODULE: Final = "Network_pool__Snark_pool"
_MOST_EARLY: Final = 500  # pieces of work that come before their block does


class _Offer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    round: Annotated[int, msgspec.Meta(ge=0)]
    work: bytes


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Offer)


class SnarkTrade:
    """One node's. The counters are those of GraphQL `metrics`; `coordinator` is None while it sells nothing.

    `rules` of transactions are given at proof level `check`. `scan` gives the best tip's scan state and length;
    None while there is no frontier. Offers are kept for `kept_blocks` blocks after the best tip wanted them last.
    """

    def __init__(
        self,
        level: ProofLevel,
        rules: CommandRules | None,
        clock: Clock,
        log: Log,
        profile: Profile,
        *,
        kept_blocks: int,
        logs_gossip: bool,
        scan: Callable[[], tuple[ScanState, int] | None],
    ) -> None:
        self.pool = SnarkPool()
        self.coordinator: Coordinator | None = None
        self._is_selling = asyncio.Event()
        self.diffs_received = 0
        self.diffs_broadcast = 0
        self._level = level
        self._rules = rules
        self._clock = clock
        self._log = log
        self._profile = profile
        self._kept_blocks = kept_blocks
        self._logs_gossip = logs_gossip
        self._scan = scan
        self._network: Network | None = None
        self._round = 0
        self._indexed: ScanState | None = None
        self._index: dict[tuple[bytes, ...], Bundle] = {}
        self._early: dict[tuple[tuple[bytes, ...], str], Work] = {}  # by statements and prover, oldest first

    def __repr__(self) -> str:
        return f"<SnarkTrade {len(self.pool)} on offer, {self.coordinator}>"

    def coordinate(self, prover: str, fee: int, selection: Selection, wait_ns: int) -> None:
        """Sell work under this key from now on, `fee` nanomina a bundle."""
        before = self.coordinator
        former = frozenset[str]() if before is None else before.former | {before.prover}
        self.coordinator = Coordinator(
            prover=prover,
            fee=fee,
            level=self._level,
            rules=self._rules,
            selection=selection,
            wait_ns=wait_ns,
            pool=self.pool,
            open_work=self.open_work,
            submitted=self._submitted,
            clock=self._clock,
            log=self._log,
            former=former,
        )
        self._is_selling.set()

    def open_work(self) -> tuple[Bundle, ...]:
        """What can be worked on at the best tip, bought by no block yet; what is wanted first in front."""
        return tuple(self._open().values())

    def pending(self) -> tuple[Bundle, ...]:
        """Of those, the ones that nobody offers a proof for."""
        return tuple(bundle for bundle in self.open_work() if self.pool.find(bundle) is None)

    def follow(self) -> None:
        """The best tip changed."""
        if self._early:
            self._take_early()
        if len(self.pool) and (state := self._scan()):
            self.pool.keep(self._open().values(), height=state[1], for_blocks=self._kept_blocks)

    def receive(self, peer: Peer, payload: bytes) -> bool:
        """Take in a gossiped offer; True when it is good and better than what was known.

        One that the best tip does not ask for cannot be judged: it may come before its block does. A few of those
        are kept for later and not passed on.
        """
        try:
            work = decode_work(_decoder.decode(payload).work)
            PublicKey.parse(work.prover)
            bundle = self._open().get(work.statements)
            if bundle is not None:
                check_work(work, bundle, self._level)
        except (msgspec.DecodeError, UnicodeDecodeError, WrongWorkError, FormatError) as error:
            self._log.faulty_peer(
                _MODULE, "$peer sent SNARK work that is wrong: $error", peer=str(peer), error=str(error)
            )
            return False
        self.diffs_received += 1
        if bundle is None:
            self._keep_early(work)
        if self._logs_gossip:
            self._log.event(
                structured_events.SNARK_WORK_RECEIVED, work=work_json(work), sender=peer.sender_json
            )
        return bundle is not None and self.pool.add(work, height=self._height)

    async def run(self, network: Network) -> None:
        """Gossip this node's unsold work from time to time, until cancelled."""
        self._network = network
        while True:
            await self._is_selling.wait()
            await asyncio.sleep(self._profile.rebroadcast)
            if self.coordinator is None:
                self._is_selling.clear()
                continue
            self._round += 1
            wanted = {bundle.statements for bundle in self.open_work()}
            for work in tuple(self.pool):
                if work.prover == self.coordinator.prover and work.statements in wanted:
                    self._publish(work)

    def _open(self) -> Mapping[tuple[bytes, ...], Bundle]:
        """Open work by its name, in the order of `open_work`."""
        state = self._scan()
        if state is None:
            return {}
        if self._indexed is not state[0]:
            self._indexed = state[0]
            self._index = {bundle.statements: bundle for bundle in state[0].pending()}
        return self._index

    def _keep_early(self, work: Work) -> None:
        if len(self._early) >= _MOST_EARLY:
            del self._early[next(iter(self._early))]
        self._early[work.statements, work.prover] = work

    def _take_early(self) -> None:
        """Judge what has become open; what turns out wrong cannot be held against anybody any more."""
        for name, work in tuple(self._early.items()):
            bundle = self._open().get(work.statements)
            if bundle is None:
                continue
            del self._early[name]
            with suppress(WrongWorkError):
                check_work(work, bundle, self._level)
                self.pool.add(work, height=self._height)

    @property
    def _height(self) -> int:
        state = self._scan()
        return 0 if state is None else state[1]

    def _submitted(self, work: Work) -> None:
        if self.pool.add(work, height=self._height):
            self._publish(work)

    def _publish(self, work: Work) -> None:
        if self._network is None:
            return
        self.diffs_broadcast += 1
        if self._logs_gossip:
            self._log.event(structured_events.GOSSIP_SNARK_POOL_DIFF, work=work_json(work))
        self._network.publish(TOPIC, _encoder.encode(_Offer(self._round, encode_work(work))))


def work_json(work: Work) -> dict[str, Any]:
    """The compact form of contract C.3."""
    ids = list(work.work_ids)
    named: list[Any] = ["One", ids[0]] if len(ids) == 1 else ["Two", ids]
    return {"work_ids": named, "fee": Fee(work.fee).coda, "prover": work.prover}
