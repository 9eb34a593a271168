"""What the tests of the chain share: configurations, chains built by hand, nodes in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tests.coda_daemon.log_testbed import RecordingSink

from coda_daemon.block_producer import Producer
from coda_daemon.consensus.body import Contents
from coda_daemon.consensus.building import Built, build_block
from coda_daemon.consensus.epoch_ledgers import stakes_of
from coda_daemon.consensus.epochs import staking_data_for
from coda_daemon.consensus.lottery import first_win
from coda_daemon.genesis import Genesis, make_genesis
from coda_daemon.gossip.network import Gossip
from coda_daemon.gossip.peer import Peer
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command
from coda_daemon.log import Log
from coda_daemon.node import Node, NodeExit, NodeOptions
from coda_daemon.profile import Profile, dev
from coda_daemon.snark.scan_state import ScanState
from coda_daemon.snark.work import ProofLevel, Work, proved, spec_of
from coda_executive.engines.simulation.event_loop import SimulatedEventLoop, run
from coda_executive.engines.simulation.host import (
    EPOCH_NS,
    SimulatedChance,
    SimulatedHost,
    VirtualMachine,
)
from coda_executive.engines.simulation.network import Network
from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.store import Disk
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.currency import Balance
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.runtime_config import (
    Account,
    GenesisLedger,
    GenesisSection,
    ProofSection,
    RuntimeConfig,
)
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.slots import GlobalSlot
from coda_protocol.timestamp import Timestamp

GENESIS_MS = EPOCH_NS // 1_000_000 + 1_000  # a second after a simulation begins
SLOT_MS = 2_000


def key(index: int) -> Address:
    return Address(str(sample_keypair(index).public))


def make_config(
    *stakes: int,
    k: int = 6,
    slots_per_epoch: int = 60,
    ledger_depth: int = 10,
    grace: int = 10,
    level: ProofLevel = "none",
) -> RuntimeConfig:
    """Sample keys 1, 2, … with these balances in coda, each staking for itself."""
    accounts = tuple(
        Account(pk=key(index), balance=Balance(stake * 10**9)) for index, stake in enumerate(stakes, start=1)
    )
    return RuntimeConfig(
        genesis=GenesisSection(
            k=k,
            delta=0,
            slots_per_epoch=slots_per_epoch,
            slots_per_sub_window=2,
            grace_period_slots=grace,
            genesis_state_timestamp=Timestamp(GENESIS_MS),
        ),
        proof=ProofSection(
            level=level,
            sub_windows_per_window=3,
            ledger_depth=ledger_depth,
            block_window_duration_ms=SLOT_MS,
        ),
        ledger=GenesisLedger(accounts=accounts, add_genesis_winner=False),
    )


def genesis_of(config: RuntimeConfig) -> Genesis:
    return make_genesis(config, with_defaults(config, CompiledProfile.LIGHTNET))


def next_block(
    genesis: Genesis,
    parent: Built,
    producer: int = 1,
    *,
    after: int | None = None,
    receiver: int | None = None,
    commands: Sequence[Command] = (),
    has_coinbase: bool = True,
) -> Built:
    """The first block that sample key `producer` can make on `parent`, in a slot after `after`."""
    rules, creator = genesis.rules, key(producer)
    slot = GlobalSlot((parent.block.global_slot if after is None else after) + 1)
    while True:
        data = staking_data_for(parent.block.consensus_state, slot, rules.constants)
        assert data is not None, "no slot is won for more than an epoch"
        stakes = stakes_of(data, rules.stakes, parent.epoch_ledgers)
        assert stakes is not None
        stakers = stakes.stakers_of(creator)
        if win := first_win(data.seed, [slot], stakers):
            return build_block(
                parent,
                win,
                creator=creator,
                coinbase_receiver=key(receiver or producer),
                rules=rules,
                contents=Contents(
                    tuple(commands), free_work(parent.scan, commands, has_coinbase=has_coinbase), has_coinbase
                ),
            )
        slot = GlobalSlot(slot + 1)


def free_work(
    scan: ScanState, commands: Sequence[Command] = (), *, has_coinbase: bool = True
) -> tuple[Work, ...]:
    """The SNARK work that a block with these commands owes, done for nothing."""
    transactions = len(commands) + has_coinbase + any(command.fee for command in commands)
    bundles = scan.required(min(transactions, scan.room))
    return tuple(proved(spec_of(bundle, fee=0, prover=key(1)), "none") for bundle in bundles)


def chain(genesis: Genesis, length: int, producer: int = 1, *, on: Built | None = None) -> list[Built]:
    """`length` blocks on top of `on` (genesis)."""
    blocks: list[Built] = []
    for _ in range(length):
        blocks.append(next_block(genesis, blocks[-1] if blocks else on or genesis.built, producer))
    return blocks


class Site:
    """A node's machine and disk, and the node while it runs."""

    def __init__(self, world: "World", name: str, number: int, options: NodeOptions) -> None:
        self.world = world
        self.name = name
        self.log = RecordingSink()
        self._options = options
        self._address = f"10.0.0.{number}"
        self._identity = libp2p_keypair_from_seed(name)
        self._machine = VirtualMachine(
            world.network,
            world.network.join(name, self._address),
            SimulatedChance(1, name),
            Disk(),
        )
        self._process: Process | None = None
        self._node: Node | None = None
        self.ended: asyncio.Task[int] | None = None

    @property
    def node(self) -> Node:
        assert self._node is not None, f"{self.name} was never started"
        return self._node

    @property
    def peer(self) -> Peer:
        return Peer(self._address, 8302, self._identity.peer_id)

    def start(self, *, is_fresh: bool = False) -> None:
        if is_fresh:
            self._machine.disk = Disk()
        self.log = RecordingSink()
        self._process = Process(self.name, lambda _line: None)
        host = SimulatedHost(self._machine, self._process, 1, {})
        self._process.context.run(self._make, host)
        self.ended = self._process.spawn(self.world.loop, self._run(), "node")

    def _make(self, host: Any) -> None:
        host.store.make_directory("/config")
        world = self.world
        log = Log(host.clock, [self.log], pid=1)
        self._node = Node(
            host=host,
            genesis=world.genesis,
            log=log,
            profile=world.profile,
            directory="/config",
            options=self._options,
        )
        self._gossip = Gossip(
            host=host,
            identity=self._identity,
            chain_id=world.genesis.chain_id,
            bind_ip=self._address,
            external_ip=self._address,
            external_port=8302,
            seeds=[site.peer for site in world.sites if site._options.is_seed],
            profile=world.profile,
            log=log,
            serve=self._node.serve,
            receive=self._node.receive,
        )

    async def _run(self) -> int:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._gossip.run())
                tasks.create_task(self.node.run(self._gossip))
        except* NodeExit as ends:
            end: BaseException = ends
            while isinstance(end, BaseExceptionGroup):
                end = end.exceptions[0]
            assert isinstance(end, NodeExit)
            code = end.code
        return code

    async def kill(self) -> None:
        """End it at once, as SIGKILL and a power cut together do: what was not forced to the disk is lost."""
        assert self._process is not None
        assert self.ended is not None
        self._machine.disk.lose_unsynced()
        self._machine.machine.reset()
        self.world.loop.end(self._process)
        await asyncio.wait([self.ended])


