"""A daemon's part in the chain: from waiting for genesis to following, extending and serving the frontier.

    node = Node(host=host, genesis=genesis, log=log, profile=profile, directory=config_directory, …)
    gossip = Gossip(…, serve=node.serve, receive=node.receive)
    await node.run(gossip)          beside gossip.run(), until cancelled; NodeExit ends it

Phases (daemon contract A.10, I.4): wait for genesis, for peers, load the frontier, then follow the network;
bootstrap and follow again whenever the network is too far ahead. Blocks are handled without a pause in
between, so no other task ever sees half of one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from coda_daemon.announcements import Announcements, SyncChanged
from coda_daemon.block_json import breadcrumb_json
from coda_daemon.block_producer import BlockProducer, EmptyEpochError, Producer
from coda_daemon.blocks import Block, MalformedBlockError, decode_block
from coda_daemon.bootstrap import bootstrapped, is_too_far
from coda_daemon.catchup import Catchup
from coda_daemon.consensus.building import Built, InvalidBlockError, timeliness
from coda_daemon.consensus.lottery import Win
from coda_daemon.consensus.selection import is_better
from coda_daemon.frontier.frontier import Diff, Frontier
from coda_daemon.frontier_controller import FrontierController
from coda_daemon.genesis import Genesis
from coda_daemon.gossip.peer import Peer
from coda_daemon.initialisation import (
    MODULE,
    NoPeersError,
    best_tip_of_peers,
    loaded_frontier,
    wait_for_genesis,
    wait_for_peers,
)
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.log import Log
from coda_daemon.measurements import Measurements
from coda_daemon.mempool import View
from coda_daemon.network import Network
from coda_daemon.peer_requests import Answers
from coda_daemon.persistence import FrontierStore
from coda_daemon.ports import Clock, Host
from coda_daemon.profile import Profile
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.trade import TOPIC as SNARK_TOPIC
from coda_daemon.snark.trade import SnarkTrade
from coda_daemon.status_tracker import StatusTracker
from coda_daemon.sync_status import Situation, SyncStatus
from coda_daemon.transaction_pool import TOPIC as TRANSACTION_TOPIC
from coda_daemon.transaction_pool import TransactionPool
from coda_protocol import structured_events
from coda_protocol.hashes import StateHash
from coda_protocol.slots import GlobalSlot

BLOCK_TOPIC: Final = "block"
_HANDLER: Final = "Transition_handler"


class BootstrappingError(Exception):
    """There is no ledger to judge by, yet or for now."""


class NodeExit(Exception):
    """The node has to end with this exit code; why is in the log (daemon contract A.8)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How the command line asked a node to behave. `producer` is None when it makes no blocks."""

    is_seed: bool = False
    is_demo: bool = False
    producer: Producer | None = None
    logs_transaction_gossip: bool = False
    logs_snark_work_gossip: bool = False


@dataclass(slots=True)
class _Following:
    """What lives from one bootstrap to the next. `ended` is set to what ends it: None for a bootstrap."""

    controller: FrontierController
    catchup: Catchup
    producer: BlockProducer | None
    ended: "asyncio.Future[NodeExit | None]"


class Node:
    """One node. `serve` and `receive` are for the gossip network; the properties may be read at any time."""

    def __init__(
        self,
        *,
        host: Host,
        genesis: Genesis,
        log: Log,
        profile: Profile,
        directory: str,
        options: NodeOptions,
        clock: Clock | None = None,
    ) -> None:
        """`directory` is the configuration directory; the chain's state is kept in it.

        `clock` is block time, where it differs from the host's (`MINA_TIME_OFFSET`).
        """
        self.genesis = genesis
        self.options = options
        self._clock = clock or host.clock
        self.started_ns = self._clock.time_ns()
        self.announcements = Announcements()
        own = None if options.producer is None else options.producer.public_key
        self.measurements = Measurements(genesis.rules.constants, own=own)
        self.highest_received = 0  # blockchain lengths, 0 while there was none
        self.highest_unvalidated = 0
        self._times = genesis.rules.constants.times
        self._log = log
        self._profile = profile
        # A simulated host is told what costs processor time; on an operating system it passes by itself.
        self._work: Callable[[str, float], None] | None = getattr(host, "work", None)
        self._store = FrontierStore(host.store, directory, genesis)
        self._answers = Answers(lambda: self.frontier)
        self.pool = TransactionPool(
            genesis.constants,
            genesis.rules.body.commands.signature_kind,
            log,
            profile,
            logs_gossip=options.logs_transaction_gossip,
            blame=self._blame,
        )
        self.snark = SnarkTrade(
            genesis.rules.body.proof_level,
            genesis.rules.body.traced_commands,
            host.clock,
            log,
            profile,
            kept_blocks=genesis.rules.constants.k,
            logs_gossip=options.logs_snark_work_gossip,
            scan=self._scan_of_best_tip,
        )
        # A bootstrap makes a new producer, which must not make a second block for a slot. Slot 0 is genesis'.
        self._first_slot = GlobalSlot(1)
        self._coinbase_receiver = None if options.producer is None else options.producer.coinbase_receiver
        self._network: Network | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._following: _Following | None = None
        self._blocks_behind = (
            0  # from the best tip to the highest received, when the status was last worked out
        )
        # The best block that came while there was no frontier; it is caught up with afterwards.
        self._early: tuple[Block, Peer | None] | None = None
        self._status = StatusTracker(
            log, profile, slot_ms=genesis.rules.constants.slot_ms, recompute=self._recompute_status
        )

    def __repr__(self) -> str:
        return f"<Node {self.sync_status} {self.frontier}>"

    # ---- what others see ----

    @property
    def sync_status(self) -> SyncStatus:
        return self._status.status

    @property
    def frontier(self) -> Frontier | None:
        """None before genesis, and while initialising or bootstrapping."""
        return None if self._following is None else self._following.controller.frontier

    @property
    def best_tip(self) -> Block | None:
        return None if self.frontier is None else self.frontier.best_tip.block

    @property
    def ledger(self) -> Ledger | None:
        """The best tip's ledger."""
        return None if self.frontier is None else self.frontier.best_tip.ledger

    def best_path(self, max_length: int | None = None) -> tuple[Block, ...]:
        """Oldest first, as `bestChain` gives it (D.3); empty without a frontier."""
        return () if self.frontier is None else self.frontier.best_path(max_length)

    def block(self, state_hash: StateHash) -> Block | None:
        """Any block of the frontier."""
        built = None if self.frontier is None else self.frontier.breadcrumb(state_hash)
        return None if built is None else built.block

    def block_at(self, blockchain_length: int) -> Block | None:
        """A block of the best chain after the root."""
        return None if self.frontier is None else self.frontier.block_at(blockchain_length)

    @property
    def catchup_states(self) -> tuple[str, ...] | None:
        """Names for GraphQL `catchupStatus`; None without a frontier."""
        return None if self._following is None else self._following.catchup.states

    @property
    def next_production(self) -> Win | None:
        """The next slot that this node's key has won, as far as the epoch is known."""
        producer = None if self._following is None else self._following.producer
        return None if producer is None else producer.next_win

    @property
    def slot_now(self) -> GlobalSlot:
        """By the clock, since the last hard fork."""
        return self._times.slot_at(self._clock.time_ns() // 1_000_000)

    @property
    def pool_view(self) -> View | None:
        """What the transaction pool judges by; None without a frontier."""
        if self.ledger is None:
            return None
        return View(self.ledger, self.genesis.rules.body.since_genesis(self.slot_now))

    def _scan_of_best_tip(self) -> tuple[ScanState, int] | None:
        if self.frontier is None:
            return None
        tip = self.frontier.best_tip
        return tip.scan, tip.block.blockchain_length

    @property
    def coinbase_receiver(self) -> Address | None:
        """None means the block producer."""
        return self._coinbase_receiver

    # ---- what users ask for ----

    def set_coinbase_receiver(self, receiver: Address | None) -> None:
        self._coinbase_receiver = receiver
        if self._following is not None and self._following.producer is not None:
            self._following.producer.coinbase_receiver = receiver

    def submit(self, command: Command) -> None:
        """Take a user's command into the pool and gossip it. Raises RejectedError and BootstrappingError."""
        view = self.pool_view
        if view is None or self._network is None:
            raise BootstrappingError
        self.pool.submit(command, view, self._network)

    def in_background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside the node for as long as it runs; it may not raise."""
        assert self._tasks is not None, "a node that answers requests runs"
        self._tasks.create_task(work, name=name)

    # ---- the phases ----

    async def run(self, network: Network) -> None:
        """Take part until cancelled. Raises NodeExit, in an exception group, when the node has to end by itself."""
        self._network = network
        network.on_peers_changed(self._recompute_status)
        self._recompute_status()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._watch_silence(network), name="silence")
                tasks.create_task(self.pool.rebroadcast(network), name="transaction pool")
                tasks.create_task(self.snark.run(network), name="SNARK work")
                await self._take_part(network)
        finally:
            self._tasks = None
            self._status.close()

    async def _take_part(self, network: Network) -> None:
        await wait_for_genesis(self.genesis, self._clock, self._log)
        if self.options.is_seed or self.options.is_demo:
            self._log.info(MODULE, "We are seed, not waiting for peers to show up, start initialization")
        else:
            try:
                await wait_for_peers(network, self._profile, self._log)
            except NoPeersError as error:
                raise NodeExit(1) from error
        tip = await best_tip_of_peers(
            self.genesis, network, self._profile, self._log, now=lambda: self.slot_now
        )
        if tip is not None:
            self._remember(*tip)
        frontier = loaded_frontier(self._store, self.genesis, self._log)
        while True:
            if frontier is None or self._is_left_behind(frontier):
                frontier = await self._bootstrap(network, frontier) or frontier
            assert frontier is not None, "a bootstrap without an old frontier ends with a new one"
            await self._follow(network, frontier)

    async def _watch_silence(self, network: Network) -> None:
        await self._status.watch_silence(network, is_seed=self.options.is_seed)
        self._log.fatal(MODULE, "The node has been offline for too long; shutting down")
        raise NodeExit(1)

    def _is_left_behind(self, frontier: Frontier) -> bool:
        """Whether the best block heard of calls for a bootstrap."""
        if self._early is None or not is_too_far(self._early[0], frontier, self.genesis):
            return False
        self._log.info(
            MODULE,
            "Network best tip is too new to catchup to (best_tip with $length); starting bootstrap",
            length=self._early[0].blockchain_length,
        )
        self._log.event(structured_events.BOOTSTRAP_REQUIRED)
        return True

    async def _bootstrap(self, network: Network, old: Frontier | None) -> Frontier | None:
        """The frontier to go on with; None if there is none better than the old one."""
        if self._early is not None:
            self._hear_of(self._early[0])
        try:
            async with asyncio.timeout(self._profile.bootstrap_limit):
                frontier = await bootstrapped(
                    self.genesis,
                    network,
                    self._log,
                    self._profile,
                    ours=None if old is None else old.root.block,
                )
        except TimeoutError:
            self._log.fatal(
                MODULE,
                "Bootstrapping took longer than $limit seconds; shutting down",
                limit=self._profile.bootstrap_limit,
            )
            raise NodeExit(1) from None
        if frontier is None:
            # Whoever told of a better chain cannot show it: believing that again would never end.
            self._early = None
            return None
        self._store.rewrite(frontier)
        self._log.event(structured_events.TRANSITION_FRONTIER_LOADED_FROM_PERSISTENCE)
        return frontier

    async def _follow(self, network: Network, frontier: Frontier) -> None:
        """Follow and extend the frontier; returns when a bootstrap is needed. Raises NodeExit."""
        following = self._following = self._make_following(network, frontier)
        if view := self.pool_view:
            self.pool.reset(view)
        self._log.event(structured_events.STARTING_TRANSITION_FRONTIER_CONTROLLER)
        early, self._early = self._early, None
        if early is not None:
            self._take_in(following, *early, is_timely=not self._untimely(early[0]))
            self._hear_of(early[0])
        self._recompute_status()
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(following.catchup.run(), name="catchup")]
                if following.producer is not None:
                    running.append(
                        tasks.create_task(self._produce(following.producer, following), name="block producer")
                    )
                end = await following.ended
                for task in running:
                    task.cancel()
        finally:
            self._following = None
        if end is not None:
            raise end

    def _make_following(self, network: Network, frontier: Frontier) -> _Following:
        rules = self.genesis.rules
        catchup = Catchup(
            frontier, network, self._log, self._profile, adopt=self._adopt, changed=self._catchup_changed
        )
        producer = None
        if self.options.producer is not None:
            producer = BlockProducer(
                self.options.producer,
                frontier,
                rules,
                self._clock,
                self._log,
                produced=self._produced,
                is_catching_up=lambda: catchup.is_running,
                pending=self.pool.commands.by_fee,
                find_work=self.snark.pool.find,
                first_slot=self._first_slot,
            )
            producer.coinbase_receiver = self._coinbase_receiver
        controller = FrontierController(frontier, rules, self._store, self._log)
        return _Following(controller, catchup, producer, asyncio.get_running_loop().create_future())

    async def _produce(self, producer: BlockProducer, following: _Following) -> None:
        try:
            await producer.run()
        except EmptyEpochError:
            self._log.fatal(
                "Block_producer",
                "The best tip $state_hash is more than one epoch behind the clock: the network cannot go on. "
                "Set genesis_state_timestamp near the start of the run",
                state_hash=following.controller.frontier.best_tip.block.state_hash,
            )
            _end(following, NodeExit(99))

    # ---- what comes from peers ----

    async def serve(self, _peer: Peer, kind: str, payload: bytes) -> bytes:
        """Answer a peer's request. Raises RequestFailed, whose text the peer is told."""
        return self._answers.answer(kind, payload)

    def receive(self, peer: Peer, topic: str, payload: bytes) -> bool:
        """Take in a gossip message; True when it is to be passed on."""
        if topic == TRANSACTION_TOPIC:
            return self.pool.receive(peer, payload, self.pool_view)
        if topic == SNARK_TOPIC:
            return self.snark.receive(peer, payload)
        if topic != BLOCK_TOPIC:
            return False
        try:
            block = decode_block(payload)
        except MalformedBlockError as error:
            self._log.faulty_peer(
                _HANDLER, "$peer sent a malformed block: $error", peer=str(peer), error=str(error)
            )
            self._blame(peer, "Decoding_failed")
            return False
        self._log.event(
            structured_events.BLOCK_RECEIVED, state_hash=block.state_hash, sender=peer.sender_json
        )
        if block.blockchain_length > self.highest_unvalidated:
            self.highest_unvalidated = block.blockchain_length
        if reason := self._untimely(block):
            self._log.info(
                _HANDLER,
                "Dropping block $state_hash: it came $reason",
                state_hash=block.state_hash,
                reason=reason,
            )
            return False
        self._status.heard()
        if self._following is None:
            self._remember(block, peer)
            return False
        is_added = self._take_in(self._following, block, peer, is_timely=True)
        if self._following is not None:
            self._following.catchup.adopt_waiting()
        return is_added

    def _remember(self, block: Block, sender: Peer | None) -> None:
        """Keep a block for when there is a frontier, if it is the best so far."""
        if self._early is None or is_better(block, self._early[0], self.genesis.rules.constants):
            self._early = (block, sender)

    def _take_in(self, following: _Following, block: Block, sender: Peer | None, *, is_timely: bool) -> bool:
        """Add a block, or see to its ancestors; True when it was added."""
        frontier = following.controller.frontier
        if frontier.known_block(block.state_hash) is not None:
            return False
        if block.previous_state_hash in frontier:
            return self._add(following, block, sender, is_timely=is_timely)
        if is_too_far(block, frontier, self.genesis):
            self._early = (block, sender)
            _end(following, None)
        elif block.blockchain_length > frontier.root.block.blockchain_length:
            following.catchup.want(block, sender)
        return False

    def _adopt(self, block: Block) -> bool:
        """Catchup's way to add a block. One that is still timely is gossiped: others may lack it too."""
        following = self._following
        if following is None or block.global_slot > self.slot_now:
            return False
        is_timely = not self._untimely(block)
        is_added = self._add(following, block, None, is_timely=is_timely)
        if is_added and is_timely and self._network is not None:
            self._network.publish(BLOCK_TOPIC, block.encoded)
        return is_added

    def _add(self, following: _Following, block: Block, sender: Peer | None, *, is_timely: bool) -> bool:
        """Validate and add a block whose parent is in the frontier; a timely one is gossiped afterwards."""
        try:
            built = following.controller.validated(block)
        except InvalidBlockError as error:
            self._log.faulty_peer(
                _HANDLER,
                "Rejecting block $state_hash from $sender: $error",
                state_hash=block.state_hash,
                sender="catchup" if sender is None else str(sender),
                error=str(error),
            )
            if sender is not None:
                self._blame(sender, "Sent_invalid_block")
            return False
        diff = self._written(following, built, made_here=False)
        if diff is None:
            return False
        if is_timely:
            self._log.event(structured_events.REBROADCAST_TRANSITION, state_hash=block.state_hash)
        self._added(following, block, diff)
        return True

    def _produced(self, built: Built) -> None:
        following, network, block = self._following, self._network, built.block
        assert following is not None, "a producer runs while there is a frontier"
        assert network is not None, "a producer runs within `run`"
        self._first_slot = GlobalSlot(block.global_slot + 1)
        self._log.event(
            structured_events.BLOCK_PRODUCED,
            breadcrumb=lambda: breadcrumb_json(
                block, self.genesis.rules.constants, received_ns=self._clock.time_ns()
            ),
        )
        diff = self._written(following, built, made_here=True)
        if diff is None:
            return
        self._log.event(structured_events.GOSSIP_NEW_STATE, state_hash=block.state_hash)
        network.publish(BLOCK_TOPIC, block.encoded)
        if network.connections_seen:
            self._status.heard()
        self._added(following, block, diff)

    def _written(self, following: _Following, built: Built, *, made_here: bool) -> Diff | None:
        """Add a block to the frontier and its journal; None if the disk refused, which ends the node."""
        if self._work is not None:
            commands = len(built.block.body.commands)
            self._work("block", self._profile.block_work + commands * self._profile.command_work)
        try:
            return following.controller.add(built, made_here=made_here)
        except OSError as error:
            self._log.fatal(MODULE, "Cannot write the frontier: $error; shutting down", error=str(error))
            _end(following, NodeExit(1))
            return None

    def _added(self, following: _Following, block: Block, diff: Diff) -> None:
        """What follows from any new block, last of all."""
        if block.blockchain_length > self.highest_received:
            self.highest_received = block.blockchain_length
            self.highest_unvalidated = max(self.highest_unvalidated, self.highest_received)
        change = diff.best_tip
        is_reorganization = change is not None and bool(change.removed)
        if change is not None:
            following.controller.tell_best_tip(change)
            if (is_reorganization or len(self.pool.commands)) and (view := self.pool_view):
                self.pool.follow(change, view)
            self.snark.follow()
            if following.producer is not None:
                following.producer.look_again()
        # Of all that the status follows from, a block changes nothing else.
        if self._count_blocks_behind(following.controller.frontier) != self._blocks_behind:
            self._recompute_status()
        now_ms = self._clock.time_ns() // 1_000_000
        self.measurements.add(block, now_ms, is_reorganization=is_reorganization)
        self.announcements.tell_block(block, is_reorganization=is_reorganization)

    def _blame(self, peer: Peer, action: str) -> None:
        if self._network is not None:
            self._network.blame(peer, action)

    def _untimely(self, block: Block) -> str | None:
        return timeliness(block, self.slot_now, self.genesis.rules.constants.delta)

    # ---- sync status ----

    def _catchup_changed(self) -> None:
        if self._following is not None and self._following.producer is not None:
            self._following.producer.look_again()
        self._recompute_status()

    def _hear_of(self, tip: Block) -> None:
        """A recent tip that a peer reported is as good as gossip: the network is alive."""
        is_recent = self.slot_now - tip.global_slot <= self._profile.offline_slots
        if is_recent and tip.state_hash != self.genesis.block.state_hash:
            self._status.heard()

    def _recompute_status(self) -> None:
        """Called whenever something changes that the status follows from, so no timer has to look."""
        frontier, network = self.frontier, self._network
        self._blocks_behind = self._count_blocks_behind(frontier)
        before = self.sync_status
        self._status.update(
            Situation(
                is_demo=self.options.is_demo,
                has_met_a_peer=network is not None and network.connections_seen > 0,
                has_heard_gossip=self._status.has_heard_gossip,
                is_offline=self._status.is_offline,
                has_frontier=frontier is not None,
                is_catching_up=self._following is not None and self._following.catchup.is_running,
                blocks_behind=self._blocks_behind,
            )
        )
        if self.sync_status is not before:
            self.announcements.tell(SyncChanged(self.sync_status))

    def _count_blocks_behind(self, frontier: Frontier | None) -> int:
        """From the best tip to the highest block received."""
        return self.highest_received - (0 if frontier is None else frontier.best_tip.block.blockchain_length)


def _end(following: _Following, end: NodeExit | None) -> None:
    if not following.ended.done():
        following.ended.set_result(end)
