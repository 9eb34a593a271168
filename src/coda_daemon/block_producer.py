"""Producing blocks in the slots that a key wins (daemon contract I.1, I.2).

The producer looks ahead for its next win and sleeps until that slot begins. Wins of an epoch follow from
the epoch data of the best tip, so only a tip on a chain with other epoch data, or the end of the epoch,
makes it look again.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from coda_daemon.blocks import EpochData
from coda_daemon.consensus.body import Contents
from coda_daemon.consensus.building import Built, Rules, build_block
from coda_daemon.consensus.epoch_ledgers import stakes_of
from coda_daemon.consensus.epochs import staking_data_for
from coda_daemon.consensus.lottery import Win, first_win
from coda_daemon.consensus.purchase import choose_contents, reward_of
from coda_daemon.consensus.vrf import VrfKey
from coda_daemon.frontier.frontier import Frontier
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import Command
from coda_daemon.log import Log
from coda_daemon.ports import Clock
from coda_daemon.snark.statement import Bundle
from coda_daemon.snark.work import Work
from coda_protocol.keys import Keypair
from coda_protocol.slots import Epoch, GlobalSlot

_MODULE: Final = "Block_producer"
_SLOTS_AT_ONCE: Final = 8  # drawn by private key before other tasks get their turn


@dataclass(frozen=True, slots=True)
class Producer:
    """Whose blocks they are. `coinbase_receiver` is None for the producer itself; it may be changed later.

    `keypair` draws the tickets at proof level `check`. A block whose coinbase and fees, less what its SNARK work
    costs, are below `minimum_reward` nanomina is made empty instead.
    """

    public_key: Address
    coinbase_receiver: Address | None
    keypair: Keypair | None = field(default=None, repr=False)
    minimum_reward: int = 0
    logs_creation: bool = True


@dataclass(frozen=True, slots=True)
class _Search:
    """Up to where an epoch was searched with which data, and what was found."""

    epoch: Epoch
    epoch_data: EpochData
    win: Win | None
    win_starts_ns: int  # since the Unix epoch; 0 without a win


class EmptyEpochError(Exception):
    """The clock is two or more epochs ahead of the best tip: no data to draw from were ever fixed (I.2)."""


class BlockProducer:
    """Produces on the best tip of one frontier. `produced` is told of each block, in its slot; `pending` are
    the commands to put into it, the best first, and `find_work` gives the SNARK work on offer.

    An empty epoch is not believed while `is_catching_up()`: the blocks may just not be here yet.
    """

    def __init__(
        self,
        producer: Producer,
        frontier: Frontier,
        rules: Rules,
        clock: Clock,
        log: Log,
        *,
        produced: Callable[[Built], None],
        is_catching_up: Callable[[], bool],
        pending: Callable[[], Iterable[Command]],
        find_work: Callable[[Bundle], Work | None],
        first_slot: GlobalSlot,
    ) -> None:
        """`first_slot` is the earliest to produce in: after the last one that this process has produced in."""
        self.coinbase_receiver = producer.coinbase_receiver
        self._vrf: VrfKey | None = None
        if rules.body.proof_level == "check":
            assert producer.keypair is not None, "at proof level check a producer has its private key"
            self._vrf = VrfKey(producer.keypair)
        self._producer = producer
        self._frontier = frontier
        self._rules = rules
        self._clock = clock
        self._log = log
        self._produced = produced
        self._is_catching_up = is_catching_up
        self._pending = pending
        self._find_work = find_work
        self._search: _Search | None = None
        self._next_slot = first_slot
        self._has_changed = False
        # While it sleeps: whether the time that it waits for has come; False when it must look again.
        self._has_come: asyncio.Future[bool] | None = None

    @property
    def next_win(self) -> Win | None:
        """The next slot to produce in, as far as this epoch is known."""
        return None if self._search is None else self._search.win

    def look_again(self) -> None:
        """See whether the next win still stands: the best tip changed, or catchup came to an end."""
        tip, last = self._frontier.best_tip.block.consensus_state, self._search
        win = None if last is None else last.win
        is_same_epoch = last is not None and tip.staking_epoch_data is last.epoch_data
        if last is not None and is_same_epoch and self._clock.time_ns() < last.win_starts_ns:
            return  # as always but around the beginning of an epoch
        now = self._now()
        slot = max(self._next_slot, now)
        data = staking_data_for(tip, slot, self._rules.constants)
        is_due = last is None or (win is not None and now >= win.slot)
        if is_due or data is None or not self._holds(data, slot):
            self._has_changed = True
            self._end_sleep(False)

    def _holds(self, data: EpochData, slot: GlobalSlot) -> bool:
        """Whether the last search has found the first win from a slot on, given what its epoch is drawn from."""
        last = self._search
        return (
            last is not None
            and last.epoch == self._rules.constants.epoch_of(slot)
            and _same_draw(last.epoch_data, data)
            and (last.win is None or last.win.slot >= slot)
        )

    async def run(self) -> None:
        """Produce until cancelled. Raises EmptyEpochError."""
        constants = self._rules.constants
        while True:
            self._has_changed = False
            now = self._now()
            self._next_slot = max(self._next_slot, now)
            await self._look_ahead(now)
            win = self.next_win
            if self._search is None:
                await self._wait_until(GlobalSlot(max(self._next_slot, now + 1)))
            elif win is None:
                epoch = constants.epoch_of(self._next_slot)
                await self._wait_until(GlobalSlot((epoch + 1) * constants.slots_per_epoch))
            elif await self._wait_until(win.slot):
                self._next_slot = GlobalSlot(win.slot + 1)
                self._search = None
                self._produce(win)

    async def _look_ahead(self, now: GlobalSlot) -> None:
        """Find the next win, unless the last search still holds."""
        constants, tip = self._rules.constants, self._frontier.best_tip.block
        epoch = constants.epoch_of(self._next_slot)
        data = staking_data_for(tip.consensus_state, self._next_slot, constants)
        if data is None:
            is_empty = constants.epoch_of(now) >= constants.epoch_of(tip.global_slot) + 2
            if is_empty and not self._is_catching_up():
                raise EmptyEpochError
            self._search = None
            return
        if self._holds(data, self._next_slot):
            return
        win = await self._first_win(data, epoch)
        self._search = _Search(epoch, data, win, 0 if win is None else self._start_ns(win.slot))

    async def _first_win(self, data: EpochData, epoch: Epoch) -> Win | None:
        stakes = stakes_of(data, self._rules.stakes, self._frontier.best_tip.epoch_ledgers)
        assert stakes is not None, "a block comes with the ledgers of its epochs"
        end = (epoch + 1) * self._rules.constants.slots_per_epoch
        if self._rules.slot_chain_end is not None:
            end = min(end, self._rules.slot_chain_end)
        stakers = stakes.stakers_of(self._producer.public_key)
        if self._vrf is None:
            return first_win(data.seed, map(GlobalSlot, range(self._next_slot, end)), stakers)
        for first in range(self._next_slot, end, _SLOTS_AT_ONCE):
            slots = map(GlobalSlot, range(first, min(end, first + _SLOTS_AT_ONCE)))
            if win := first_win(data.seed, slots, stakers, self._vrf.output):
                return replace(win, proof=self._vrf.prove(data.seed, win.slot, win.winner.public_key))
            await asyncio.sleep(0)
        return None

    def _produce(self, win: Win) -> None:
        tip = self._frontier.best_tip
        now = self._now()
        if now > win.slot + self._rules.constants.delta:
            self._log.info(
                _MODULE, "Slot $slot was won but is over at $now; producing nothing", slot=win.slot, now=now
            )
            return
        if tip.block.global_slot >= win.slot:
            return  # by another winner of this slot, whose clock is ahead of ours
        if self._producer.logs_creation:
            self._log.info(
                _MODULE,
                "Producing new block with parent $parent in slot $slot",
                parent=tip.block.state_hash,
                slot=win.slot,
            )
        receiver = self.coinbase_receiver or self._producer.public_key
        self._produced(
            build_block(
                tip,
                win,
                creator=self._producer.public_key,
                coinbase_receiver=receiver,
                rules=self._rules,
                contents=self._contents(tip, win.slot, receiver),
            )
        )

    def _contents(self, parent: Built, slot: GlobalSlot, receiver: Address) -> Contents:
        coinbase, least = self._rules.coinbase, self._producer.minimum_reward
        contents = choose_contents(
            parent.ledger,
            parent.scan,
            self._pending(),
            slot,
            receiver,
            coinbase,
            self._rules.body,
            self._offer,
        )
        reward = reward_of(contents, coinbase)
        if reward >= least:
            return contents
        self._log.info(
            _MODULE,
            "A block would earn $reward nanomina, less than -minimum-block-reward $least; producing an empty one",
            reward=reward,
            least=least,
        )
        return Contents(has_coinbase=False)

    def _offer(self, bundle: Bundle) -> Work | None:
        """The work on offer for a bundle, if its prover's account exists, or the fee pays for it (contract H)."""
        work = self._find_work(bundle)
        if work is None or not work.fee or work.fee >= self._rules.body.commands.account_creation_fee:
            return work
        if self._frontier.best_tip.ledger.account(Address(work.prover)) is not None:
            return work
        self._log.debug(
            _MODULE,
            "SNARK work $work_ids of $prover is not bought: its fee of $fee nanomina is insufficient to create the "
            "snark worker account",
            work_ids=list(work.work_ids),
            prover=work.prover,
            fee=work.fee,
        )
        return None

    async def _wait_until(self, slot: GlobalSlot) -> bool:
        """Sleep until a slot begins; False if there was a reason to look again before."""
        loop, start_ns = asyncio.get_running_loop(), self._start_ns(slot)
        # By the node's own clock, which may run apart from the loop's: hence in several sleeps if need be.
        while (rest := start_ns - self._clock.time_ns()) > 0:
            if self._has_changed:
                return False
            self._has_come = loop.create_future()
            timer = loop.call_later(rest / 1_000_000_000, self._end_sleep, True)
            try:
                if not await self._has_come:
                    return False
            finally:
                timer.cancel()
        return True

    def _end_sleep(self, has_come: bool) -> None:
        if self._has_come is not None and not self._has_come.done():
            self._has_come.set_result(has_come)

    def _start_ns(self, slot: GlobalSlot) -> int:
        return self._rules.constants.times.start_of(slot) * 1_000_000

    def _now(self) -> GlobalSlot:
        return self._rules.constants.times.slot_at(self._clock.time_ns() // 1_000_000)


def _same_draw(one: EpochData, other: EpochData) -> bool:
    return one.seed == other.seed and one.ledger_hash == other.ledger_hash