class World:
    """A simulated network of nodes; `run` it with a test's coroutine."""

    def __init__(self, genesis: Genesis, profile: Profile | None = None) -> None:
        self.genesis = genesis
        self.profile = profile or dev(SLOT_MS)
        self.sites: list[Site] = []
        self.loop = SimulatedEventLoop()
        self.network = Network(self.loop, seed=1, latency_ns=5_000_000, jitter_ns=2_000_000)

    def site(self, name: str, *, is_seed: bool = False, producer: int | None = None) -> Site:
        options = NodeOptions(
            is_seed=is_seed, producer=None if producer is None else Producer(key(producer), None)
        )
        site = Site(self, name, len(self.sites) + 1, options)
        self.sites.append(site)
        return site

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def and_stop() -> None:
            try:
                await main()
            finally:
                for site in self.sites:
                    if site._process is not None and not site._process.is_gone:
                        await site.kill()

        run(and_stop, loop=self.loop)

    async def until_slot(self, slot: float) -> None:
        """Wait until the middle of a slot, when its block has arrived everywhere."""
        middle_ns = int((GENESIS_MS + (slot + 0.5) * SLOT_MS) * 1_000_000) - EPOCH_NS
        await asyncio.sleep((middle_ns - self.loop.now_ns) / 1_000_000_000)


def tips(sites: Sequence[Site]) -> set[str]:
    found = [site.node.best_tip for site in sites]
    return {tip.state_hash for tip in found if tip is not None}
